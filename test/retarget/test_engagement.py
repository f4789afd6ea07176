"""The operator's switch and the deadman's button, in every way they may go together."""

from __future__ import annotations

import pytest

from hand_pose_ros.retarget.engagement import DEADMAN, Engagement


def test_nothing_is_wanted_at_first():
    for deadman in ("optional", "required", "engages", "off"):
        assert not Engagement(deadman).wanted(0.0)[0]


def test_switch_alone_engages_until_a_button_was_heard():
    wish = Engagement("optional", 0.3)
    wish.switch(True)
    assert wish.wanted(100.0) == (True, "")
    wish.press(True, 100.0)
    assert wish.wanted(100.3)[0]
    assert wish.wanted(100.31) == (False, "no word of the deadman's button for 300 ms")
    wish.press(False, 100.4)
    assert wish.wanted(100.4) == (False, "the deadman's button is not held")
    wish.press(True, 100.5)
    assert wish.wanted(100.5)[0]
    wish.switch(False)
    assert wish.wanted(100.5) == (False, "not engaged")


def test_required_button_must_be_held_from_the_first():
    wish = Engagement("required", 0.3)
    wish.switch(True)
    assert wish.wanted(0.0) == (False, "the deadman's button is not held")
    wish.press(True, 0.1)
    assert wish.wanted(0.2)[0]


def test_button_alone_engages_where_it_does():
    wish = Engagement("engages", 0.3)
    wish.press(True, 0.1)
    assert wish.wanted(0.2)[0]
    assert not wish.wanted(0.5)[0]


@pytest.mark.parametrize("deadman", DEADMAN)
def test_switching_off_stops_in_every_mode_and_a_button_that_goes_on_does_not_undo_it(deadman):
    wish = Engagement(deadman, 0.3)
    wish.switch(True)
    wish.press(True, 0.0)
    assert wish.wanted(0.0)[0]
    wish.switch(False)
    for now_s in (0.0, 0.1, 0.2, 5.0, 5.1):  # between the last but one the button was silent for a while
        wish.press(True, now_s)
        assert not wish.wanted(now_s)[0]


def test_where_the_button_engages_it_is_let_go_and_held_again_after_switching_off():
    wish = Engagement("engages", 0.3)
    wish.press(True, 0.0)
    wish.switch(False)
    assert wish.wanted(0.0) == (False, "switched off: let the deadman's button go and hold it again")
    wish.press(False, 0.1)
    assert not wish.wanted(0.1)[0]
    wish.press(True, 0.2)
    assert wish.wanted(0.2) == (True, "")
    wish.switch(False)
    wish.switch(True)
    assert wish.wanted(0.2)[0]


def test_button_that_nobody_listens_to_changes_nothing():
    wish = Engagement("off")
    wish.switch(True)
    wish.press(False, 0.0)
    assert wish.wanted(10.0)[0]


def test_clock_that_went_back_lets_the_button_go():
    wish = Engagement("required", 0.3)
    wish.switch(True)
    wish.press(True, 50.0)
    assert not wish.wanted(40.0)[0]


def test_configuration_is_checked():
    with pytest.raises(ValueError, match="deadman is 'maybe', want one of optional"):
        Engagement("maybe")
    with pytest.raises(ValueError, match="deadman_timeout_s is 0"):
        Engagement("optional", 0)
