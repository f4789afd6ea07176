"""The online solver's Levenberg-Marquardt in numba: a start read off the joints, steps within the angle limits.

In: a :class:`hand_pose_ros.hand.solver_terms.Problem`, float64 arrays of one hand, metres and radians. Out: its pose,
shape and joints. Nothing here checks its input: :mod:`hand_pose_ros.hand.solver` does. The method is that of
:mod:`hand_pose_ros.hand.least_squares`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.hand.closed_form import read_angles
from hand_pose_ros.hand.kinematics_numba import (
    OffsetArrays,
    clamp_angles_kernel,
    empty_offsets,
    forward_kinematics_kernel,
    scale_offsets_kernel,
)
from hand_pose_ros.hand.levenberg_marquardt import (
    DAMPING_DECREASE,
    DAMPING_INCREASE,
    DIAGONAL_FLOOR,
    FIRST_DAMPING,
    cholesky_factor,
    damped_step,
)
from hand_pose_ros.hand.rotations_numba import kabsch, so3_exp
from hand_pose_ros.hand.skeleton import (
    ANGLE_COUNT,
    FIRST_ANGLE,
    FITTED_SHAPE_LIMIT,
    JOINT_COUNT,
    JOINT_DEPTH,
    PARAMETER_COUNT,
    SHAPE_COUNT,
)
from hand_pose_ros.hand.solver_terms import (
    Problem,
    State,
    add_joints,
    add_pose_prior,
    add_shape_prior,
    energy,
)
from hand_pose_ros.kernel_cache import njit

Array = NDArray[np.float64]

# Guessed. Below the least damping a step is Gauss-Newton's; above the most it is of no length.
_LEAST_DAMPING, _MOST_DAMPING = 1e-9, 1e6
# The weight of finger joints when the palm is aligned, for angles are not known yet: felt only where the palm is not
# seen (guessed).
_FINGERS_IN_ALIGNMENT = 1e-3
_ALIGNABLE = 3  # joints that fix a rigid motion


@njit(cache=True, nogil=True)
def solve_hand(problem: Problem) -> tuple[State, Array, Array]:
    """The state of least energy, its joints (23, 3) m, and the precision (9, 9) of the shape.

    That is the prior's and, with fit_shape, this frame's with the pose eliminated.
    """
    size = PARAMETER_COUNT + SHAPE_COUNT if problem.fit_shape else PARAMETER_COUNT
    offsets = empty_offsets()
    joints, axes = np.empty((JOINT_COUNT, 3)), np.empty((ANGLE_COUNT, 3))
    new_joints, new_axes = np.empty((JOINT_COUNT, 3)), np.empty((ANGLE_COUNT, 3))
    hessian, gradient = np.empty((size, size)), np.empty(size)
    system, step = np.empty((size, size)), np.empty(size)
    prior = State(
        so3_exp(problem.prior[3:6]),
        problem.prior[:3].copy(),
        problem.prior[FIRST_ANGLE:].copy(),
        problem.shape_mean.copy(),
    )

    state, best = _start(prior, problem, offsets, joints, axes, new_joints, new_axes)
    damping, fresh = FIRST_DAMPING, True
    for _ in range(problem.iterations):
        if fresh:
            hessian[:] = 0.0
            gradient[:] = 0.0
            add_joints(state, joints, axes, problem, hessian, gradient)
            add_pose_prior(state, prior, problem, hessian, gradient)
            if problem.fit_shape:
                add_shape_prior(state, problem, hessian, gradient)
        new_state, new_energy = state, np.inf
        if damped_step(hessian, gradient, damping, state.angles, problem.limits, size, system, step):
            new_state = _moved(state, step, problem)
            _pose_hand(new_state, problem, offsets, new_joints, new_axes)
            new_energy = energy(new_state, new_joints, prior, problem)
        fresh = new_energy < best
        if fresh:
            gain = 1 - new_energy / best
            state, best = new_state, new_energy
            joints[:], axes[:] = new_joints, new_axes
            damping = max(DAMPING_DECREASE * damping, _LEAST_DAMPING)
            if gain < problem.tolerance:
                break
        else:
            damping *= DAMPING_INCREASE
            if damping > _MOST_DAMPING:
                break

    if not problem.fit_shape:
        return state, joints, problem.shape_precision.copy()
    hessian[:] = 0.0
    gradient[:] = 0.0
    add_joints(state, joints, axes, problem, hessian, gradient)
    return state, joints, _shape_precision(problem, hessian)


@njit(cache=True, nogil=True)
def _pose_hand(state: State, problem: Problem, offsets: OffsetArrays, joints: Array, axes: Array) -> None:
    """Fills the state's offsets, joints (23, 3) and axes (20, 3)."""
    scale_offsets_kernel(state.shape, problem.sign, offsets)
    forward_kinematics_kernel(
        state.rotation, state.translation, state.angles, problem.rest, problem.sign, offsets, joints, axes
    )


