"""The shared step: a linear system's solution without damping, shorter with it, and angles at limits stay."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.levenberg_marquardt import cholesky_factor, cholesky_solve, damped_step

SIZE = skeleton.PARAMETER_COUNT
FIRST = skeleton.FIRST_ANGLE
LIMITS = np.ascontiguousarray(skeleton.ANGLE_LIMITS)
Array = NDArray[np.float64]


@pytest.fixture
def system() -> tuple[Array, Array]:
    """A positive definite matrix (26, 26) and a gradient (26,)."""
    rng = np.random.default_rng(0)
    root = rng.normal(size=(SIZE, SIZE))
    return root @ root.T + np.eye(SIZE), rng.normal(size=SIZE)


def step_of(matrix: Array, gradient: Array, damping: float, angles: Array) -> Array | None:
    room, step = np.empty((SIZE, SIZE)), np.empty(SIZE)
    found = damped_step(matrix, gradient, damping, angles, LIMITS, SIZE, room, step)
    return step if found else None


def test_factor_and_solution_are_those_of_numpy(system: tuple[Array, Array]) -> None:
    matrix, vector = system
    factor, solution = matrix.copy(), vector.copy()
    assert cholesky_factor(factor, SIZE)
    np.testing.assert_allclose(np.tril(factor), np.linalg.cholesky(matrix), rtol=1e-10)
    cholesky_solve(factor, SIZE, solution)
    np.testing.assert_allclose(solution, np.linalg.solve(matrix, vector), rtol=1e-8)


def test_an_indefinite_matrix_has_no_factor_and_no_step() -> None:
    matrix = np.diag(np.where(np.arange(SIZE) == 3, -1.0, 1.0))
    assert not cholesky_factor(matrix.copy(), SIZE)
    assert step_of(matrix, np.ones(SIZE), 0.0, np.zeros(20)) is None


def test_a_step_without_damping_is_newtons_and_damping_shortens_it(system: tuple[Array, Array]) -> None:
    matrix, gradient = system
    lengths = []
    for damping in (0.0, 1.0, 100.0):
        step = step_of(matrix, gradient, damping, np.zeros(20))
        assert step is not None
        assert gradient @ step < 0
        lengths.append(np.linalg.norm(step))
        if damping == 0.0:
            np.testing.assert_allclose(step, np.linalg.solve(matrix, -gradient), rtol=1e-5, atol=1e-8)
    assert lengths[0] > lengths[1] > lengths[2]


@pytest.mark.parametrize("bound, push", [(0, 1.0), (1, -1.0)])
def test_an_angle_that_is_pushed_out_of_its_range_stays(
    system: tuple[Array, Array], bound: int, push: float
) -> None:
    matrix, gradient = system
    angles = np.zeros(20)
    angles[7] = LIMITS[7, bound]
    gradient[FIRST + 7] = push
    step = step_of(matrix, gradient, 0.0, angles)
    assert step is not None
    assert step[FIRST + 7] == 0.0
    # The others move as if it were not there.
    others = np.arange(SIZE) != FIRST + 7
    expected = np.linalg.solve(matrix[np.ix_(others, others)], -gradient[others])
    np.testing.assert_allclose(step[others], expected, rtol=1e-5, atol=1e-8)
    gradient[FIRST + 7] = -push
    free = step_of(matrix, gradient, 0.0, angles)
    assert free is not None
    assert free[FIRST + 7] != 0.0
