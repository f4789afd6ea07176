"""Hands are waited for as long as the rate of the frames asks for, and no longer."""

from __future__ import annotations

import pytest

from hand_pose_ros.tracking.config import TrackerConfig
from hand_pose_ros.tracking.patience import Patience

CONFIG = TrackerConfig()


def after(intervals_s: list[float], config: TrackerConfig = CONFIG) -> float:
    """The patience at the last frame."""
    patience = Patience(config)
    stamp_s = 100.0
    patience_s = patience.next_frame(stamp_s)
    for interval_s in intervals_s:
        stamp_s += interval_s
        patience_s = patience.next_frame(stamp_s)
    return patience_s


@pytest.mark.parametrize("hz", [10.0, 15.0, 30.0, 60.0, 90.0])
def test_at_usual_rates_it_is_coast_s(hz: float) -> None:
    assert after([1 / hz] * 8) == pytest.approx(CONFIG.coast_s)


@pytest.mark.parametrize("hz", [1.0, 2.0, 3.0, 3.75, 5.0])
@pytest.mark.parametrize("count", [1, 2, 7, 30])
def test_at_low_rates_it_is_two_and_a_half_intervals_from_the_second_frame_on(hz: float, count: int) -> None:
    assert after([1 / hz] * count) == pytest.approx(min(2.5 / hz, 3.0))


def test_it_is_three_seconds_at_most_unless_coast_s_is_more() -> None:
    assert after([5.0] * 8) == 3.0
    assert after([5.0] * 8, TrackerConfig(coast_s=8.0)) == 8.0


def test_a_single_gap_is_not_usual() -> None:
    assert after([1 / 30] * 10 + [1.0]) == CONFIG.coast_s
    assert after([1 / 30] * 10 + [1.0, 1 / 30]) == CONFIG.coast_s
    assert after([0.5] * 10 + [5.0]) == pytest.approx(1.25)


def test_frames_that_come_in_pairs_and_a_rate_that_falls_are_waited_for() -> None:
    assert after([0.1, 0.5] * 5) >= 0.5
    assert after([1 / 30] * 20 + [0.5] * 4) >= 0.5
    assert after([0.5] * 10 + [1 / 30] * 6) == CONFIG.coast_s
