from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hand_pose_ros.evaluation.motion_metrics import jitter_m, lag_s


def wave(times: np.ndarray) -> np.ndarray:
    """(T, 2): two smooth motions of hand speed."""
    return np.stack([0.1 * np.sin(2 * np.pi * 0.7 * times), 0.05 * np.cos(2 * np.pi * 1.1 * times)], axis=-1)


@pytest.mark.slow
@given(delay=st.floats(-0.1, 0.1), hz=st.sampled_from([15.0, 30.0, 60.0, 90.0]), offset=st.floats(-1.0, 1.0))
def test_known_delay_is_found_to_a_fraction_of_a_frame(delay: float, hz: float, offset: float) -> None:
    times = np.arange(0.0, 4.0, 1.0 / hz)
    assert lag_s(times, wave(times), wave(times - delay) + offset) == pytest.approx(delay, abs=1e-3)


def test_delay_is_found_on_irregular_times_and_under_noise() -> None:
    rng = np.random.default_rng(0)
    times = np.cumsum(rng.choice([1 / 30, 2 / 30], 300, p=[0.8, 0.2]))
    late = wave(times - 0.021) + rng.normal(0, 0.002, (300, 2))
    assert lag_s(times, wave(times), late) == pytest.approx(0.021, abs=2e-3)


def test_delay_of_a_first_order_filter_on_a_ramp_is_its_time_constant() -> None:
    # A slow triangle is a ramp nearly everywhere; x' = (m - x) / tau runs tau behind on it.
    tau, times = 0.04, np.arange(0.0, 8.0, 0.001)
    reference = np.abs((times / 2.0) % 2.0 - 1.0)[:, None]
    follower = np.empty_like(reference)
    follower[0] = reference[0]
    for i in range(1, len(times)):
        follower[i] = follower[i - 1] + (reference[i] - follower[i - 1]) * (1 - np.exp(-0.001 / tau))
    assert lag_s(times, reference, follower) == pytest.approx(tau, rel=0.05)


@pytest.mark.parametrize(
    ("times", "reference", "filtered", "message"),
    [
        (np.arange(9), np.zeros((9, 1)), np.zeros((9, 2)), "reference"),
        (np.zeros(9), np.zeros((9, 1)), np.zeros((9, 1)), "increase"),
        (np.arange(40.0), np.zeros((40, 1)), np.ones((40, 1)), "does not move"),
        (np.arange(9) * 0.03, np.zeros((9, 1)), np.ones((9, 1)), "samples lie"),
        (np.arange(40.0), np.full((40, 1), np.nan), np.ones((40, 1)), "finite"),
    ],
)
def test_lag_refuses_what_it_cannot_measure(times, reference, filtered, message) -> None:
    with pytest.raises(ValueError, match=message):
        lag_s(times, reference, filtered)


def test_jitter_is_the_rms_distance_from_the_mean() -> None:
    # Two frames 6 mm apart: each is 3 mm from the mean. The second joint rests.
    joints = np.zeros((2, 2, 3))
    joints[1, 0] = [0.006, 0.0, 0.0]
    np.testing.assert_allclose(jitter_m(joints), [0.003, 0.0])


def test_jitter_of_white_noise_is_its_spread_in_three_axes() -> None:
    joints = np.random.default_rng(0).normal(0, 0.001, (20000, 5, 3)) + np.arange(15).reshape(5, 3)
    np.testing.assert_allclose(jitter_m(joints), 0.001 * np.sqrt(3), rtol=0.02)


@pytest.mark.parametrize("joints", [np.zeros((1, 23, 3)), np.zeros((5, 2)), np.full((3, 3), np.nan)])
def test_jitter_refuses_what_it_cannot_measure(joints) -> None:
    with pytest.raises(ValueError, match="joints"):
        jitter_m(joints)
