"""The online solver's Levenberg-Marquardt in numba: normal equations, Cholesky, steps within the angle limits.

In: see :func:`solve_hand`; float64 arrays of one hand, metres and radians. Out: its pose, shape and joints. Nothing
here checks its input: :mod:`hand_pose_ros.hand.solver` does. The method is that of
:mod:`hand_pose_ros.hand.least_squares`.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.closed_form import read_angles
from hand_pose_ros.hand.kinematics_numba import empty_offsets, forward_kinematics_kernel, scale_offsets_kernel
from hand_pose_ros.hand.levenberg_marquardt import (
    DAMPING_DECREASE,
    DAMPING_INCREASE,
    DIAGONAL_FLOOR,
    FIRST_DAMPING,
    cholesky_factor,
    damped_step,
)
from hand_pose_ros.hand.rotations_numba import kabsch, rotate_back, so3_exp, so3_log

Array = NDArray[np.float64]

_POSE, _SHAPE = skeleton.PARAMETER_COUNT, skeleton.SHAPE_COUNT
_ALL = _POSE + _SHAPE
_ANGLES = skeleton.ANGLE_COUNT
_JOINTS = skeleton.JOINT_COUNT
_MOST_DAMPING = 1e6
_SHAPE_LIMIT = skeleton.SHAPE_LIMIT
_FINGERS_IN_ALIGNMENT = (
    1e-3  # weight of finger joints in the palm's start: felt only where the palm is not seen
)


@numba.njit(cache=True, nogil=True)
def _cost(
    joints: Array,
    target: Array,
    weights: Array,
    away: Array,
    pull: Array,
    shape_away: Array,
    information: Array,
) -> float:
    total = 0.0
    for j in range(_JOINTS):
        if weights[j] > 0:
            for k in range(3):
                total += weights[j] * (joints[j, k] - target[j, k]) ** 2
    for i in range(_POSE):
        total += pull[i] * away[i] ** 2
    for r in range(_SHAPE):
        for c in range(_SHAPE):
            total += shape_away[r] * information[r, c] * shape_away[c]
    return total


@numba.njit(cache=True, nogil=True)
def _normal_equations(
    joints: Array,
    axes: Array,
    translation: Array,
    rotation: Array,
    target: Array,
    weights: Array,
    size: int,
    hessian: Array,
    gradient: Array,
) -> None:
    """Adds the joints' part of the Gauss-Newton matrix (lower triangle) and gradient; rows and columns: pose,
    shape."""
    hessian[:] = 0.0
    gradient[:] = 0.0
    columns = np.empty(18, dtype=np.int64)
    rows = np.empty((18, 3))
    for j in range(_JOINTS):
        if weights[j] == 0:
            continue
        arm = joints[j] - translation
        rows[:6] = 0.0
        for k in range(6):
            columns[k] = k
        rows[0, 0] = rows[1, 1] = rows[2, 2] = 1.0
        rows[3, 1], rows[3, 2] = -arm[2], arm[1]
        rows[4, 0], rows[4, 2] = arm[2], -arm[0]
        rows[5, 0], rows[5, 1] = -arm[1], arm[0]
        used = 6
        f, depth = (j - 3) // 4, (j - 3) % 4
        if j >= 3:
            for i in range(depth + 1):
                if depth == 0:
                    break
                origin = joints[3 + 4 * f + max(i - 1, 0)]
                axis, lever = axes[4 * f + i], joints[j] - origin
                columns[used] = 6 + 4 * f + i
                rows[used, 0] = axis[1] * lever[2] - axis[2] * lever[1]
                rows[used, 1] = axis[2] * lever[0] - axis[0] * lever[2]
                rows[used, 2] = axis[0] * lever[1] - axis[1] * lever[0]
                used += 1
        if size > _POSE and j > 0:
            # In logarithms: a part's derivative is the part itself.
            root = joints[3 + 4 * f] if j >= 3 else joints[j]
            local = rotate_back(rotation, root - translation)
            columns[used], columns[used + 1], columns[used + 2] = _POSE, _POSE + 1, _POSE + 2
            rows[used] = arm
            rows[used + 1] = rotation[:, 0] * local[0]
            rows[used + 2] = rotation[:, 1] * local[1]
            used += 3
            if j >= 3 and depth > 0:
                first = joints[3 + 4 * f]
                if f == 0:
                    first = joints[4]
                    columns[used] = _POSE + 3
                    rows[used] = joints[4] - joints[3]
                    used += 1
                columns[used] = _POSE + 4 + f
                rows[used] = joints[j] - first
                used += 1
        residual = joints[j] - target[j]
        for a in range(used):
            ca = columns[a]
            wx, wy, wz = weights[j] * rows[a, 0], weights[j] * rows[a, 1], weights[j] * rows[a, 2]
            gradient[ca] += wx * residual[0] + wy * residual[1] + wz * residual[2]
            for b in range(a + 1):
                hessian[ca, columns[b]] += wx * rows[b, 0] + wy * rows[b, 1] + wz * rows[b, 2]


@numba.njit(cache=True, nogil=True)
def _away(rotation: Array, translation: Array, angles: Array, prior: Array, prior_rotation: Array) -> Array:
    """(26,) difference to the prior pose; the rotation's as a rotation vector in the outer frame."""
    out = np.empty(_POSE)
    out[:3] = translation - prior[:3]
    out[3:6] = so3_log(rotation @ np.ascontiguousarray(prior_rotation.T))
    out[6:] = angles - prior[6:]
    return out


