"""The topics for whoever acts on what a hand does: other parties' joints, gestures, the palm's command, descriptions.

In: the hands of each image as published (in the image's frame or ``target_frame``). Out, relative topics:
``hand_joints/<set>`` (for each of ``joint_sets``, while somebody listens) and ``hand_gestures``, a message a side;
``<side>_hand/palm_pose``, ``palm_twist`` and, latched, ``palm_engaged``; ``<side>_hand/hand_description`` and
``hand_description`` (latched, when a hand's size is settled; the latter that of the hand settled last).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from geometry_msgs.msg import PoseStamped, TwistStamped
from rclpy.duration import Duration
from rclpy.lifecycle import LifecycleNode
from rclpy.time import Time
from std_msgs.msg import Bool, Header, String

from hand_pose_ros.hand.joint_sets import JOINT_SETS
from hand_pose_ros.hand.skeleton import SIDES
from hand_pose_ros.msg import HandGesture, HandJoints, HandPose
from hand_pose_ros.nodes.conversions import seen_hands
from hand_pose_ros.nodes.hand_frames import resolved_prefix, side_prefix
from hand_pose_ros.nodes.interaction_messages import gesture_message, joints_message, palm_messages
from hand_pose_ros.nodes.parameters.parameter_schema import DeclaredParameters
from hand_pose_ros.nodes.qos_overrides import PUBLISHER, Endpoint
from hand_pose_ros.nodes.topics import (
    DESCRIPTION_TOPIC,
    GESTURES_TOPIC,
    LATCHED_QOS,
    RELIABLE_QOS,
    joint_set_topic,
)
from hand_pose_ros.retarget.gestures import GestureDetector
from hand_pose_ros.retarget.human_hand import OPERATOR_LINK
from hand_pose_ros.retarget.named_joints import named_joints
from hand_pose_ros.retarget.palm_follower import PalmCommand, PalmFollower, PalmFollowerConfig
from hand_pose_ros.retarget.urdf import urdf_text
from hand_pose_ros.tracking.hand import named_hands

if TYPE_CHECKING:
    from hand_pose_ros.tracking.hand import Hand

_JOINT_SETS = {name: Endpoint(joint_set_topic(name), PUBLISHER, RELIABLE_QOS) for name in JOINT_SETS}
_GESTURES = Endpoint(GESTURES_TOPIC, PUBLISHER, RELIABLE_QOS)
_DESCRIPTION = Endpoint(DESCRIPTION_TOPIC, PUBLISHER, LATCHED_QOS)
_OF_SIDE: dict[str, tuple[type, Any]] = {
    "palm_pose": (PoseStamped, RELIABLE_QOS),
    "palm_twist": (TwistStamped, RELIABLE_QOS),
    "palm_engaged": (Bool, LATCHED_QOS),
    DESCRIPTION_TOPIC: (String, LATCHED_QOS),
}
_SIDE_ENDPOINTS = {
    (side, name): Endpoint(f"{side}_hand/{name}", PUBLISHER, qos)
    for side in SIDES
    for name, (_, qos) in _OF_SIDE.items()
}
INTERACTION_ENDPOINTS = (_GESTURES, _DESCRIPTION, *_SIDE_ENDPOINTS.values())
JOINT_SET_ENDPOINTS = tuple(_JOINT_SETS.values())
"""Of these there are those that the parameter ``joint_sets`` names."""
_SAME_THICKNESS = 0.02
"""A description is not published anew for a thickness (log scale) that differs by less: it goes on being learnt.
Guessed: 2 % of a finger is below what is seen in RViz."""


class _Described(NamedTuple):
    """What a side's description was last made of."""

    shape: np.ndarray
    """(9,) log scales."""
    thickness: float
    """Log scale."""
    prefix: str
    """Before the names of its links."""

    def is_as(self, other: _Described) -> bool:
        """Whether a description of the one does for the other."""
        alike = abs(self.thickness - other.thickness) < _SAME_THICKNESS and self.prefix == other.prefix
        return alike and np.array_equal(self.shape, other.shape)


