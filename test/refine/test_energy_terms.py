"""Each term of the energy against numbers worked out by hand, and what must not change it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hand_pose_ros.depth.crop import CropFrame
from hand_pose_ros.refine.bone_prior import mixture_density
from hand_pose_ros.refine.energy_terms import (
    background_integral,
    background_share,
    bone_cost,
    free_space_cost,
    length_cost,
    network_cost,
    occlusion_cost,
    order_cost,
    pixel_of,
    prediction_cost,
)

STANDARD = 1.0 / math.sqrt(2.0 * math.pi)


def test_mixture_of_two_is_their_weighted_sum() -> None:
    weights, means, deviations = (
        np.array([[0.25, 0.75]]),
        np.array([[0.02, 0.04]]),
        np.array([[0.002, 0.004]]),
    )
    # At 0.02: the first at its middle, the second five deviations off.
    expected = 0.25 * STANDARD / 0.002 + 0.75 * STANDARD / 0.004 * math.exp(-12.5)
    assert mixture_density(0.02, 0, weights, means, deviations) == pytest.approx(expected, rel=1e-12)


def test_bone_costs_minus_one_at_its_best_length_and_nothing_far_off() -> None:
    weights, means, deviations = np.array([[1.0]]), np.array([[0.03]]), np.array([[0.002]])
    peak = STANDARD / 0.002
    for length, cost in ((0.03, -1.0), (0.032, -math.exp(-0.5)), (0.1, 0.0)):
        density = mixture_density(length, 0, weights, means, deviations)
        assert bone_cost(density, peak) == pytest.approx(cost, abs=1e-12)


def test_known_length_is_a_gaussian_about_it() -> None:
    assert length_cost(0.03, 0.03, 0.002) == -1.0
    assert length_cost(0.034, 0.03, 0.002) == pytest.approx(-math.exp(-2.0))
    assert length_cost(0.026, 0.03, 0.002) == pytest.approx(length_cost(0.034, 0.03, 0.002))


def test_background_is_counted_in_the_kernel() -> None:
    crop = np.zeros((8, 8), np.float32)
    crop[:, 4:] = 1.0
    integral = background_integral(crop)
    assert integral[-1, -1] == 32
    # About column 3 two of five columns are empty, about column 4 three.
    assert background_share(integral, 3, 3, 2) == pytest.approx(2 / 5)
    assert background_share(integral, 4, 3, 2) == pytest.approx(3 / 5)
    assert background_share(integral, 3, 3, 0) == 0.0
    assert background_share(integral, 4, 3, 0) == 1.0


def test_what_lies_outside_the_crop_is_background() -> None:
    integral = background_integral(np.zeros((8, 8), np.float32))
    assert background_share(integral, 0, 3, 1) == pytest.approx(1 / 3)
    assert background_share(integral, 0, 0, 1) == pytest.approx(5 / 9)
    assert background_share(integral, -1, 3, 1) == pytest.approx(2 / 3)
    assert background_share(integral, -2, 3, 1) == 1.0
    assert background_share(integral, 3, 500, 1) == 1.0


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**16),
    column=st.integers(-4, 19),
    row=st.integers(-4, 19),
    kernel=st.integers(0, 6),
)
def test_integral_image_counts_as_a_loop_does(seed: int, column: int, row: int, kernel: int) -> None:
    crop = np.random.default_rng(seed).choice(np.array([-0.2, 0.4, 1.0], np.float32), (16, 16))
    padded = np.pad(crop, 16, constant_values=1.0)
    rows = slice(16 + row - kernel, 17 + row + kernel)
    columns = slice(16 + column - kernel, 17 + column + kernel)
    share = background_share(background_integral(crop), column, row, kernel)
    assert share == pytest.approx((padded[rows, columns] >= 1.0).mean())


def test_fingertip_that_moves_less_than_its_parent_is_penalised() -> None:
    # Closing: the tip comes 10 mm nearer to the knuckle, the joint before it 4 mm: as it should be.
    assert order_cost(0.070, 0.080, 0.056, 0.060) == 0.0
    # Opening: the other way round.
    assert order_cost(0.080, 0.070, 0.060, 0.056) == 0.0
    assert order_cost(0.078, 0.080, 0.056, 0.060) == 1.0
    assert order_cost(0.080, 0.080, 0.060, 0.060) == 0.0


def test_network_cost_is_half_the_squared_distance_in_spreads() -> None:
    assert network_cost(0.004, 0.0, -0.012, 0.004, 0.006) == pytest.approx(2.5)


def test_joint_before_the_surface_is_penalised_up_to_a_limit() -> None:
    assert free_space_cost(0.006, 0.006, 0.004, 9.0) == 0.0
    assert free_space_cost(0.030, 0.006, 0.004, 9.0) == 0.0
    assert free_space_cost(0.002, 0.006, 0.004, 9.0) == pytest.approx(1.0)
    assert free_space_cost(-0.002, 0.006, 0.004, 9.0) == pytest.approx(4.0)
    assert free_space_cost(-0.100, 0.006, 0.004, 9.0) == 9.0


def test_joint_behind_the_surface_costs_at_most_one() -> None:
    assert occlusion_cost(0.010, 0.010, 0.004) == 0.0
    assert occlusion_cost(0.012, 0.010, 0.004) == pytest.approx(0.5)
    assert occlusion_cost(0.090, 0.010, 0.004) == 1.0


def test_prediction_grows_slowly() -> None:
    assert prediction_cost(0.0, 0.01) == 0.0
    assert prediction_cost(0.02, 0.01) == pytest.approx(math.log(3.0))
    # Ten times as far costs a few units more, not a hundred times as much.
    assert prediction_cost(0.2, 0.01) - prediction_cost(0.02, 0.01) < 5.0


@settings(max_examples=60, deadline=None)
@given(st.tuples(*[st.floats(-0.12, 0.12)] * 3), st.floats(0.3, 1.2))
def test_pixel_is_that_of_the_crop(place: tuple[float, float, float], distance: float) -> None:
    frame = CropFrame(np.array([0.0, 0.0, distance]), 0.3, 96)
    pixel = frame.crop_to_pixel(frame.local_to_crop(np.array(place)))
    # Compared before rounding, so that a place on a pixel's border may fall to either side.
    column, row = pixel_of(*place, frame.distance, frame.half, 96)
    assert abs(column - pixel[0]) <= 0.5 + 1e-9
    assert abs(row - pixel[1]) <= 0.5 + 1e-9
