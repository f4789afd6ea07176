"""A side is open at first, then sticks, and no single frame turns it; two hands are mostly of two sides."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hand_pose_ros.tracking.config import TrackConfig
from hand_pose_ros.tracking.side_selector import SideSelector, log_odds_from_other_hand

CONFIG = TrackConfig()
BOTH = ("right", "left")
LOG_ODDS = st.floats(-50.0, 50.0)


def decided(frames: int = CONFIG.side_frames, left: float = 2.0, other: float = 0.0) -> SideSelector:
    """A selector that saw so many frames with these log odds of left, beside another hand."""
    selector = SideSelector("auto", CONFIG)
    for index in range(frames):
        selector.update(0.0, left, index / 30, other)
    return selector


@pytest.mark.parametrize("side", BOTH)
def test_a_side_that_is_asked_for_is_never_doubted(side: str) -> None:
    selector = SideSelector(side, CONFIG)
    assert selector.side == side
    assert selector.sides_to_try(0.0) == selector.sides_to_try(1e9) == (side,)


def test_an_open_side_is_decided_by_the_first_frame_and_tried_both_ways_for_some_more() -> None:
    selector = SideSelector("auto", CONFIG)
    assert selector.side is None
    assert selector.update(4.0, 4.1, 0.0)
    assert selector.side == "left"
    assert not selector.update(4.0, 4.1, 0.03)
    assert selector.sides_to_try(0.06) == BOTH
    assert decided().sides_to_try((CONFIG.side_frames - 1) / 30 + 0.01) == ("left",)


def test_while_a_side_is_open_the_better_mean_has_it_at_once() -> None:
    """One that would turn no known side."""
    selector = decided(1, left=0.1)
    assert selector.side == "left"
    assert selector.update(0.3, 0.0, 0.03)
    assert selector.side == "right"
    assert abs(selector.left_log_odds) < CONFIG.side_switch_log_odds


def test_both_sides_are_tried_again_now_and_then() -> None:
    last_s = (CONFIG.side_frames - 1) / 30
    selector = decided()
    assert selector.sides_to_try(last_s + 0.9 * CONFIG.side_recheck_s) == ("left",)
    assert selector.sides_to_try(last_s + CONFIG.side_recheck_s) == BOTH


def test_a_sure_side_is_doubted_more_seldom_until_a_frame_speaks_against_it() -> None:
    frames = 12
    last_s, selector = (frames - 1) / 30, decided(frames, left=CONFIG.sure_side_log_odds)
    assert selector.sides_to_try(last_s + 0.9 * CONFIG.side_recheck_sure_s) == ("left",)
    assert selector.sides_to_try(last_s + CONFIG.side_recheck_sure_s) == BOTH
    selector.update(CONFIG.most_side_log_odds, 0.0, last_s + 3.0)
    assert selector.sides_to_try(last_s + 3.0 + CONFIG.side_recheck_s) == BOTH


def test_one_frame_does_not_turn_a_known_side_and_several_do_within_three_seconds() -> None:
    selector = decided(left=5.0)
    times = np.arange(1.0, 4.1, CONFIG.side_recheck_s)
    assert not selector.update(100.0, 0.0, times[0])
    assert selector.side == "left"
    changes = [selector.update(100.0, 0.0, stamp_s) for stamp_s in times[1:]]
    assert selector.side == "right"
    assert sum(changes) == 1


def test_no_single_frame_turns_a_known_side_however_little_it_was_known() -> None:
    selector = decided(left=0.01)
    assert not selector.update(100.0, 0.0, 10.0)
    assert selector.side == "left"


def test_two_tries_in_a_row_turn_a_side_that_was_little_known() -> None:
    """A hand that began while neither side was likelier."""
    selector = decided(left=0.01)
    selector.update(2.0, 0.0, 10.0)
    assert selector.sides_to_try(10.03) == BOTH
    assert selector.update(2.0, 0.0, 10.03)
    assert selector.side == "right"


def test_while_neither_side_is_much_likelier_both_are_tried_in_every_frame() -> None:
    """A hand whose first second does not tell is of the right side as soon as its frames do."""
    selector = decided(30, left=0.1)
    for index in range(30, 34):
        assert selector.sides_to_try(index / 30) == BOTH
        selector.update(4.0, 0.0, index / 30)
    assert selector.side == "right"


@given(st.floats(0.01, 6.0), st.integers(CONFIG.side_frames, 60))
def test_both_sides_are_tried_the_oftener_the_less_is_known(left: float, frames: int) -> None:
    selector = decided(frames, left)
    last_s, known = (frames - 1) / 30, selector.left_log_odds
    tried = [selector.sides_to_try(last_s + after_s) == BOTH for after_s in (0.01, 1.0, 10.0)]
    assert tried == [known < CONFIG.unsure_side_log_odds, known < CONFIG.sure_side_log_odds, True]


@pytest.mark.parametrize("rate_hz", [10.0, 30.0, 90.0])
def test_a_short_disturbance_turns_no_side_at_any_rate(rate_hz: float) -> None:
    """Frames that come sooner than rechecks are due, as of a hand beside another, count less each."""
    selector, start_s = decided(left=4.0), 1.0
    for stamp_s in np.arange(start_s, start_s + 0.3, 1.0 / rate_hz):
        selector.update(4.0, 0.0, float(stamp_s))
    assert selector.side == "left"


@given(st.integers(1, 40), st.floats(0.01, 6.0))
def test_many_frames_of_one_hand_say_little_more_than_their_mean(frames: int, left: float) -> None:
    found = decided(frames, left).left_log_odds
    assert left * (1.0 - 1e-9) <= found <= left / CONFIG.side_correlation


@given(LOG_ODDS, st.floats(0.001, 0.5))
def test_the_other_hand_says_no_more_than_the_share_of_pairs_of_one_side(other: float, share: float) -> None:
    most = np.log((1.0 - share) / share)
    found = log_odds_from_other_hand(other, share)
    assert abs(found) <= most + 1e-6
    assert found * other <= 1e-9
    assert log_odds_from_other_hand(-other, share) == pytest.approx(-found, abs=1e-6)
    assert log_odds_from_other_hand(50.0, share) == pytest.approx(-most, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(("other", "side"), [(-12.0, "left"), (12.0, "right")])
def test_a_doubtful_hand_is_the_one_that_the_other_is_not_for_as_long_as_it_is_doubtful(
    other: float, side: str
) -> None:
    selector = decided(60, 1.2 * np.sign(other), other)
    assert selector.side == side


@pytest.mark.parametrize("side", BOTH)
def test_a_hand_that_shows_its_side_clearly_is_of_it_whatever_the_other_is(side: str) -> None:
    for other in (-12.0, 12.0):
        assert decided(1, 5.0 if side == "left" else -5.0, other).side == side


def test_a_hands_log_odds_are_its_own_whatever_the_other_hand_is() -> None:
    assert decided(3, 0.4).left_log_odds == decided(3, 0.4, 12.0).left_log_odds


def test_a_hand_whose_side_the_other_decided_is_tried_both_ways_in_every_frame() -> None:
    overruled = decided(40, 1.2, 12.0)
    assert overruled.side == "right"
    assert overruled.sides_to_try(39 / 30 + 0.01) == BOTH
    agreed = decided(40, -1.2, 12.0)
    assert agreed.sides_to_try(39 / 30 + 0.01) == ("right",)


def test_the_estimates_are_of_the_side_decided_and_of_the_side_that_the_frames_speak_for() -> None:
    right, left = SimpleNamespace(side="right", fit=0.0), SimpleNamespace(side="left", fit=1.0)
    selector = SideSelector("auto", CONFIG)
    assert selector.choose([right, left], 0.0, 12.0) == (right, left, True)
    assert selector.choose([left, right], 0.1, -12.0) == (left, left, True)
    assert selector.choose([left], 0.2) == (left, left, False)


def test_without_a_share_of_pairs_one_hand_says_nothing_of_the_other() -> None:
    selector = SideSelector("auto", replace(CONFIG, same_side_share=0.5))
    selector.update(0.0, 0.01, 0.0, 12.0)
    assert selector.side == "left"
