"""A side is open at first, then sticks, and no single frame turns it."""

from __future__ import annotations

import numpy as np
import pytest

from hand_pose_ros.tracking.config import TrackConfig
from hand_pose_ros.tracking.side_selector import SideSelector

CONFIG = TrackConfig()
BOTH = ("right", "left")


def decided(frames: int = CONFIG.side_frames, left_fit: float = 0.2) -> SideSelector:
    """A selector that saw so many frames with left fitting better by so much."""
    selector = SideSelector("auto", CONFIG)
    for index in range(frames):
        selector.update(0.0, left_fit, index / 30)
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


def test_while_a_side_is_open_the_better_sum_has_it_at_once() -> None:
    """A sum that would turn no known side."""
    selector = decided(1, left_fit=0.1)
    assert selector.side == "left"
    assert selector.update(0.3, 0.0, 0.03)
    assert selector.side == "right"
    assert abs(selector.left_fit) < CONFIG.side_switch_fit


def test_both_sides_are_tried_again_now_and_then() -> None:
    last_s = (CONFIG.side_frames - 1) / 30
    selector = decided()
    assert selector.sides_to_try(last_s + 0.9 * CONFIG.side_recheck_s) == ("left",)
    assert selector.sides_to_try(last_s + CONFIG.side_recheck_s) == BOTH


def test_a_sure_side_is_doubted_more_seldom_until_a_frame_speaks_against_it() -> None:
    frames = 12
    last_s, selector = (frames - 1) / 30, decided(frames)
    assert selector.sides_to_try(last_s + 0.9 * CONFIG.side_recheck_sure_s) == ("left",)
    assert selector.sides_to_try(last_s + CONFIG.side_recheck_sure_s) == BOTH
    selector.update(0.5, 0.0, last_s + 2.0)
    assert selector.sides_to_try(last_s + 2.0 + CONFIG.side_recheck_s) == BOTH


def test_one_frame_does_not_turn_a_known_side_and_several_do() -> None:
    selector = decided()
    assert not selector.update(100.0, 0.0, 1.0)
    assert selector.side == "left"
    changes = [selector.update(100.0, 0.0, 1.0 + index / 30) for index in range(1, 4)]
    assert selector.side == "right"
    assert sum(changes) == 1


@pytest.mark.parametrize(
    ("other", "side"), [(-CONFIG.most_side_fit, "left"), (CONFIG.most_side_fit, "right")]
)
def test_a_doubtful_hand_is_the_one_that_the_other_is_not(other: float, side: str) -> None:
    selector = SideSelector("auto", CONFIG)
    selector.update(0.0, 0.1 * np.sign(other), 0.0, other)
    assert selector.side == side


@pytest.mark.parametrize("side", BOTH)
def test_a_hand_that_shows_its_side_clearly_is_of_it_whatever_the_other_is(side: str) -> None:
    for other in (-CONFIG.most_side_fit, CONFIG.most_side_fit):
        selector = SideSelector("auto", CONFIG)
        selector.update(*((1.0, 0.0) if side == "right" else (0.0, 1.0)), 0.0, other)
        assert selector.side == side


def test_a_sides_sum_is_its_own_whatever_the_other_hand_is() -> None:
    alone, beside = SideSelector("auto", CONFIG), SideSelector("auto", CONFIG)
    alone.update(0.0, 0.4, 0.0)
    beside.update(0.0, 0.4, 0.0, CONFIG.most_side_fit)
    assert alone.left_fit == beside.left_fit == pytest.approx(0.4)
