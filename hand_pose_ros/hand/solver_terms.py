"""The online solver's energy in numba: its terms, and what each adds to the normal equations.

In: :class:`Problem` and :class:`State` of one hand, its joints (23, 3) m and the axes (20, 3) of its angles, float64.
Out: the energy; the Gauss-Newton matrix (size, size), lower triangle, and the gradient (size,) of half the energy, the
unknowns being the 26 parameters and, where the shape is fitted, its 9 log scales. A small rotation vector in the outer
frame stands for the rotation. Nothing here checks its input.

The energy is the joints' squared distances, each with its weight; the pose's squared difference to the prior pose, each
parameter with its precision; and the shape's difference to its mean, with a precision matrix.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.hand.rotations_numba import rotate_back, so3_log
from hand_pose_ros.hand.skeleton import (
    FINGER_ANGLE_TABLE,
    FINGER_JOINT_TABLE,
    FIRST_ANGLE,
    HAND_SCALE,
    JOINT_COUNT,
    JOINT_DEPTH,
    JOINT_FINGER,
    PALM_LENGTH_SCALE,
    PALM_WIDTH_SCALE,
    PARAMETER_COUNT,
    SHAPE_COUNT,
    THUMB_METACARPAL_SCALE,
    THUMB_SCALE,
)
from hand_pose_ros.kernel_cache import njit

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]

_FIRST_SHAPE = PARAMETER_COUNT
_THUMB_BASE, _THUMB_SECOND = (int(joint) for joint in FINGER_JOINT_TABLE[0, :2])
_MOST_JOINT_COLUMNS = 6 + 4 + 3 + 2
"""Unknowns that move one joint: the palm's pose, a finger's angles, the palm's scales, the thumb's two."""


class Problem(NamedTuple):
    """What stays the same in one solve."""

    target: Array
    """(23, 3) m."""
    weights: Array
    """(23,) m^-2, 0 for joints that were not seen."""
    limits: Array
    """(20, 2) rad."""
    rest: Array
    """(5, 3, 3) of the side, see :mod:`hand_pose_ros.hand.kinematics_numba`."""
    sign: float
    """1.0 for a right hand, -1.0 for a left one."""
    shape_mean: Array
    """(9,) of the shape's prior."""
    shape_precision: Array
    """(9, 9) of the shape's prior, with fit_shape."""
    fit_shape: bool
    """Whether the shape is unknown, too."""
    prior: Array
    """(26,): mean of the pose's prior."""
    prior_precision: Array
    """(26,) of the pose's prior."""
    tracking: bool
    """Whether the prior pose is a start, too."""
    iterations: int
    """At most so many steps."""
    tolerance: float
    """A step that gains less than this share of the energy is the last."""


class State(NamedTuple):
    """A hand's pose and shape."""

    rotation: Array
    """(3, 3) of the palm."""
    translation: Array
    """(3,) m of the palm."""
    angles: Array
    """(20,) rad."""
    shape: Array
    """(9,) log scales."""


@njit(cache=True, nogil=True)
def pose_residual(state: State, prior: State) -> Array:
    """(26,) difference of a pose to the prior's; the rotation's as a rotation vector in the outer frame."""
    out = np.empty(PARAMETER_COUNT)
    out[:3] = state.translation - prior.translation
    out[3:6] = so3_log(state.rotation @ np.ascontiguousarray(prior.rotation.T))
    out[6:] = state.angles - prior.angles
    return out


@njit(cache=True, nogil=True)
def energy(state: State, joints: Array, prior: State, problem: Problem) -> float:
    """The sum of all terms at a state with these joints."""
    total = 0.0
    for j in range(JOINT_COUNT):
        if problem.weights[j] > 0:
            for k in range(3):
                total += problem.weights[j] * (joints[j, k] - problem.target[j, k]) ** 2
    residual = pose_residual(state, prior)
    for i in range(PARAMETER_COUNT):
        total += problem.prior_precision[i] * residual[i] ** 2
    difference = state.shape - problem.shape_mean
    for r in range(SHAPE_COUNT):
        for c in range(SHAPE_COUNT):
            total += difference[r] * problem.shape_precision[r, c] * difference[c]
    return total


@njit(cache=True, nogil=True)
def add_pose_prior(state: State, prior: State, problem: Problem, hessian: Array, gradient: Array) -> None:
    """Adds the term of the prior pose."""
    residual = pose_residual(state, prior)
    for i in range(PARAMETER_COUNT):
        hessian[i, i] += problem.prior_precision[i]
        gradient[i] += problem.prior_precision[i] * residual[i]


@njit(cache=True, nogil=True)
def add_shape_prior(state: State, problem: Problem, hessian: Array, gradient: Array) -> None:
    """Adds the term of the shape's prior; the equations must hold the shape."""
    hessian[_FIRST_SHAPE:, _FIRST_SHAPE:] += problem.shape_precision
    gradient[_FIRST_SHAPE:] += problem.shape_precision @ (state.shape - problem.shape_mean)


