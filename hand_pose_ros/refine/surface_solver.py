"""The surface fit's Levenberg-Marquardt in numba: terms summed, equations solved, steps within the limits.

In: a :class:`hand_pose_ros.refine.surface_problem.SurfaceProblem` of one hand, metres and radians. Out: its solution.
Nothing here checks its input: :mod:`hand_pose_ros.refine.surface_fit` does.

The step is that of :mod:`hand_pose_ros.hand.levenberg_marquardt`, but the loop is not that of the solver of joints.
That one sums the equations only where a step was accepted; here energy and equations come from one walk over the
pixels, and the first trial is the start itself.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.hand.kinematics_numba import clamp_angles_kernel, empty_offsets
from hand_pose_ros.hand.levenberg_marquardt import (
    DAMPING_DECREASE,
    DAMPING_INCREASE,
    DIAGONAL_FLOOR,
    FIRST_DAMPING,
    cholesky_factor,
    damped_step,
)
from hand_pose_ros.hand.rotations_numba import multiply, so3_exp
from hand_pose_ros.hand.skeleton import FIRST_ANGLE, FITTED_SHAPE_LIMIT, PARAMETER_COUNT, SHAPE_COUNT
from hand_pose_ros.kernel_cache import njit
from hand_pose_ros.refine.surface_capsules import empty_hand, empty_near, nearest_capsules, place_capsules
from hand_pose_ros.refine.surface_normal_equations import gather, sum_segments
from hand_pose_ros.refine.surface_problem import (
    FIRST_SCALE,
    MOTIONS,
    SEGMENTS,
    THICKNESS,
    UNKNOWNS,
    SegmentSums,
    SurfaceProblem,
    SurfaceSolution,
    SurfaceState,
)
from hand_pose_ros.refine.surface_terms import (
    add_joints,
    add_points,
    add_priors,
    add_samples,
    empty_rows,
    prior_energy,
)

Array = NDArray[np.float64]

# Guessed. Below the least damping a step is Gauss-Newton's; above the most it is too short to matter in a frame's time.
LEAST_DAMPING, MOST_DAMPING = 1e-6, 1e3
# Capsules that a pixel chooses among, those nearest at the start (guessed): all of them in each trial would cost time.
FEW = 6
# Log scale (guessed): fingers between 0.6 and 1.65 of the template's thickness.
THICKNESS_LIMIT = 0.5


@njit(cache=True, nogil=True, error_model="numpy")
def fit_hand(problem: SurfaceProblem) -> SurfaceSolution:
    """The state of least energy that was reached from the problem's start, by the prior's thickness and shape."""
    observation, model, prior, terms = problem.observation, problem.model, problem.prior, problem.terms
    size = UNKNOWNS if problem.free_shape else FIRST_SCALE
    hand, offsets = empty_hand(model), empty_offsets()
    points = len(observation.points)
    near, rows = empty_near(points, FEW, len(model.capsules)), empty_rows(points, len(model.capsules))
    sums = SegmentSums(np.empty((SEGMENTS, MOTIONS, MOTIONS)), np.empty((SEGMENTS, MOTIONS)))
    hessian, gradient = np.zeros((UNKNOWNS, UNKNOWNS)), np.zeros(UNKNOWNS)
    system, step = np.empty((UNKNOWNS, UNKNOWNS)), np.empty(UNKNOWNS)
    residual, rotations = np.empty((2, UNKNOWNS)), np.empty((2, 3, 3))
    for p in range(2):
        rotations[p] = so3_exp(prior.mean[p, 3:6])
    pixel_counts, sample_counts = np.empty(3), np.empty(3)
    best_pixels, best_samples, best_joints = np.zeros(3), np.zeros(3), np.empty_like(hand.joints)

    state = SurfaceState(
        so3_exp(problem.start[3:6]), problem.start[:3].copy(), problem.start[FIRST_ANGLE:].copy(),
        prior.mean[0, THICKNESS], prior.mean[0, FIRST_SCALE:].copy(),
    )  # fmt: skip
    new_state = state
    first, best = np.inf, np.inf
    damping, accepted = FIRST_DAMPING, 0
    for trial in range(problem.iterations + 1):
        place_capsules(new_state, model, offsets, hand)
        if trial == 0:
            nearest_capsules(observation.points, hand, near)
        rows.used[0] = 0
        energy = add_points(observation, near, hand, model, terms, rows, pixel_counts)
        energy += add_samples(observation, hand, model, terms, rows, sample_counts)
        energy += add_joints(problem.targets, hand, terms, rows)
        energy += prior_energy(new_state, prior, rotations, residual)
        gain = 1.0
        if trial == 0:
            first = energy
        if energy < best:
            gain = 1.0 - energy / best if trial > 0 else 1.0
            state, best = new_state, energy
            best_joints[:], best_pixels[:], best_samples[:] = hand.joints, pixel_counts, sample_counts
            sum_segments(rows, hand, sums)
            gather(sums, hand, hessian, gradient)
            add_priors(prior, residual, hessian, gradient)
            if trial > 0:
                accepted += 1
                damping = max(DAMPING_DECREASE * damping, LEAST_DAMPING)
        else:
            damping *= DAMPING_INCREASE
        if gain < problem.tolerance or damping > MOST_DAMPING or not best < np.inf:
            break
        if trial == problem.iterations:
            break
        if not damped_step(hessian, gradient, damping, state.angles, model.limits, size, system, step):
            damping *= DAMPING_INCREASE
            continue
        new_state = _moved(state, step, model.limits, problem.free_shape)
    precision = np.zeros((SHAPE_COUNT, SHAPE_COUNT))
    spread = posterior(hessian, size, precision)
    return SurfaceSolution(
        state, best_joints, best_pixels, best_samples, spread, precision, first, best, accepted
    )


@njit(cache=True, nogil=True, error_model="numpy")
def posterior(hessian: Array, size: int, precision: Array) -> float:
    """Standard deviation of the thickness, the pose and a free shape unknown, from the lower triangle of the first size
    unknowns' matrix, which it takes apart. Fills the free shape's precision (9, 9), pose and thickness unknown (the
    Schur complement). inf and nothing where the matrix is not positive definite."""
    for k in range(size):
        hessian[k, k] += DIAGONAL_FLOOR
    if not cholesky_factor(hessian, size):
        return np.inf
    # Forward substitution of the thickness' unit vector: where no shape follows, its own entry is all.
    solved = np.zeros(size)
    solved[THICKNESS] = 1.0
    square = 0.0
    for r in range(THICKNESS, size):
        for k in range(THICKNESS, r):
            solved[r] -= hessian[r, k] * solved[k]
        solved[r] /= hessian[r, r]
        square += solved[r] ** 2
    for r in range(size - FIRST_SCALE):
        for c in range(size - FIRST_SCALE):
            for k in range(min(r, c) + 1):
                precision[r, c] += (
                    hessian[FIRST_SCALE + r, FIRST_SCALE + k] * hessian[FIRST_SCALE + c, FIRST_SCALE + k]
                )
    return np.sqrt(square)


@njit(cache=True, nogil=True, error_model="numpy")
def _moved(state: SurfaceState, step: Array, limits: Array, free_shape: bool) -> SurfaceState:
    """The state after a step, within the limits of the angles, the thickness and the shape."""
    angles = state.angles + step[FIRST_ANGLE:PARAMETER_COUNT]
    clamp_angles_kernel(angles, limits)
    thickness = min(max(state.thickness + step[THICKNESS], -THICKNESS_LIMIT), THICKNESS_LIMIT)
    shape = state.shape.copy()
    if free_shape:
        for i in range(SHAPE_COUNT):
            shape[i] = min(max(shape[i] + step[FIRST_SCALE + i], -FITTED_SHAPE_LIMIT), FITTED_SHAPE_LIMIT)
    return SurfaceState(
        multiply(so3_exp(step[3:6]), state.rotation), state.translation + step[:3], angles, thickness, shape
    )
