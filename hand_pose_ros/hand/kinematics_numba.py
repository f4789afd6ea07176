"""One hand's forward kinematics in numba: pose and shape -> joints and segment frames, without torch's cost a call.

In: one hand's palm rotation (3, 3), translation (3,) m, angles (20,) rad and shape (9,) log scales, float64. Out:
joints (23, 3) m, the axes (20, 3) that the angles turn about, segment frames, in the frame that the rotation and the
translation refer to. The same hand model as :class:`hand_pose_ros.hand.kinematics.HandModelLayer` (a test compares
them). Kernels are for other compiled code: they write into arrays that the caller brings, and nothing checks them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.rotations_numba import multiply, rotate
from hand_pose_ros.hand.skeleton import (
    FINGER_ANGLE_TABLE,
    FINGER_JOINT_TABLE,
    FINGER_SEGMENT_TABLE,
    HAND_SCALE,
    PALM_JOINT,
    PALM_LENGTH_SCALE,
    PALM_WIDTH_SCALE,
    THUMB_METACARPAL_SCALE,
    THUMB_SCALE,
    WRIST_JOINTS,
    check_side,
)
from hand_pose_ros.kernel_cache import njit

Array = NDArray[np.float64]

WRIST_OFFSETS = np.array(
    [skeleton.PALM_JOINT_POSITIONS[skeleton.JOINT_NAMES[j]] for j in skeleton.WRIST_JOINTS]
)
BASE_OFFSETS = np.array(
    [skeleton.PALM_JOINT_POSITIONS[skeleton.JOINT_NAMES[j]] for j in FINGER_JOINT_TABLE[:, 0]]
)
FINGER_LENGTHS = np.array([skeleton.BONE_LENGTHS[finger] for finger in skeleton.FINGERS])

# The mean of the knuckles minus that of the wrist, as one row of weights.
_KNUCKLES_MINUS_WRIST = np.zeros(skeleton.JOINT_COUNT)
_KNUCKLES_MINUS_WRIST[list(skeleton.KNUCKLE_JOINTS)] = 1.0 / len(skeleton.KNUCKLE_JOINTS)
_KNUCKLES_MINUS_WRIST[list(skeleton.WRIST_JOINTS)] = -1.0 / len(skeleton.WRIST_JOINTS)

_REST = np.stack([skeleton.THUMB_REST_ROTATION] + [np.eye(3)] * 4)
REST_ROTATIONS: dict[str, Array] = {
    "right": _REST, "left": skeleton.PALM_MIRROR[:, None] * _REST * skeleton.PALM_MIRROR
}  # fmt: skip
"""(5, 3, 3) a side: each finger's orientation in the palm at zero angles."""
SIGNS: dict[str, float] = {"right": 1.0, "left": -1.0}
"""The sign of each side's y coordinates and abductions, as the kernels take it."""


class OffsetArrays(NamedTuple):
    """What is constant in one hand, metres, in its palm frame, mirrored for a left hand.

    wrist (2, 3); bases (5, 3): thumb CMC and the four MCP joints; lengths (5, 3): bone lengths of each finger from the
    palm to the tip. The numba kernels' counterpart of :class:`hand_pose_ros.hand.kinematics.HandOffsets`.
    """

    wrist: Array
    bases: Array
    lengths: Array


class PosedHand(NamedTuple):
    """joints (23, 3) m, segment_positions (16, 3) m and right-handed segment_rotations (16, 3, 3), in one frame."""

    joints: Array
    segment_positions: Array
    segment_rotations: Array


def fingers_direction(joints: NDArray[np.floating]) -> Array:
    """From the middle of the wrist to that of the knuckles: joints (..., 23, 3) -> (..., 3), same unit and frame."""
    return np.asarray(_KNUCKLES_MINUS_WRIST @ joints, dtype=np.float64)


def forward_joints(
    side: str, rotation: Array, translation: Array, angles: Array, shape: Array
) -> tuple[Array, Array]:
    """Joints (23, 3) m, and the axes (20, 3) that the angles turn about; see :func:`forward_kinematics`."""
    check_side(side)
    joints, axes = np.empty((skeleton.JOINT_COUNT, 3)), np.empty((skeleton.ANGLE_COUNT, 3))
    r, t, a, s = _plain(rotation, translation, angles, shape)
    forward_joints_kernel(r, t, a, s, REST_ROTATIONS[side], SIGNS[side], joints, axes)
    return joints, axes


def forward_kinematics(
    side: str, rotation: Array, translation: Array, angles: Array, shape: Array
) -> PosedHand:
    """Palm rotation (3, 3) and translation (3,) m, angles (20,) rad, shape (9,) log scales -> the whole hand.

    ValueError on an unknown side.
    """
    check_side(side)
    r, t, a, s = _plain(rotation, translation, angles, shape)
    joints, positions = np.empty((skeleton.JOINT_COUNT, 3)), np.empty((skeleton.SEGMENT_COUNT, 3))
    rotations = np.empty((skeleton.SEGMENT_COUNT, 3, 3))
    _posed_hand_kernel(r, t, a, s, REST_ROTATIONS[side], SIGNS[side], joints, positions, rotations)
    return PosedHand(joints, positions, rotations)


def _plain(*arrays: Array) -> tuple[Array, ...]:
    """As the kernels are compiled for: contiguous float64."""
    return tuple(np.ascontiguousarray(array, np.float64) for array in arrays)