@njit(cache=True, nogil=True)
def add_joints(
    state: State, joints: Array, axes: Array, problem: Problem, hessian: Array, gradient: Array
) -> None:
    """Adds the term of the joints' distances to their targets."""
    columns = np.empty(_MOST_JOINT_COLUMNS, dtype=np.int64)
    jacobian = np.empty((_MOST_JOINT_COLUMNS, 3))
    for j in range(JOINT_COUNT):
        weight = problem.weights[j]
        if weight == 0:
            continue
        used = _palm_columns(joints[j] - state.translation, columns, jacobian)
        used = _angle_columns(j, joints, axes, columns, jacobian, used)
        if problem.fit_shape:
            used = _shape_columns(j, state, joints, columns, jacobian, used)
        residual = joints[j] - problem.target[j]
        for a in range(used):
            row = columns[a]
            wx, wy, wz = weight * jacobian[a, 0], weight * jacobian[a, 1], weight * jacobian[a, 2]
            gradient[row] += wx * residual[0] + wy * residual[1] + wz * residual[2]
            for b in range(a + 1):
                hessian[row, columns[b]] += wx * jacobian[b, 0] + wy * jacobian[b, 1] + wz * jacobian[b, 2]


# Each of the following fills ``columns`` with the unknowns that move a joint, in ascending order, and ``jacobian`` with
# the joint's derivatives by them, from the index ``used`` on, and returns how many are filled then.


@njit(cache=True, nogil=True)
def _palm_columns(arm: Array, columns: IntArray, jacobian: Array) -> int:
    """The palm's position and a small rotation about it."""
    jacobian[:6] = 0.0
    for k in range(6):
        columns[k] = k
    jacobian[0, 0] = jacobian[1, 1] = jacobian[2, 2] = 1.0
    jacobian[3, 1], jacobian[3, 2] = -arm[2], arm[1]
    jacobian[4, 0], jacobian[4, 2] = arm[2], -arm[0]
    jacobian[5, 0], jacobian[5, 1] = -arm[1], arm[0]
    return 6


@njit(cache=True, nogil=True)
def _angle_columns(
    joint: int, joints: Array, axes: Array, columns: IntArray, jacobian: Array, used: int
) -> int:
    """The angles of the joint's finger between it and the palm: axis x arm."""
    depth = JOINT_DEPTH[joint]
    if depth == 0:
        return used
    f = JOINT_FINGER[joint]
    for i in range(depth + 1):
        # The abduction and the first flexion turn about the finger's first joint.
        origin = joints[FINGER_JOINT_TABLE[f, max(i - 1, 0)]]
        axis, arm = axes[FINGER_ANGLE_TABLE[f, i]], joints[joint] - origin
        columns[used] = FIRST_ANGLE + FINGER_ANGLE_TABLE[f, i]
        jacobian[used, 0] = axis[1] * arm[2] - axis[2] * arm[1]
        jacobian[used, 1] = axis[2] * arm[0] - axis[0] * arm[2]
        jacobian[used, 2] = axis[0] * arm[1] - axis[1] * arm[0]
        used += 1
    return used


@njit(cache=True, nogil=True)
def _shape_columns(
    joint: int, state: State, joints: Array, columns: IntArray, jacobian: Array, used: int
) -> int:
    """The log scales that move the joint; a length's derivative by its logarithm is the length itself."""
    if joint == 0:
        return used
    f, depth = JOINT_FINGER[joint], JOINT_DEPTH[joint]
    root = joints[FINGER_JOINT_TABLE[f, 0]] if f >= 0 else joints[joint]
    local = rotate_back(state.rotation, root - state.translation)
    columns[used] = _FIRST_SHAPE + HAND_SCALE
    columns[used + 1], columns[used + 2] = _FIRST_SHAPE + PALM_LENGTH_SCALE, _FIRST_SHAPE + PALM_WIDTH_SCALE
    jacobian[used] = joints[joint] - state.translation
    jacobian[used + 1] = state.rotation[:, 0] * local[0]
    jacobian[used + 2] = state.rotation[:, 1] * local[1]
    used += 3
    if depth > 0:
        first = joints[FINGER_JOINT_TABLE[f, 0]]
        if f == 0:
            first = joints[_THUMB_SECOND]
            columns[used] = _FIRST_SHAPE + THUMB_METACARPAL_SCALE
            jacobian[used] = joints[_THUMB_SECOND] - joints[_THUMB_BASE]
            used += 1
        columns[used] = _FIRST_SHAPE + THUMB_SCALE + f
        jacobian[used] = joints[joint] - first
        used += 1
    return used
