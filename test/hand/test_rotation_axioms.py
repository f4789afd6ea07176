"""Both rotation toolkits, torch's and numba's, obey the axioms of the rotation group."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hand_pose_ros.hand import rotations, rotations_numba

Array = NDArray[np.float64]


class Toolkit(NamedTuple):
    """A toolkit's functions on numpy arrays of one rotation."""

    so3_exp: Callable[[Array], Array]
    so3_log: Callable[[Array], Array]
    kabsch: Callable[[Array, Array, Array], tuple[Array, Array]]


def _kabsch_torch(source: Array, target: Array, weights: Array) -> tuple[Array, Array]:
    rotation, translation = rotations.kabsch(*(torch.from_numpy(a) for a in (source, target, weights)))
    return rotation.numpy(), translation.numpy()


TOOLKITS = {
    "torch": Toolkit(
        lambda vector: rotations.so3_exp(torch.from_numpy(vector)).numpy(),
        lambda matrix: rotations.so3_log(torch.from_numpy(matrix)).numpy(),
        _kabsch_torch,
    ),
    "numba": Toolkit(rotations_numba.so3_exp, rotations_numba.so3_log, rotations_numba.kabsch),
}

pytestmark = pytest.mark.parametrize("toolkit", TOOLKITS.values(), ids=TOOLKITS.keys())

coordinate = st.floats(-1.0, 1.0, allow_nan=False)
unit_vector = (
    st.tuples(coordinate, coordinate, coordinate)
    .filter(lambda v: sum(c * c for c in v) > 1e-3)
    .map(lambda v: np.array(v) / np.linalg.norm(v))
)
angle_below_pi = st.floats(0.0, math.pi - 1e-6)
small_angle = st.floats(0.0, 1e-4)
any_angle = st.floats(-10.0, 10.0)


@pytest.mark.slow
@given(axis=unit_vector, angle=angle_below_pi | small_angle)
@settings(max_examples=100, deadline=None)
def test_the_logarithm_undoes_the_exponential_below_pi(toolkit: Toolkit, axis: Array, angle: float) -> None:
    np.testing.assert_allclose(toolkit.so3_log(toolkit.so3_exp(axis * angle)), axis * angle, atol=1e-7)


@pytest.mark.slow
@given(axis=unit_vector, angle=any_angle)
@settings(max_examples=100, deadline=None)
def test_the_exponential_undoes_the_logarithm(toolkit: Toolkit, axis: Array, angle: float) -> None:
    matrix = toolkit.so3_exp(axis * angle)
    vector = toolkit.so3_log(matrix)
    assert np.linalg.norm(vector) <= math.pi + 1e-9
    np.testing.assert_allclose(toolkit.so3_exp(vector), matrix, atol=1e-7)


@pytest.mark.slow
@given(axis=unit_vector, angle=any_angle | small_angle)
@settings(max_examples=100, deadline=None)
def test_an_exponential_is_orthonormal_and_right_handed(toolkit: Toolkit, axis: Array, angle: float) -> None:
    matrix = toolkit.so3_exp(axis * angle)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(matrix) == pytest.approx(1.0)


@pytest.mark.slow
@given(axis=unit_vector, angle=any_angle)
@settings(max_examples=50, deadline=None)
def test_the_opposite_vector_gives_the_inverse(toolkit: Toolkit, axis: Array, angle: float) -> None:
    np.testing.assert_allclose(toolkit.so3_exp(-axis * angle), toolkit.so3_exp(axis * angle).T, atol=1e-12)


@pytest.mark.slow
@given(axis=unit_vector, first=any_angle, second=any_angle)
@settings(max_examples=50, deadline=None)
def test_angles_about_one_axis_add_up(toolkit: Toolkit, axis: Array, first: float, second: float) -> None:
    together = toolkit.so3_exp(axis * (first + second))
    np.testing.assert_allclose(
        toolkit.so3_exp(axis * first) @ toolkit.so3_exp(axis * second), together, atol=1e-8
    )


@pytest.mark.slow
@given(axis=unit_vector, angle=any_angle)
@settings(max_examples=50, deadline=None)
def test_the_axis_stays_where_it_is(toolkit: Toolkit, axis: Array, angle: float) -> None:
    np.testing.assert_allclose(toolkit.so3_exp(axis * angle) @ axis, axis, atol=1e-9)


@pytest.mark.parametrize("angle", [0.0, 1e-12, 1e-9, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3])
def test_small_angles_survive_both_ways(toolkit: Toolkit, angle: float) -> None:
    vector = angle * np.array([0.6, 0.0, -0.8])
    np.testing.assert_allclose(toolkit.so3_log(toolkit.so3_exp(vector)), vector, rtol=1e-6, atol=1e-16)


@pytest.mark.parametrize("axis", [*np.eye(3), np.array([0.6, 0.0, -0.8]), np.array([1.0, 2.0, 2.0]) / 3])
@pytest.mark.parametrize("short_of_pi", [0.0, 1e-9, 1e-6])
def test_half_turns_are_found(toolkit: Toolkit, axis: Array, short_of_pi: float) -> None:
    matrix = toolkit.so3_exp(axis * (math.pi - short_of_pi))
    vector = toolkit.so3_log(matrix)
    assert np.linalg.norm(vector) == pytest.approx(math.pi - short_of_pi, abs=1e-7)
    # A half turn about an axis is the half turn about its opposite.
    assert abs(vector @ axis) == pytest.approx(math.pi - short_of_pi, abs=1e-7)
    np.testing.assert_allclose(toolkit.so3_exp(vector), matrix, atol=1e-7)


def test_positive_angles_turn_x_towards_y_about_z(toolkit: Toolkit) -> None:
    quarter = toolkit.so3_exp(np.array([0.0, 0.0, math.pi / 2]))
    np.testing.assert_allclose(quarter @ [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], atol=1e-12)


@pytest.mark.slow
@given(axis=unit_vector, angle=angle_below_pi)
@settings(max_examples=50, deadline=None)
def test_kabsch_recovers_a_rigid_motion_and_never_mirrors(
    toolkit: Toolkit, axis: Array, angle: float
) -> None:
    rng = np.random.default_rng(0)
    source, weights = rng.normal(0, 0.05, (9, 3)), rng.uniform(0.1, 1.0, 9)
    true_rotation, true_translation = toolkit.so3_exp(axis * angle), np.array([0.1, -0.2, 0.7])
    target = source @ true_rotation.T + true_translation
    rotation, translation = toolkit.kabsch(source, target, weights)
    np.testing.assert_allclose(rotation, true_rotation, atol=1e-9)
    np.testing.assert_allclose(translation, true_translation, atol=1e-9)
    mirrored, _ = toolkit.kabsch(source, target * [-1.0, 1.0, 1.0], weights)
    assert np.linalg.det(mirrored) == pytest.approx(1.0)


def test_kabsch_heeds_no_point_without_weight(toolkit: Toolkit) -> None:
    rng = np.random.default_rng(1)
    source, weights = rng.normal(0, 0.05, (9, 3)), np.ones(9)
    target, weights[4] = source.copy(), 0.0
    target[4] += 1.0
    rotation, translation = toolkit.kabsch(source, target, weights)
    np.testing.assert_allclose(rotation, np.eye(3), atol=1e-9)
    np.testing.assert_allclose(translation, np.zeros(3), atol=1e-9)
