"""Jitter and gaps of a recording."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hand_pose_ros.recording.motion import adjacent_frames, increasing_ns, jitter_mm, missing_frames


@given(st.lists(st.floats(-1, 1), min_size=3, max_size=3), st.floats(-0.1, 0.1))
def test_steady_motion_has_no_jitter(velocity, start) -> None:
    times = np.arange(20) / 30.0
    joints = start + times[:, None, None] * np.array(velocity)[None, None] * np.ones((1, 23, 1))
    jitter = jitter_mm(joints, np.ones(19, bool))
    assert np.isnan(jitter[[0, -1]]).all()
    assert np.nanmax(jitter) < 1e-9


def test_noise_shows_its_standard_deviation() -> None:
    joints = np.random.default_rng(0).normal(0, 0.001, (2000, 23, 3))
    # The mean length of a vector of three normal numbers is sqrt(8 / pi) of one's standard deviation.
    expected = np.sqrt(8 / np.pi)
    assert np.nanmean(jitter_mm(joints, np.ones(1999, bool))) == pytest.approx(expected, rel=0.02)


def test_gaps_have_no_jitter_and_are_counted() -> None:
    stamps = np.array([0, 33, 66, 166, 199, 232], np.int64) * 1_000_000
    assert missing_frames(stamps) == 2
    adjacent = adjacent_frames(stamps)
    assert adjacent.tolist() == [True, True, False, True, True]
    jitter = jitter_mm(np.random.default_rng(0).normal(size=(6, 23, 3)), adjacent)
    assert np.isfinite(jitter).tolist() == [False, True, False, False, True, False]
    assert missing_frames(stamps[:1]) == missing_frames(np.zeros(5, np.int64)) == 0


@given(st.lists(st.integers(-(2**40), 2**61), max_size=20))
def test_times_increase_whatever_the_stamps_do(stamps) -> None:
    times = increasing_ns(np.array(stamps, np.int64))
    assert len(times) == len(stamps)
    assert (np.diff(times) > 0).all()
    assert times[:1].tolist() == stamps[:1]


def test_stamps_in_order_are_the_times_and_a_loop_goes_on_from_its_end() -> None:
    once = np.array([5, 38, 71, 104], np.int64) * 1_000_000
    assert increasing_ns(once).tolist() == once.tolist()
    again = increasing_ns(np.concatenate([once, once]))
    assert again.tolist() == [*once, *(once + 132_000_000)]