@njit(cache=True, nogil=True)
def forward_joints_kernel(
    rotation: Array, translation: Array, angles: Array, shape: Array, rest: Array, sign: float, joints: Array,
    axes: Array,
) -> None:  # fmt: skip
    """:func:`forward_joints` into ``joints`` (23, 3) and ``axes`` (20, 3)."""
    offsets = empty_offsets()
    scale_offsets_kernel(shape, sign, offsets)
    forward_kinematics_kernel(rotation, translation, angles, rest, sign, offsets, joints, axes)


@njit(cache=True, nogil=True)
def _posed_hand_kernel(
    rotation: Array, translation: Array, angles: Array, shape: Array, rest: Array, sign: float, joints: Array,
    positions: Array, rotations: Array,
) -> None:  # fmt: skip
    """:func:`forward_kinematics` into ``joints`` (23, 3), ``positions`` (16, 3) and ``rotations`` (16, 3, 3)."""
    axes = np.empty((len(angles), 3))
    forward_joints_kernel(rotation, translation, angles, shape, rest, sign, joints, axes)
    positions[0], rotations[0] = joints[PALM_JOINT], rotation
    for f in range(5):
        for i in range(3):
            near, far = FINGER_JOINT_TABLE[f, i], FINGER_JOINT_TABLE[f, i + 1]
            segment, axis = FINGER_SEGMENT_TABLE[f, i], FINGER_ANGLE_TABLE[f, i + 1]
            x = joints[far, 0] - joints[near, 0]
            y = joints[far, 1] - joints[near, 1]
            z = joints[far, 2] - joints[near, 2]
            length = np.sqrt(x * x + y * y + z * z)
            x, y, z = x / length, y / length, z / length
            across = axes[axis]
            positions[segment] = joints[near]
            rotations[segment, 0, 0], rotations[segment, 1, 0], rotations[segment, 2, 0] = x, y, z
            for k in range(3):
                rotations[segment, k, 1] = across[k]
            rotations[segment, 0, 2] = y * across[2] - z * across[1]
            rotations[segment, 1, 2] = z * across[0] - x * across[2]
            rotations[segment, 2, 2] = x * across[1] - y * across[0]


@njit(cache=True, nogil=True)
def empty_offsets() -> OffsetArrays:
    """Room for :func:`scale_offsets_kernel` to write into."""
    return OffsetArrays(np.empty((2, 3)), np.empty((5, 3)), np.empty((5, 3)))


@njit(cache=True, nogil=True)
def scale_offsets_kernel(shape: Array, sign: float, offsets: OffsetArrays) -> None:
    """Log scales (9,) -> the template's offsets scaled, mirrored for a left hand (sign -1)."""
    wrist, bases, lengths = offsets
    hand = np.exp(shape[HAND_SCALE])
    along = hand * np.exp(shape[PALM_LENGTH_SCALE])
    across = hand * np.exp(shape[PALM_WIDTH_SCALE]) * sign
    for i in range(2):
        wrist[i, 0] = WRIST_OFFSETS[i, 0] * along
        wrist[i, 1] = WRIST_OFFSETS[i, 1] * across
        wrist[i, 2] = WRIST_OFFSETS[i, 2] * hand
    for f in range(5):
        bases[f, 0] = BASE_OFFSETS[f, 0] * along
        bases[f, 1] = BASE_OFFSETS[f, 1] * across
        bases[f, 2] = BASE_OFFSETS[f, 2] * hand
        finger = hand * np.exp(shape[THUMB_SCALE + f])
        for i in range(3):
            lengths[f, i] = FINGER_LENGTHS[f, i] * finger
    lengths[0, 0] = FINGER_LENGTHS[0, 0] * hand * np.exp(shape[THUMB_METACARPAL_SCALE])


@njit(cache=True, nogil=True)
def forward_kinematics_kernel(
    rotation: Array,
    translation: Array,
    angles: Array,
    rest: Array,
    sign: float,
    offsets: OffsetArrays,
    joints: Array,
    axes: Array,
) -> None:
    """Palm pose, angles (20,) and a side's rest (5, 3, 3) and sign -> ``joints`` (23, 3), ``axes`` (20, 3).

    An axis is the one that its angle turns about, in the outer frame.
    """
    wrist, bases, lengths = offsets
    joints[PALM_JOINT] = translation
    for i in range(len(WRIST_JOINTS)):
        joints[WRIST_JOINTS[i]] = rotate(rotation, wrist[i]) + translation
    for f in range(5):
        frame = multiply(rotation, rest[f])
        abduction = FINGER_ANGLE_TABLE[f, 0]
        bend = sign * angles[abduction]
        c, s = np.cos(bend), np.sin(bend)
        joints[FINGER_JOINT_TABLE[f, 0]] = rotate(rotation, bases[f]) + translation
        for k in range(3):
            axes[abduction, k] = sign * frame[k, 2]
            across = c * frame[k, 1] - s * frame[k, 0]
            for i in range(1, 4):
                axes[FINGER_ANGLE_TABLE[f, i], k] = across
        flexion = 0.0
        for i in range(3):
            flexion += angles[FINGER_ANGLE_TABLE[f, i + 1]]
            cf, sf = np.cos(flexion), np.sin(flexion)
            near, far = FINGER_JOINT_TABLE[f, i], FINGER_JOINT_TABLE[f, i + 1]
            for k in range(3):
                forward = c * frame[k, 0] + s * frame[k, 1]
                joints[far, k] = joints[near, k] + lengths[f, i] * (cf * forward - sf * frame[k, 2])


@njit(cache=True, nogil=True)
def clamp_angles_kernel(angles: Array, limits: Array) -> None:
    """Angles (20,) rad moved in place to the nearest values within the limits (20, 2)."""
    for i in range(len(angles)):
        angles[i] = min(max(angles[i], limits[i, 0]), limits[i, 1])
