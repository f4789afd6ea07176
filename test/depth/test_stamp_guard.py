"""A stray stamp is left out and changes nothing; a clock that was set is followed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hand_pose_ros.depth.stamp_guard import ClockSetBack, StampGuard, StampVerdict

GOES_ON, STRAY, CLOCK_SET = StampVerdict.GOES_ON, StampVerdict.STRAY, StampVerdict.CLOCK_SET
PERIOD_S = 1 / 30


def verdicts(guard: StampGuard, stamps: list[float], period_s: float = PERIOD_S, start_s: float = 0.0):
    """One verdict a stamp (s); one message a period arrives."""
    return [guard.judge(round(t * 1e9), start_s + i * period_s) for i, t in enumerate(stamps)]


def clock(start_s: float, count: int, period_s: float = PERIOD_S) -> list[float]:
    return [start_s + i * period_s for i in range(count)]


@given(st.floats(0.01, 1.0), st.floats(0.05, 50.0), st.lists(st.floats(0.0, 0.4), min_size=20, max_size=20))
def test_a_clock_goes_on_at_every_rate_of_frames_and_of_playback_however_late_they_come(
    period_s: float, rate: float, late_s: list[float]
) -> None:
    guard, arrived, seen = StampGuard(), 0.0, []
    for i, late in enumerate(late_s):
        arrived = max(arrived, i * period_s / rate + late)
        seen.append(guard.judge(round((100.0 + i * period_s) * 1e9), arrived))
    # Slow recordings that are played fast may be taken for a clock that is set, once, until their pace is known.
    assert seen.count(CLOCK_SET) <= (1 if period_s > 0.09 else 0)
    assert all(verdict == GOES_ON for verdict in seen[4:])


@pytest.mark.parametrize("jump_s", [5.0, 0.7, -0.7, -5.0, -1000.0, 1e9])
def test_a_single_stray_stamp_is_left_out_and_those_after_it_go_on(jump_s: float) -> None:
    stamps = clock(1000.0, 40)
    stamps[20] += jump_s
    seen = verdicts(StampGuard(), stamps)
    assert seen[20] == STRAY
    assert seen[:20] + seen[21:] == [GOES_ON] * 39


def test_a_frame_a_little_out_of_order_is_not_stray() -> None:
    stamps = clock(1000.0, 10)
    stamps[4], stamps[5] = stamps[5], stamps[4]
    assert verdicts(StampGuard(), stamps) == [GOES_ON] * 10


@pytest.mark.parametrize("jump_s", [4.0, -4.0, 1e6])
def test_a_clock_that_was_set_is_followed_after_three_frames_there_and_back(jump_s: float) -> None:
    guard = StampGuard()
    blocks = clock(1e7, 20) + clock(1e7 + jump_s + 20 * PERIOD_S, 20) + clock(1e7 + 40 * PERIOD_S, 20)
    seen = verdicts(guard, blocks)
    assert seen[20:23] == [STRAY, STRAY, CLOCK_SET]
    assert seen[40:43] == [STRAY, STRAY, CLOCK_SET]
    assert seen.count(CLOCK_SET) == 2
    assert seen.count(STRAY) == 4


def test_of_two_clocks_that_alternate_one_is_followed() -> None:
    stamps = [t + (5.0 if i % 2 else 0.0) for i, t in enumerate(clock(1000.0, 200))]
    seen = verdicts(StampGuard(), stamps)
    assert seen[::2] == [GOES_ON] * 100
    assert seen[1::2] == [STRAY] * 100


def test_frames_that_come_in_a_burst_after_a_stall_go_on() -> None:
    guard = StampGuard()
    verdicts(guard, clock(0.0, 20))
    late = [guard.judge(round((0.7 + i * PERIOD_S) * 1e9), 2.7 + i * 0.001) for i in range(5)]
    assert late == [GOES_ON] * 5
    assert guard.judge(round(2.7e9), 2.71) == GOES_ON


def test_a_stray_stamp_after_which_nothing_comes_is_a_clock_that_was_set() -> None:
    guard = StampGuard()
    verdicts(guard, clock(100.0, 10))
    assert guard.judge(50 * 10**9, 1.0) == STRAY
    assert not guard.settle(1.2)
    assert guard.settle(1.6)
    assert guard.judge(round(50.1e9), 1.7) == GOES_ON


def test_after_a_reset_any_stamp_is_the_first() -> None:
    guard = StampGuard()
    verdicts(guard, clock(100.0, 10))
    guard.reset()
    assert guard.judge(5 * 10**9, 1.0) == GOES_ON


def test_a_slow_recording_that_is_played_fast_is_followed_once_though_each_following_resets() -> None:
    guard, seen = StampGuard(), []
    for i in range(30):  # 1 Hz, five times as fast
        stamp_ns, arrival_s = (1000 + i) * 10**9, i / 5
        verdict = guard.judge(stamp_ns, arrival_s)
        if verdict == CLOCK_SET:
            guard.reset()
            guard.judge(stamp_ns, arrival_s)
        seen.append(verdict)
    assert seen == [GOES_ON, STRAY, STRAY, CLOCK_SET] + [GOES_ON] * 26


def test_steps_of_a_recording_before_do_not_widen_what_goes_on() -> None:
    guard = StampGuard()
    verdicts(guard, clock(1000.0, 20, 1.0), 0.2)
    assert verdicts(guard, clock(5000.0, 20), start_s=4.0)[:3] == [STRAY, STRAY, CLOCK_SET]
    assert guard.judge(round((5000.0 + 20 * PERIOD_S + 2.0) * 1e9), 4.0 + 20 * PERIOD_S) == STRAY


def test_equal_stamps_go_on() -> None:
    assert verdicts(StampGuard(), [7.0] * 50) == [GOES_ON] * 50


@given(
    start_s=st.floats(0.0, 1e6),
    back_s=st.floats(0.5, 1e4),
    late_s=st.floats(0.0, 0.2),
    since_s=st.floats(0.0, 5.0),
    rate=st.floats(0.1, 4.0),
)
def test_after_a_clock_was_set_back_only_what_was_on_its_way_is_from_before(
    start_s: float, back_s: float, late_s: float, since_s: float, rate: float
) -> None:
    from_s = start_s + back_s
    set_back, now_s = ClockSetBack(round(from_s * 1e9), 10.0), start_s + rate * since_s

    def before(stamp_s: float) -> bool:
        return set_back.was_before(round(stamp_s * 1e9), round(now_s * 1e9), 10.0 + since_s)

    assert not before(now_s - late_s)
    on_the_way = since_s < 1.0 and from_s - now_s > 2.0 * late_s + 1e-3
    if on_the_way:
        assert before(from_s - late_s)
        assert before(from_s + 0.05)
    if since_s >= 1.0 or now_s >= from_s:
        assert not before(from_s)