@njit(cache=True, nogil=True)
def _start(
    prior: State,
    problem: Problem,
    offsets: OffsetArrays,
    joints: Array,
    axes: Array,
    new_joints: Array,
    new_axes: Array,
) -> tuple[State, float]:
    """The better of the pose read off the joints and, while tracking, the prior pose, with its energy.

    Fills joints and axes with the state's; new_joints and new_axes are room to work in.
    """
    angles = prior.angles.copy()
    clamp_angles_kernel(angles, problem.limits)
    state = State(np.eye(3), np.zeros(3), angles, prior.shape.copy())
    _pose_hand(state, problem, offsets, joints, axes)
    best = np.inf
    seen, alignment_weights = 0, problem.weights.copy()
    for j in range(JOINT_COUNT):
        seen += problem.weights[j] > 0
        if JOINT_DEPTH[j] > 0:
            alignment_weights[j] *= _FINGERS_IN_ALIGNMENT
    if seen >= _ALIGNABLE:
        rotation, translation = kabsch(joints, problem.target, alignment_weights)
        read_angles(
            problem.target, problem.weights, rotation, problem.rest, problem.sign, problem.limits, angles
        )
        state = State(rotation, translation, angles, prior.shape.copy())
        _pose_hand(state, problem, offsets, joints, axes)
        best = energy(state, joints, prior, problem)
    if problem.tracking:
        angles = prior.angles.copy()
        clamp_angles_kernel(angles, problem.limits)
        previous = State(prior.rotation.copy(), prior.translation.copy(), angles, prior.shape.copy())
        _pose_hand(previous, problem, offsets, new_joints, new_axes)
        previous_energy = energy(previous, new_joints, prior, problem)
        if previous_energy < best:
            state, best = previous, previous_energy
            joints[:], axes[:] = new_joints, new_axes
    return state, best


@njit(cache=True, nogil=True)
def _moved(state: State, step: Array, problem: Problem) -> State:
    """The state after a step, within the limits of the angles and the shape."""
    angles = state.angles + step[FIRST_ANGLE:PARAMETER_COUNT]
    clamp_angles_kernel(angles, problem.limits)
    shape = state.shape.copy()
    if problem.fit_shape:
        for i in range(SHAPE_COUNT):
            shape[i] = min(max(shape[i] + step[PARAMETER_COUNT + i], -FITTED_SHAPE_LIMIT), FITTED_SHAPE_LIMIT)
    return State(so3_exp(step[3:6]) @ state.rotation, state.translation + step[:3], angles, shape)


@njit(cache=True, nogil=True)
def _shape_precision(problem: Problem, hessian: Array) -> Array:
    """(9, 9): the Schur complement of the pose in the joints' equations (35, 35), which it replaces by their factor.

    It combines this frame's and the prior's precision of the shape; where there is no factor it is the prior's alone.
    """
    for i in range(PARAMETER_COUNT):
        hessian[i, i] += problem.prior_precision[i] + DIAGONAL_FLOOR
    hessian[PARAMETER_COUNT:, PARAMETER_COUNT:] += problem.shape_precision
    if not cholesky_factor(hessian, PARAMETER_COUNT + SHAPE_COUNT):
        return problem.shape_precision.copy()
    lower = np.zeros((SHAPE_COUNT, SHAPE_COUNT))
    for r in range(SHAPE_COUNT):
        for c in range(r + 1):
            lower[r, c] = hessian[PARAMETER_COUNT + r, PARAMETER_COUNT + c]
    return lower @ np.ascontiguousarray(lower.T)