@numba.njit(cache=True, nogil=True)
def solve_hand(
    target: Array,
    weights: Array,
    limits: Array,
    rest: Array,
    sign: float,
    mean: Array,
    information: Array,
    fit_shape: bool,
    prior: Array,
    pull: Array,
    tracking: bool,
    iterations: int,
    tolerance: float,
) -> tuple[Array, Array, Array, Array, Array, Array]:
    """target (23, 3) m, weights (23,) m^-2; limits (20, 2); rest (5, 3, 3) the fingers' rest frames; sign -1:
    left.

    mean (9,), information (9, 9): known shape, or its prior with ``fit_shape``. prior (26,) and pull (26,):
    the pose's prior and its weights; while ``tracking`` it is a start, too. Returns rotation (3, 3),
    translation (3,), angles (20,), shape (9,), joints (23, 3), shape information (9, 9).
    """
    size = _ALL if fit_shape else _POSE
    offsets = empty_offsets()
    joints, axes = np.empty((_JOINTS, 3)), np.empty((_ANGLES, 3))
    new_joints, new_axes = np.empty((_JOINTS, 3)), np.empty((_ANGLES, 3))
    hessian, gradient = np.empty((size, size)), np.empty(size)
    system, step = np.empty((size, size)), np.empty(size)
    shape = mean.copy()
    scale_offsets_kernel(shape, sign, offsets)

    prior_rotation = so3_exp(prior[3:6])
    rotation, translation, angles = np.eye(3), np.zeros(3), prior[6:].copy()
    for i in range(_ANGLES):
        angles[i] = min(max(angles[i], limits[i, 0]), limits[i, 1])
    forward_kinematics_kernel(rotation, translation, angles, rest, sign, offsets, joints, axes)
    trust = weights.copy()
    seen = 0
    for j in range(_JOINTS):
        seen += weights[j] > 0
        if j > 2 and (j - 3) % 4 > 0:
            trust[j] *= _FINGERS_IN_ALIGNMENT
    best = np.inf
    if seen >= 3:
        rotation, translation = kabsch(joints, target, trust)
        read_angles(target, weights, rotation, rest, sign, limits, angles)
        forward_kinematics_kernel(rotation, translation, angles, rest, sign, offsets, joints, axes)
        away = _away(rotation, translation, angles, prior, prior_rotation)
        best = _cost(joints, target, weights, away, pull, shape - mean, information)
    if tracking:
        old_angles = prior[6:].copy()
        for i in range(_ANGLES):
            old_angles[i] = min(max(old_angles[i], limits[i, 0]), limits[i, 1])
        old_translation = prior[:3].copy()
        forward_kinematics_kernel(
            prior_rotation,
            old_translation,
            old_angles,
            rest,
            sign,
            offsets,
            new_joints,
            new_axes,
        )
        away = _away(prior_rotation, old_translation, old_angles, prior, prior_rotation)
        cost = _cost(new_joints, target, weights, away, pull, shape - mean, information)
        if cost < best:
            rotation, translation, angles, best = prior_rotation.copy(), old_translation, old_angles, cost
            joints[:], axes[:] = new_joints, new_axes

    damping, fresh = FIRST_DAMPING, True
    for _ in range(iterations):
        if fresh:
            _normal_equations(joints, axes, translation, rotation, target, weights, size, hessian, gradient)
            away = _away(rotation, translation, angles, prior, prior_rotation)
            for i in range(_POSE):
                hessian[i, i] += pull[i]
                gradient[i] += pull[i] * away[i]
            if fit_shape:
                hessian[_POSE:, _POSE:] += information
                gradient[_POSE:] += information @ (shape - mean)
        new_cost = np.inf
        if damped_step(hessian, gradient, damping, angles, limits, size, system, step):
            new_rotation = so3_exp(step[3:6]) @ rotation
            new_translation, new_angles = translation + step[:3], angles + step[6:_POSE]
            for i in range(_ANGLES):
                new_angles[i] = min(max(new_angles[i], limits[i, 0]), limits[i, 1])
            new_shape = shape.copy()
            if fit_shape:
                for i in range(_SHAPE):
                    new_shape[i] = min(max(shape[i] + step[_POSE + i], -_SHAPE_LIMIT), _SHAPE_LIMIT)
                scale_offsets_kernel(new_shape, sign, offsets)
            forward_kinematics_kernel(
                new_rotation,
                new_translation,
                new_angles,
                rest,
                sign,
                offsets,
                new_joints,
                new_axes,
            )
            away = _away(new_rotation, new_translation, new_angles, prior, prior_rotation)
            new_cost = _cost(new_joints, target, weights, away, pull, new_shape - mean, information)
        fresh = new_cost < best
        if fresh:
            gain = 1 - new_cost / best
            rotation, translation, angles, shape = new_rotation, new_translation, new_angles, new_shape
            joints[:], axes[:] = new_joints, new_axes
            best, damping = new_cost, max(DAMPING_DECREASE * damping, 1e-9)
            if gain < tolerance:
                break
        else:
            damping *= DAMPING_INCREASE
            if damping > _MOST_DAMPING:
                break

    left = information.copy()
    if fit_shape:
        # The Schur complement of the pose: what this frame and the prior together know of the shape.
        scale_offsets_kernel(shape, sign, offsets)
        _normal_equations(joints, axes, translation, rotation, target, weights, size, hessian, gradient)
        for i in range(_POSE):
            hessian[i, i] += pull[i] + DIAGONAL_FLOOR
        hessian[_POSE:, _POSE:] += information
        if cholesky_factor(hessian, size):
            lower = np.zeros((_SHAPE, _SHAPE))
            for r in range(_SHAPE):
                for c in range(r + 1):
                    lower[r, c] = hessian[_POSE + r, _POSE + c]
            left = lower @ np.ascontiguousarray(lower.T)
    return rotation, translation, angles, shape, joints, left
