"""The operator's switch and the deadman's button, in every way they may go together."""

from __future__ import annotations

import pytest

from hand_pose_ros.retarget.engagement import Engagement


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
