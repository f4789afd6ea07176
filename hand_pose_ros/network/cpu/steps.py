"""Steps of the inverse kinematics for one hand, compiled by numba: what each sees, and what it changes.

In: coarse joints (23, 3) m, the estimate so far (palm rotation (3, 3), translation (3,) m, angles (20,) rad, shape (9,)
log scales), float64. Out: the numbers that a perceptron takes, and the estimate with its answer added. As
``inverse.InverseKinematics``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.kinematics_numba import REST_ROTATIONS, SIGNS, forward_joints_kernel
from hand_pose_ros.hand.rotations_numba import multiply, rotate, rotate_back
from hand_pose_ros.kernel_cache import njit
from hand_pose_ros.network.units import LENGTH_SCALE_M, PALM_AXES, REST_FACTOR, SHAPE_SCALE

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]

_JOINTS, _ANGLES, _SHAPE = skeleton.JOINT_COUNT, skeleton.ANGLE_COUNT, skeleton.SHAPE_COUNT
_PALM_AXES = PALM_AXES.astype(np.float64)
_BONES = np.array(skeleton.BONES)
_BONE_COUNT = len(_BONES)
_REST, _SIGN = REST_ROTATIONS["right"], SIGNS["right"]
_LEAST_LENGTH, _BONE_SQUARE = 1e-8, 1e-6  # as in rotations.py and inverse.py


@njit(cache=True, nogil=True)
def _unit(vector: Array) -> None:
    length = np.sqrt(vector[0] ** 2 + vector[1] ** 2 + vector[2] ** 2)
    vector /= max(length, _LEAST_LENGTH)


@njit(cache=True, nogil=True)
def _from_sixd(sixd: Array, rotation: Array) -> None:
    """The 6D form (6,) of a rotation -> rotation (3, 3), as ``rotations.sixd_to_matrix``."""
    x, y = sixd[:3].copy(), sixd[3:].copy()
    _unit(x)
    y -= (x[0] * y[0] + x[1] * y[1] + x[2] * y[2]) * x
    _unit(y)
    for k in range(3):
        a, b = (k + 1) % 3, (k + 2) % 3
        rotation[k, 0], rotation[k, 1], rotation[k, 2] = x[k], y[k], x[a] * y[b] - x[b] * y[a]


@njit(cache=True, nogil=True)
def palm_frame(coarse: Array, rotation: Array) -> None:
    """Joints (23, 3) m -> the palm's rotation (3, 3), as ``inverse.palm_frame``."""
    sixd = np.zeros(6)
    for axis in range(2):
        for j in range(_JOINTS):
            for k in range(3):
                sixd[3 * axis + k] += _PALM_AXES[axis, j] * coarse[j, k] / LENGTH_SCALE_M
    _from_sixd(sixd, rotation)


@njit(cache=True, nogil=True)
def first_input(
    coarse: Array, rotation: Array, translation: Array, pooled: Array32, spread: Array32, given: Array32
) -> None:
    """What the first step sees of one hand: joints in the palm's frame, bones' directions, their lengths, features."""
    local = np.empty((_JOINTS, 3))
    for j in range(_JOINTS):
        local[j] = rotate_back(rotation, coarse[j] - translation) / LENGTH_SCALE_M
        for k in range(3):
            given[3 * j + k] = local[j, k]
    at = 3 * _JOINTS
    for b in range(_BONE_COUNT):
        near, far = local[_BONES[b, 0]], local[_BONES[b, 1]]
        x, y, z = far[0] - near[0], far[1] - near[1], far[2] - near[2]
        length = np.sqrt(x * x + y * y + z * z + _BONE_SQUARE)
        given[at + 3 * b], given[at + 3 * b + 1], given[at + 3 * b + 2] = x / length, y / length, z / length
        given[at + 3 * _BONE_COUNT + b] = length
    at += 4 * _BONE_COUNT
    given[at : at + len(pooled)] = pooled
    given[at + len(pooled) : at + len(pooled) + _JOINTS] = spread


@njit(cache=True, nogil=True)
def later_input(
    coarse: Array,
    joints: Array,
    rotation: Array,
    angles: Array,
    shape: Array,
    hidden: Array32,
    given: Array32,
) -> None:
    """What a later step sees of one hand: what the hand model leaves, the estimate, the last hidden layer."""
    for j in range(_JOINTS):
        local = rotate_back(rotation, coarse[j] - joints[j]) / LENGTH_SCALE_M
        for k in range(3):
            given[3 * j + k] = REST_FACTOR * local[k]
    at = 3 * _JOINTS
    for i in range(_ANGLES):
        given[at + i] = angles[i]
    for i in range(_SHAPE):
        given[at + _ANGLES + i] = REST_FACTOR * shape[i]
    at += _ANGLES + _SHAPE
    given[at : at + len(hidden)] = hidden


@njit(cache=True, nogil=True)
def apply_step(step: Array32, rotation: Array, translation: Array, angles: Array, shape: Array) -> None:
    """A step's output (38,) added to one hand's estimate, in place."""
    sixd, turn, move = np.empty(6), np.empty((3, 3)), np.empty(3)
    for i in range(6):
        sixd[i] = step[i]
    sixd[0] += 1.0
    sixd[4] += 1.0
    for i in range(3):
        move[i] = step[6 + i] * LENGTH_SCALE_M
    translation += rotate(rotation, move)
    _from_sixd(sixd, turn)
    rotation[:] = multiply(rotation, turn)
    for i in range(_ANGLES):
        angles[i] += step[9 + i]
    for i in range(_SHAPE):
        shape[i] += SHAPE_SCALE * step[9 + _ANGLES + i]


@njit(cache=True, nogil=True)
def place(rotation: Array, translation: Array, angles: Array, shape: Array, joints: Array) -> None:
    """The hand model: a pose and a shape -> joints (23, 3) m."""
    forward_joints_kernel(rotation, translation, angles, shape, _REST, _SIGN, joints, np.empty((_ANGLES, 3)))