class PalmsBefore(NamedTuple):
    """What outlives the outputs: whatever happens to the node, an arm stands where it was sent, and an operator has let
    go."""

    let_go: str = ""
    """The palm_clutch under which the service let every palm go, which still holds; else empty."""
    stand: Mapping[str, PalmCommand] = MappingProxyType({})
    """Where the arm of a side was sent last."""
    header: Header | None = None
    """Of the last image: its frame is that of these commands."""


class InteractionOutputs:
    """``create`` makes a publisher of a type for an endpoint; ``before`` is left by those before. One thread at a time
    may call :meth:`publish` and :meth:`stop`; :meth:`engage_palm` may be called from any."""

    def __init__(
        self,
        node: LifecycleNode,
        parameters: DeclaredParameters,
        create: Callable[[type, Endpoint], Any],
        before: PalmsBefore | None = None,
    ) -> None:
        self._node = node
        self._parameters = parameters
        sets = [name for name in parameters["joint_sets"] if name]
        self._joint_sets = {name: create(HandJoints, _JOINT_SETS[name]) for name in dict.fromkeys(sets)}
        self._gestures = create(HandGesture, _GESTURES)
        self._description = create(String, _DESCRIPTION)
        self._of_side = {
            (side, name): create(_OF_SIDE[name][0], endpoint)
            for (side, name), endpoint in _SIDE_ENDPOINTS.items()
        }
        self._detectors: dict[tuple[str, int], tuple[Hand, GestureDetector]] = {}
        follow = PalmFollowerConfig(scale=parameters["palm_scale"], twist_hz=parameters["palm_twist_hz"])
        before = before or PalmsBefore()
        self._followers = {side: PalmFollower(follow, before.stand.get(side)) for side in SIDES}
        self._clutch = parameters["palm_clutch"]
        # By the service: palm_clutch always engages no more until the service does.
        self._let_go = before.let_go == self._clutch
        self._seen_sides: frozenset[str] = frozenset()
        self._published_engaged: dict[str, bool] = {}
        self._described: dict[str, _Described] = {}  # that which was settled last is the last
        self._last_header = before.header or Header()
        self._lock = threading.Lock()

    @property
    def palms(self) -> PalmsBefore:
        """What those after these need to know."""
        stand = {side: follower.stands for side, follower in self._followers.items()}
        known = {side: command for side, command in stand.items() if command is not None}
        return PalmsBefore(self._clutch if self._let_go else "", known, self._last_header)

    def close(self) -> None:
        """Destroys all publishers."""
        publishers = (*self._joint_sets.values(), *self._of_side.values(), self._gestures, self._description)
        for publisher in publishers:
            self._node.destroy_lifecycle_publisher(publisher)

    def publish(self, hands: Sequence[Hand], header: Header) -> None:
        """Publishes everything about the hands of one image."""
        if self._last_header.frame_id not in ("", header.frame_id):
            with self._lock:  # a command in one frame is none in another
                for side in SIDES:  # in the frame that the arm was told: its last twist would go on
                    self._publish_command(side, self._followers[side].lose(), self._last_header)
                self._followers = {side: PalmFollower(old.config) for side, old in self._followers.items()}
        self._last_header = header
        named = {hand.side: hand for hand in named_hands(hands)}
        self._publish_joint_sets(list(named.values()), header)
        self._publish_gestures(list(named.values()), header)
        with self._lock:
            self._heed_clutch()
            self._seen_sides = frozenset(hand.side for hand in seen_hands(list(named.values())))
            for side in SIDES:
                self._publish_palm(side, named.get(side), header)
        for side in dict.fromkeys((*self._described, *SIDES)):
            self._describe(side, named.get(side))

    def stop(self, silent_s: float = 0.0) -> None:
        """No more images are looked at, or none came for ``silent_s``: what is held ends, every clutch is let go."""
        header = self._last_header
        stamp = Time.from_msg(header.stamp) + Duration(seconds=silent_s)
        self.publish((), Header(stamp=stamp.to_msg(), frame_id=header.frame_id))

    def engage_palm(self, wanted: bool) -> tuple[bool, str]:
        """The clutch of every hand that is seen is engaged, or that of every side let go; whether, in words too."""
        with self._lock:
            self._heed_clutch()  # no image may have come since it was set
            always = self._parameters["palm_clutch"] == "always"
            self._let_go = not wanted
            if not wanted:
                for side in SIDES:  # now, for no image may come any more
                    self._publish_command(side, self._followers[side].lose(), self._last_header)
                again = " until this service engages again" if always else ""
                return True, f"no palm is followed{again}"
            sides = sorted(self._seen_sides)
            for side in sides:
                self._followers[side].engage(True)
        if sides:
            return True, f"following the {' and the '.join(sides)} palm"
        if always:
            return True, "following every palm as soon as it is seen"
        return False, "no hand is seen that an arm could follow"

    def _publish_joint_sets(self, hands: Sequence[Hand], header: Header) -> None:
        for name, publisher in self._joint_sets.items():
            if publisher.get_subscription_count() == 0:
                continue
            for hand in hands:
                joints = named_joints(hand, name)
                of_message = header
                if joints.in_operator_frame:
                    frame = self._frame_prefix(hand.side) + OPERATOR_LINK
                    of_message = Header(stamp=header.stamp, frame_id=frame)
                publisher.publish(joints_message(hand, joints, of_message))

    def _frame_prefix(self, side: str) -> str:
        """What stands before the names of this side's frames, and of its description's links."""
        prefix = resolved_prefix(self._parameters["frame_prefix"], self._node.get_namespace())
        return side_prefix(prefix, side)

    def _publish_gestures(self, hands: Sequence[Hand], header: Header) -> None:
        seen = {(hand.side, hand.track_id) for hand in hands}
        before, self._detectors = self._detectors, {}
        # First, and by the side too: a side's events tell whoever knows no tracks what it holds.
        for hand, detector in (of_hand for key, of_hand in before.items() if key not in seen):
            ended = detector.end()
            if ended is not None:
                self._gestures.publish(gesture_message(hand, ended, header, lost=True))
        for hand in hands:
            _, detector = before.get((hand.side, hand.track_id), (hand, GestureDetector()))
            self._detectors[hand.side, hand.track_id] = hand, detector
            gesture = detector.update(hand.joints, hand.angles, hand.scale, hand.thickness)
            if gesture.events or self._gestures.get_subscription_count() > 0:
                self._gestures.publish(gesture_message(hand, gesture, header))

    def _heed_clutch(self) -> None:
        """Where the parameter was changed meanwhile, what it said before holds no longer."""
        before, self._clutch = self._clutch, self._parameters["palm_clutch"]
        if before == self._clutch:
            return
        self._let_go = False
        if self._clutch != "always":
            for side in SIDES:
                self._publish_command(side, self._followers[side].lose(), self._last_header)

    def _publish_palm(self, side: str, hand: Hand | None, header: Header) -> None:
        follower, stamp_s = self._followers[side], Time.from_msg(header.stamp).nanoseconds * 1e-9
        command: PalmCommand | None
        if hand is None:
            command = follower.lose()
        elif int(hand.state) != HandPose.STATE_TRACK:
            command = follower.hide(stamp_s)
        else:
            if self._clutch == "always" and not self._let_go and not follower.engaged:
                follower.engage(True)
            command = follower.update(hand.track_id, hand.rotation, hand.translation, stamp_s)
        self._publish_command(side, command, header)

    def _publish_command(self, side: str, command: PalmCommand | None, header: Header) -> None:
        if command is not None:
            pose, twist = palm_messages(command, header)
            self._of_side[side, "palm_pose"].publish(pose)
            self._of_side[side, "palm_twist"].publish(twist)
        engaged = self._followers[side].engaged
        if self._published_engaged.get(side) != engaged:
            self._published_engaged[side] = engaged
            self._of_side[side, "palm_engaged"].publish(Bool(data=engaged))

    def _describe(self, side: str, hand: Hand | None) -> None:
        """The hand of a side where its size is settled, and that which was, as soon as its frames have other names."""
        before, prefix = self._described.get(side), self._frame_prefix(side)
        if hand is not None and hand.shape_frozen:
            now = _Described(hand.shape.copy(), hand.thickness, prefix)
        elif before is not None:
            now = before._replace(prefix=prefix)
        else:
            return
        if before is not None and now.is_as(before):
            return
        self._described.pop(side, None)
        self._described[side] = now
        text = String(data=urdf_text(side, *now))
        self._of_side[side, DESCRIPTION_TOPIC].publish(text)
        self._description.publish(text)
