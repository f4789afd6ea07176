"""Hands as the messages that the tracker node publishes, made without ROS: for bags.

In: hands, a stamp in ns, a frame. Out: messages of ``rosbags``, field by field those of ``nodes/conversions`` (a test
compares their bytes).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.kinematic_tree import kinematic_tree
from hand_pose_ros.recording.ros_types import (
    HAND_MODEL_INFO,
    HAND_POSE,
    HAND_POSE_ARRAY,
    JOINT_STATE,
    type_store,
)
from hand_pose_ros.refine.surface_model import END_RADII
from hand_pose_ros.resources import package_version
from hand_pose_ros.tracking.hand import Hand


def header(stamp_ns: int, frame_id: str) -> Any:
    """A std_msgs/Header."""
    types = type_store().types
    seconds, rest = divmod(stamp_ns, 1_000_000_000)
    return types["std_msgs/msg/Header"](
        stamp=types["builtin_interfaces/msg/Time"](sec=int(seconds), nanosec=int(rest)), frame_id=frame_id
    )


def hands_message(hands: Sequence[Hand], state: int, head: Any) -> Any:
    """All hands of one image; the array is empty when there is none."""
    messages = [_hand_message(hand, head) for hand in hands]
    return _new(HAND_POSE_ARRAY, header=head, state=int(state), hands=messages)


def joint_state_message(hands: Sequence[Hand], head: Any) -> Any:
    """Angles (rad) and their velocities of all hands, by name with the side as prefix."""
    return _new(
        JOINT_STATE,
        header=head,
        name=[f"{hand.side}_{name}" for hand in hands for name in skeleton.ANGLE_NAMES],
        position=np.concatenate([hand.angles for hand in hands] or [np.zeros(0)]),
        velocity=np.concatenate([hand.angle_velocities for hand in hands] or [np.zeros(0)]),
        effort=np.zeros(0),
    )


def model_info_message(model_name: str, model_hash: str) -> Any:
    """The skeleton's tables and the model that estimated the hands."""
    right, left = kinematic_tree("right"), kinematic_tree("left")
    return _new(
        HAND_MODEL_INFO,
        model_name=model_name,
        model_hash=model_hash,
        package_version=package_version(),
        joint_names=list(skeleton.JOINT_NAMES),
        joint_parents=np.array(skeleton.JOINT_PARENTS, np.int8),
        bone_lengths=_lengths_by_joint(skeleton.TEMPLATE_BONE_LENGTHS),
        joint_radii=END_RADII[: skeleton.JOINT_COUNT].astype(np.float32),
        joint_segments=np.array(right.joint_segments, np.int8),
        right_joint_positions=_points(right.joint_positions),
        left_joint_positions=_points(left.joint_positions),
        joint_shape_flags=right.joint_shape.reshape(-1).astype(np.uint8),
        angle_names=list(skeleton.ANGLE_NAMES),
        angle_lower=np.array(skeleton.ANGLE_LIMITS[:, 0]),
        angle_upper=np.array(skeleton.ANGLE_LIMITS[:, 1]),
        angle_segments=np.array(right.angle_segments, np.int8),
        angle_axes=_vectors(right.angle_axes),
        right_angle_signs=np.array(right.angle_signs, np.int8),
        left_angle_signs=np.array(left.angle_signs, np.int8),
        segment_names=list(skeleton.SEGMENT_NAMES),
        segment_parents=np.array(skeleton.SEGMENT_PARENTS, np.int8),
        right_segments=_poses(right.segment_positions, right.segment_rotations),
        left_segments=_poses(left.segment_positions, left.segment_rotations),
        segment_shape_flags=right.segment_shape.reshape(-1).astype(np.uint8),
        shape_names=list(skeleton.SHAPE_NAMES),
    )


def _hand_message(hand: Hand, head: Any) -> Any:
    (palm,) = _poses(hand.translation[None], hand.rotation[None])
    return _new(
        HAND_POSE,
        header=head,
        side=skeleton.SIDES.index(hand.side),
        track_id=int(hand.track_id),
        state=int(hand.state),
        confidence=float(hand.confidence),
        palm=palm,
        joints=_points(hand.joints),
        joint_confidence=np.asarray(hand.joint_confidence, np.float32),
        joint_velocities=_vectors(hand.joint_velocities),
        angles=np.asarray(hand.angles, np.float64),
        angle_velocities=np.asarray(hand.angle_velocities, np.float64),
        scale=float(hand.scale),
        shape=np.asarray(hand.shape, np.float32),
        shape_frozen=bool(hand.shape_frozen),
        bone_lengths=_lengths_by_joint(hand.bone_lengths),
        flesh_thickness=float(hand.thickness),
        segments=_poses(hand.segment_positions, hand.segment_rotations),
    )


def _new(kind: str, **values: Any) -> Any:
    return type_store().types[kind](**values)


def _lengths_by_joint(lengths: np.ndarray) -> np.ndarray:
    """Lengths (22,) m of ``skeleton.BONES`` as the messages have them: (23,) by joint, 0 for the root."""
    return np.concatenate([[0.0], lengths]).astype(np.float32)


def _points(positions: np.ndarray) -> list[Any]:
    return [_new("geometry_msgs/msg/Point", x=float(x), y=float(y), z=float(z)) for x, y, z in positions]


def _vectors(values: np.ndarray) -> list[Any]:
    return [_new("geometry_msgs/msg/Vector3", x=float(x), y=float(y), z=float(z)) for x, y, z in values]


def _poses(positions: np.ndarray, rotations: np.ndarray) -> list[Any]:
    quaternions = Rotation.from_matrix(rotations).as_quat()
    turned = [
        _new("geometry_msgs/msg/Quaternion", x=float(x), y=float(y), z=float(z), w=float(w))
        for x, y, z, w in quaternions
    ]
    pairs = zip(_points(positions), turned, strict=True)
    return [_new("geometry_msgs/msg/Pose", position=p, orientation=q) for p, q in pairs]
