"""Hands are waited for as long as the rate of the frames asks for, and no longer."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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


def test_a_single_gap_is_waited_for_and_is_not_usual() -> None:
    """In it no hand is missed, whatever it is: what was there before is looked for in the first frame after it, and no
    longer."""
    assert after([1 / 30] * 10 + [1.0]) == pytest.approx(CONFIG.coast_s + 1.0 - 1 / 30)
    assert after([1 / 30] * 10 + [1.0, 1 / 30]) == CONFIG.coast_s
    assert after([0.4] * 10 + [1.2]) == pytest.approx(1.0 + 0.8)
    assert after([0.4] * 10 + [1.2, 0.4]) == pytest.approx(1.0)
    assert after([0.5] * 10 + [5.0]) == 3.0
    assert after([1 / 30] * 10 + [60.0]) == 3.0


def test_of_a_rate_that_falls_the_second_frame_is_usual() -> None:
    assert after([1 / 30] * 40 + [1.0] * 2) == pytest.approx(2.5)
    assert after([1 / 30] * 40 + [0.4] * 2) == pytest.approx(1.0)
    assert after([1 / 30] * 40 + [1.0, 1 / 30, 1.0, 1 / 30]) == CONFIG.coast_s


RATES = st.lists(
    st.tuples(st.floats(0.34, 60.0), st.integers(1, 12), st.floats(0.0, 0.5)), min_size=1, max_size=5
)


@settings(max_examples=200, deadline=None)
@given(rates=RATES, random=st.randoms(use_true_random=False))
def test_a_hand_seen_in_the_frame_before_is_never_given_up(
    rates: list[tuple[float, int, float]], random
) -> None:
    """Rates of a third of a frame a second and more that change and jitter by half an interval, bursts too."""
    patience, stamp_s = Patience(CONFIG), 100.0
    patience.next_frame(stamp_s)
    for hz, count, jitter in rates:
        for _ in range(count):
            seen_s, interval_s = stamp_s, random.uniform(1.0 - jitter, 1.0 + jitter) / hz
            stamp_s += interval_s
            patience_s = patience.next_frame(stamp_s)
            assert patience_s <= 3.0
            assert stamp_s - seen_s <= min(patience_s, 3.0) or interval_s > 3.0


@given(
    before=st.lists(st.floats(0.01, 3.0), max_size=20),
    gap_s=st.floats(0.0, 100.0),
    hz=st.floats(10.0, 90.0),
)
def test_a_hand_that_is_not_seen_any_more_is_soon_given_up_at_usual_rates(
    before: list[float], gap_s: float, hz: float
) -> None:
    """Whatever came before: no memory of slow frames keeps it."""
    assert after([*before, gap_s, *[1 / hz] * 6]) == pytest.approx(CONFIG.coast_s)


def test_frames_that_come_in_pairs_and_a_rate_that_falls_are_waited_for() -> None:
    assert after([0.1, 0.5] * 5) >= 0.5
    assert after([1 / 30] * 20 + [0.5] * 4) >= 0.5
    assert after([0.5] * 10 + [1 / 30] * 6) == CONFIG.coast_s
