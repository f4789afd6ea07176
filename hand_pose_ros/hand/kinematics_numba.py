"""One posed hand, quickly: pose and shape -> joints and segment frames, in numba, without torch's cost a call.

The same hand model as :class:`hand_pose_ros.hand.kinematics.HandModelLayer` (a test compares them), for one hand.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.skeleton import SIDES
from hand_pose_ros.hand.solver_kinematics import place_hand, scale_hand

Array = NDArray[np.float64]

_REST = np.stack([skeleton.THUMB_REST_ROTATION] + [np.eye(3)] * 4)
_MIRROR = np.array([1.0, -1.0, 1.0])
REST_ROTATIONS: dict[str, Array] = {"right": _REST, "left": _MIRROR[:, None] * _REST * _MIRROR}
"""(5, 3, 3) a side: each finger's orientation in the palm at zero angles."""
_NEAR = [joint for joints in skeleton.FINGER_JOINTS.values() for joint in joints[:3]]


class PlacedHand(NamedTuple):
    """joints (23, 3) m, segment_positions (16, 3) m and right-handed segment_rotations (16, 3, 3), in one frame."""

    joints: Array
    segment_positions: Array
    segment_rotations: Array


def fingers_direction(joints: NDArray[np.floating]) -> Array:
    """From the middle of the wrist to that of the knuckles: joints (..., 23, 3) -> (..., 3), same unit and frame."""
    knuckles, wrist = joints[..., skeleton.KNUCKLE_JOINTS, :], joints[..., skeleton.WRIST_JOINTS, :]
    return np.asarray(knuckles.mean(axis=-2) - wrist.mean(axis=-2), dtype=np.float64)


def hand_joints(
    side: str, rotation: Array, translation: Array, angles: Array, shape: Array
) -> tuple[Array, Array]:
    """Joints (23, 3) m, and the axes (20, 3) that the angles turn about; see :func:`place`."""
    if side not in SIDES:
        raise ValueError(f"side is '{side}', want one of {', '.join(SIDES)}")
    sign = 1.0 if side == "right" else -1.0
    wrist, bases, lengths = np.empty((2, 3)), np.empty((5, 3)), np.empty((5, 3))
    scale_hand(np.ascontiguousarray(shape, np.float64), sign, wrist, bases, lengths)
    joints, axes = np.empty((skeleton.JOINT_COUNT, 3)), np.empty((skeleton.ANGLE_COUNT, 3))
    place_hand(
        np.ascontiguousarray(rotation, np.float64),
        np.ascontiguousarray(translation, np.float64),
        np.ascontiguousarray(angles, np.float64),
        REST_ROTATIONS[side],
        sign, wrist, bases, lengths, joints, axes,
    )  # fmt: skip
    return joints, axes


def place(side: str, rotation: Array, translation: Array, angles: Array, shape: Array) -> PlacedHand:
    """Palm rotation (3, 3) and translation (3,) m, angles (20,) rad, shape (9,) log scales -> the whole hand.

    ValueError on an unknown side.
    """
    joints, axes = hand_joints(side, rotation, translation, angles, shape)
    bones = joints[[joint + 1 for joint in _NEAR]] - joints[_NEAR]
    forward = bones / np.linalg.norm(bones, axis=1, keepdims=True)
    across = axes.reshape(5, 4, 3)[:, 1:].reshape(15, 3)
    frames = np.stack([forward, across, np.cross(forward, across)], axis=-1)
    return PlacedHand(
        joints,
        np.concatenate([joints[:1], joints[_NEAR]]),
        np.concatenate([np.asarray(rotation, np.float64)[None], frames]),
    )
