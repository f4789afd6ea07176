"""The surface fit's equations are the sums of what each residual alone gives, and the posterior is theirs."""

from __future__ import annotations

import numpy as np
import pytest
from surface_scenes import PlacedHand, equations, open_hand

from hand_pose_ros.refine.surface_model import CAPSULES
from hand_pose_ros.refine.surface_problem import FIRST_SCALE, SEGMENTS, THICKNESS, UNKNOWNS, ResidualRows
from hand_pose_ros.refine.surface_solver import posterior
from hand_pose_ros.refine.surface_terms import empty_rows

_WEIGHT, _RESIDUAL = 7, 8  # columns of ResidualRows.numbers


def random_rows(seed: int, count: int) -> ResidualRows:
    rng = np.random.default_rng(seed)
    rows = empty_rows(0, len(CAPSULES))
    rows.segment[:count] = rng.integers(0, SEGMENTS, count)
    rows.numbers[:count] = rng.normal(0, 1, (count, 9))
    rows.numbers[:count, :3] *= 0.1
    rows.numbers[:count, _WEIGHT] = rng.uniform(0, 1, count)
    rows.used[0] = count
    return rows


@pytest.mark.parametrize("seed", range(3))
def test_equations_are_the_sums_of_each_residuals_own(seed: int):
    hand = PlacedHand(open_hand(seed), np.random.default_rng(seed).normal(0, 0.1, 9)).capsules
    rows = random_rows(seed, 80)
    hessian, gradient = equations(rows, hand)
    wanted, slope = np.zeros((UNKNOWNS, UNKNOWNS)), np.zeros(UNKNOWNS)
    for n in range(rows.used[0]):
        alone = ResidualRows(
            rows.segment[n : n + 1].copy(), rows.numbers[n : n + 1].copy(), np.ones(1, np.int64)
        )
        weight, residual = alone.numbers[0, [_WEIGHT, _RESIDUAL]]
        # With a weight and a residual of 1 the gradient is the residual's row of the Jacobian.
        alone.numbers[0, [_WEIGHT, _RESIDUAL]] = 1.0
        _, row = equations(alone, hand)
        wanted += weight * np.outer(row, row)
        slope += weight * residual * row
    np.testing.assert_allclose(np.tril(hessian), np.tril(wanted), atol=1e-12)
    np.testing.assert_allclose(gradient, slope, atol=1e-12)


@pytest.mark.parametrize("size", [FIRST_SCALE, UNKNOWNS])
def test_posterior_is_that_of_the_inverse_matrix(size: int):
    root = np.random.default_rng(0).normal(0, 1, (UNKNOWNS, 2 * UNKNOWNS))
    matrix = root @ root.T
    covariance = np.linalg.inv(matrix[:size, :size])
    precision = np.zeros((9, 9))
    spread = posterior(np.tril(matrix), size, precision)
    assert spread == pytest.approx(np.sqrt(covariance[THICKNESS, THICKNESS]))
    if size == UNKNOWNS:
        np.testing.assert_allclose(
            precision, np.linalg.inv(covariance[FIRST_SCALE:, FIRST_SCALE:]), rtol=1e-6
        )
    else:
        assert not precision.any()


def test_posterior_of_a_matrix_that_is_not_positive_definite_says_nothing():
    precision = np.zeros((9, 9))
    assert posterior(-np.eye(UNKNOWNS), UNKNOWNS, precision) == np.inf
    assert not precision.any()
