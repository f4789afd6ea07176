"""The hand model as a tree of frames: the tables that whoever has no code of this package rebuilds a hand from.

In: a side. Out: :class:`KinematicTree`, everything in metres and in the frame of the segment it hangs on. It is the
same model as :mod:`hand_pose_ros.hand.kinematics`, written as data instead of code (a test compares them).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.skeleton import check_side

Array = NDArray[np.float64]
Flags = NDArray[np.uint8]

_ABDUCTION_AXIS, _FLEXION_AXIS = np.array([0.0, 0.0, 1.0]), np.array([0.0, 1.0, 0.0])


@dataclass(frozen=True, eq=False)
class KinematicTree:
    """The template hand of one side at zero angles, and what angles and shape do to it."""

    segment_positions: Array
    """(16, 3) m: each segment's origin in its parent's frame, as ``skeleton.SEGMENT_PARENTS``; 0 for the palm."""
    segment_rotations: Array
    """(16, 3, 3): its orientation there, at zero angles."""
    segment_shape: Flags
    """(16, 3, 9): 1 where a log scale, as ``skeleton.SHAPE_NAMES``, acts on x, y, z of the origin."""
    joint_segments: tuple[int, ...]
    """The segment that carries each of the 23 joints."""
    joint_positions: Array
    """(23, 3) m: the joint in that segment's frame."""
    joint_shape: Flags
    """(23, 3, 9): as ``segment_shape``."""
    angle_segments: tuple[int, ...]
    """The segment that each of the 20 angles turns in its parent. Angles of one segment turn it one after the other, in
    their order, each about an axis that the ones before have moved."""
    angle_axes: Array
    """(20, 3): unit vectors in the segment's frame."""
    angle_signs: tuple[int, ...]
    """1, or -1 where a positive angle turns left-handedly about its axis."""


def kinematic_tree(side: str) -> KinematicTree:
    """The tree of a right or a left hand. ValueError on an unknown side."""
    check_side(side)
    left = side == "left"
    mirror = skeleton.PALM_MIRROR if left else np.ones(3)
    segment_positions = np.zeros((skeleton.SEGMENT_COUNT, 3))
    segment_rotations = np.tile(np.eye(3), (skeleton.SEGMENT_COUNT, 1, 1))
    segment_shape = np.zeros((skeleton.SEGMENT_COUNT, 3, skeleton.SHAPE_COUNT), np.uint8)
    joint_segments = [0] * skeleton.JOINT_COUNT
    joint_positions = np.zeros((skeleton.JOINT_COUNT, 3))
    joint_shape = np.zeros((skeleton.JOINT_COUNT, 3, skeleton.SHAPE_COUNT), np.uint8)
    for joint in skeleton.WRIST_JOINTS:
        joint_positions[joint] = mirror * skeleton.PALM_JOINT_POSITIONS[skeleton.JOINT_NAMES[joint]]
        joint_shape[joint] = _palm_shape()
    for finger, (segments, joints) in zip(
        skeleton.FINGERS, zip(skeleton.FINGER_SEGMENT_TABLE, skeleton.FINGER_JOINT_TABLE, strict=True), strict=True
    ):  # fmt: skip
        base = skeleton.JOINT_NAMES[joints[0]]
        segment_positions[segments[0]] = mirror * skeleton.PALM_JOINT_POSITIONS[base]
        segment_shape[segments[0]] = _palm_shape()
        segment_positions[segments[1:], 0] = skeleton.BONE_LENGTHS[finger][:-1]
        for bone, segment in enumerate(segments[1:]):
            segment_shape[segment] = _bone_shape(finger, bone)
        for joint, segment in zip(joints[:-1], segments, strict=True):
            joint_segments[joint] = int(segment)
        tip = int(joints[-1])
        joint_segments[tip] = int(segments[-1])
        joint_positions[tip, 0] = skeleton.BONE_LENGTHS[finger][-1]
        joint_shape[tip] = _bone_shape(finger, len(segments) - 1)
    thumb = skeleton.FINGER_SEGMENT_TABLE[skeleton.FINGERS.index("thumb"), 0]
    segment_rotations[thumb] = mirror[:, None] * skeleton.THUMB_REST_ROTATION * mirror
    abducts = [name.endswith("_abduction") for name in skeleton.ANGLE_NAMES]
    return KinematicTree(
        segment_positions,
        segment_rotations,
        segment_shape,
        tuple(joint_segments),
        joint_positions,
        joint_shape,
        _angle_segments(),
        np.array([_ABDUCTION_AXIS if a else _FLEXION_AXIS for a in abducts]),
        tuple(-1 if a and left else 1 for a in abducts),
    )


def _angle_segments() -> tuple[int, ...]:
    """A finger's abduction and first flexion turn its first segment, the other flexions one segment each."""
    result = [0] * skeleton.ANGLE_COUNT
    for angles, segments in zip(skeleton.FINGER_ANGLE_TABLE, skeleton.FINGER_SEGMENT_TABLE, strict=True):
        for angle, segment in zip(angles, (segments[0], *segments), strict=True):
            result[angle] = int(segment)
    return tuple(result)


def _flags(*names: str) -> Flags:
    return np.array([name in names for name in skeleton.SHAPE_NAMES], np.uint8)


def _palm_shape() -> Flags:
    """(3, 9) of a point of the palm."""
    return np.stack([_flags("hand", "palm_length"), _flags("hand", "palm_width"), _flags("hand")])


def _bone_shape(finger: str, bone: int) -> Flags:
    """(3, 9) of the far end of a finger's bone, counted from the palm."""
    part = "thumb_metacarpal" if finger == "thumb" and bone == 0 else finger
    return np.tile(_flags("hand", part), (3, 1))
