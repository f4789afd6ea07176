"""The solver's gradient is the derivative of its energy, and its Gauss-Newton matrix that of the residuals."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.kinematics_numba import REST_ROTATIONS, SIGNS, forward_joints
from hand_pose_ros.hand.rotations_numba import so3_exp
from hand_pose_ros.hand.solver_terms import (
    Problem,
    State,
    add_joints,
    add_pose_prior,
    add_shape_prior,
    energy,
)

Array = NDArray[np.float64]
POSE = skeleton.PARAMETER_COUNT
SIZE = POSE + skeleton.SHAPE_COUNT


def random_state(seed: int) -> State:
    rng = np.random.default_rng(seed)
    angles = np.asarray(rng.uniform(*skeleton.ANGLE_LIMITS.T))
    return State(so3_exp(rng.normal(size=3)), rng.normal(0, 0.3, 3), angles, rng.normal(0, 0.1, 9))


def random_problem(side: str, joint_weight: float, pose_precision: float, shape_precision: float) -> Problem:
    rng = np.random.default_rng(7)
    weights = joint_weight * rng.uniform(0.5, 2.0, 23)
    weights[[4, 15]] = 0.0
    root = rng.normal(size=(9, 9))
    return Problem(
        target=rng.normal(0, 0.1, (23, 3)),
        weights=weights,
        limits=np.ascontiguousarray(skeleton.ANGLE_LIMITS),
        rest=REST_ROTATIONS[side],
        sign=SIGNS[side],
        shape_mean=rng.normal(0, 0.1, 9),
        shape_precision=shape_precision * root @ root.T,
        fit_shape=True,
        prior=np.zeros(POSE),
        prior_precision=pose_precision * rng.uniform(0.5, 2.0, POSE),
        tracking=True,
        iterations=1,
        tolerance=1e-4,
    )


def moved(state: State, step: Array) -> State:
    return State(
        so3_exp(step[3:6]) @ state.rotation,
        state.translation + step[:3],
        state.angles + step[skeleton.FIRST_ANGLE : POSE],
        state.shape + step[POSE:],
    )


def derivative(function: Callable[[Array], Array | float]) -> Array:
    """Central differences by the 35 unknowns, (..., 35)."""
    columns = []
    for unknown in range(SIZE):
        step = np.zeros(SIZE)
        step[unknown] = 1e-6
        columns.append((np.asarray(function(step)) - np.asarray(function(-step))) / 2e-6)
    return np.stack(columns, axis=-1)


def equations(side: str, state: State, prior: State, problem: Problem) -> tuple[Array, Array]:
    """Gauss-Newton matrix (35, 35), made symmetric, and gradient (35,) of half the energy."""
    joints, axes = forward_joints(side, *state)
    hessian, gradient = np.zeros((SIZE, SIZE)), np.zeros(SIZE)
    add_joints(state, joints, axes, problem, hessian, gradient)
    add_pose_prior(state, prior, problem, hessian, gradient)
    add_shape_prior(state, problem, hessian, gradient)
    lower = np.tril(hessian)
    return lower + np.tril(lower, -1).T, gradient


@pytest.mark.parametrize("side", skeleton.SIDES)
@pytest.mark.parametrize(
    "scales", [(1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (1.0, 0.0, 1.0)], ids=["joints", "shape", "both"]
)
def test_the_gradient_is_that_of_half_the_energy(side: str, scales: tuple[float, float, float]) -> None:
    state, prior, problem = random_state(1), random_state(2), random_problem(side, *scales)

    def half_energy(step: Array) -> float:
        at = moved(state, step)
        return 0.5 * energy(at, forward_joints(side, *at)[0], prior, problem)

    _, gradient = equations(side, state, prior, problem)
    np.testing.assert_allclose(gradient, derivative(half_energy), atol=1e-7)


def test_the_gradient_of_the_pose_prior_is_exact_where_the_rotation_is_the_priors() -> None:
    # Elsewhere a small rotation does not add to the rotation vector of the difference, and the term says that it does.
    prior, problem = random_state(2), random_problem("right", 0.0, 1.0, 0.0)
    state = random_state(1)._replace(rotation=prior.rotation)

    def half_energy(step: Array) -> float:
        at = moved(state, step)
        return 0.5 * energy(at, forward_joints("right", *at)[0], prior, problem)

    _, gradient = equations("right", state, prior, problem)
    np.testing.assert_allclose(gradient, derivative(half_energy), atol=1e-7)


@pytest.mark.parametrize("side", skeleton.SIDES)
def test_the_matrix_is_that_of_the_joints_derivatives(side: str) -> None:
    state, problem = random_state(3), random_problem(side, 1.0, 0.0, 0.0)
    jacobian = derivative(lambda step: forward_joints(side, *moved(state, step))[0])  # (23, 3, 35)
    expected = np.einsum("j,jka,jkb->ab", problem.weights, jacobian, jacobian)
    hessian, _ = equations(side, state, state, problem)
    np.testing.assert_allclose(hessian, expected, atol=1e-7)
