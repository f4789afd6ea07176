"""What a hand does, and other parties' hands, as ROS messages. No topic, no node, no algorithm.

In: ``NamedJoints``, ``Gesture``, ``PalmCommand`` of a hand (metres, radians). Out: HandJoints, HandGesture, PoseStamped
and TwistStamped with the header that is given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from geometry_msgs.msg import Pose, PoseStamped, Twist, TwistStamped
from scipy.spatial.transform import Rotation
from std_msgs.msg import Header

from hand_pose_ros.msg import HandGesture, HandJoints, HandPose
from hand_pose_ros.nodes.conversions import SIDES, point, quaternion, vector
from hand_pose_ros.retarget.gestures import Gesture
from hand_pose_ros.retarget.named_joints import NamedJoints
from hand_pose_ros.retarget.palm_follower import PalmCommand

if TYPE_CHECKING:
    from hand_pose_ros.tracking.hand import Hand


def joints_message(hand: Hand, joints: NamedJoints, header: Header) -> HandJoints:
    """Converts the joints of a set; ``header`` names the frame that they are in."""
    quaternions = Rotation.from_matrix(joints.rotations).as_quat()
    return HandJoints(
        header=header,
        side=SIDES[hand.side],
        track_id=int(hand.track_id),
        state=int(hand.state),
        confidence=float(hand.confidence),
        set_name=joints.joint_set.name,
        names=list(joints.joint_set.names),
        positions=[point(position) for position in joints.positions],
        orientations=[quaternion(xyzw) for xyzw in quaternions],
        radii=np.asarray(joints.radii, np.float32),
        validity=joints.validity,
    )


def gesture_message(hand: Hand, gesture: Gesture, header: Header, lost: bool = False) -> HandGesture:
    """Converts what a hand does. ``lost``: the hand is not seen any more, its confidence is 0."""
    return HandGesture(
        header=header,
        side=SIDES[hand.side],
        track_id=int(hand.track_id),
        state=HandPose.STATE_COAST if lost else int(hand.state),
        confidence=0.0 if lost else float(hand.confidence),
        thumb_tip_distances=np.asarray(gesture.distances, np.float32),
        pinch_strengths=np.asarray(gesture.strengths, np.float32),
        pinching=[bool(pinching) for pinching in gesture.pinching],
        grasp_strength=gesture.grasp_strength,
        grasping=gesture.grasping,
        events=[int(event) for event in gesture.events],
    )


def palm_messages(command: PalmCommand, header: Header) -> tuple[PoseStamped, TwistStamped]:
    """Converts where an arm's tool is to be, and how fast, in the header's frame."""
    xyzw = Rotation.from_matrix(command.rotation).as_quat()
    pose = Pose(position=point(command.position), orientation=quaternion(xyzw))
    twist = Twist(linear=vector(command.linear), angular=vector(command.angular))
    return PoseStamped(header=header, pose=pose), TwistStamped(header=header, twist=twist)
