"""Which hand drives the robot, and why none does."""

from __future__ import annotations

import math

import pytest

from hand_pose_ros.retarget.hand_gate import GateConfig, HandGate, SeenHand

RIGHT = SeenHand("right", 7, False, 0.9)


def gate(**config):
    return HandGate(GateConfig(**config))


def test_the_surest_hand_of_its_side_is_followed_and_then_no_other():
    chooser = gate()
    hands = [
        SeenHand("left", 1, False, 1.0),
        SeenHand("right", 2, False, 0.5),
        SeenHand("right", 3, False, 0.8),
    ]
    assert chooser.choose(hands, 0.0) == (2, "")
    hands = [SeenHand("right", 2, False, 1.0), SeenHand("right", 3, False, 0.4)]
    assert chooser.choose(hands, 0.1) == (1, "")
    assert chooser.choose(hands[:1], 0.2) == (None, "another hand (track 2, not 3): engage again")
    chooser.release()
    assert chooser.choose(hands[:1], 0.3) == (0, "")


def test_another_track_may_go_on_where_that_is_asked_for():
    chooser = gate(follow_new_track=True)
    assert chooser.choose([RIGHT], 0.0) == (0, "")
    assert not chooser.changed
    assert chooser.choose([RIGHT._replace(track_id=8)], 0.1) == (0, "")
    assert chooser.changed
    assert chooser.choose([RIGHT._replace(track_id=8)], 0.2) == (0, "")
    assert not chooser.changed


def test_another_track_that_is_hidden_when_it_comes_is_not_followed():
    chooser = gate(follow_new_track=True)
    assert chooser.choose([RIGHT], 0.0) == (0, "")
    assert chooser.choose([RIGHT._replace(track_id=8, coasts=True)], 0.1) == (None, "the hand is hidden")


@pytest.mark.parametrize(
    "hands, why",
    [
        ([], "no hand"),
        ([RIGHT._replace(side="left")], "only a hand of the other side than right"),
        ([RIGHT._replace(side="")], "only a hand of the other side than right"),
        ([RIGHT._replace(confidence=0.1)], "confidence 0.10, want 0.30"),
        ([RIGHT._replace(confidence=float("nan"))], "confidence nan, want 0.30"),
        ([RIGHT._replace(coasts=True)], "the hand is hidden"),
    ],
)
def test_hand_that_is_not_to_be_followed_is_told_why(hands, why):
    assert gate().choose(hands, 0.0) == (None, why)


def test_hand_may_be_hidden_for_a_while():
    chooser = gate(coast_s=0.1)
    hidden = [RIGHT._replace(coasts=True)]
    assert chooser.choose([RIGHT], 0.0) == (0, "")
    assert chooser.choose(hidden, 0.03) == (0, "")
    assert chooser.choose(hidden, 0.13) == (0, "")
    assert chooser.choose(hidden, 0.14) == (None, "the hand is hidden")
    assert chooser.choose([RIGHT], 0.17) == (0, "")
    assert chooser.choose(hidden, 0.2) == (0, "")
    assert chooser.choose(hidden, 0.1) == (0, "")  # the clock went back: counted anew
    assert chooser.choose(hidden, 0.21) == (None, "the hand is hidden")


def test_how_long_a_hand_may_be_followed_without_another_word_counts_from_when_it_was_hidden():
    chooser = gate(coast_s=0.1)
    hidden = [RIGHT._replace(coasts=True)]
    chooser.choose([RIGHT], 0.0)
    assert chooser.until_s == math.inf
    for now_s in (0.03, 0.06, 0.12):
        chooser.choose(hidden, now_s)
        assert chooser.until_s == pytest.approx(0.13)
    chooser.choose([RIGHT], 0.2)
    assert chooser.until_s == math.inf


@pytest.mark.parametrize(
    "meanwhile",
    [[RIGHT._replace(coasts=True, confidence=0.1)], [RIGHT._replace(coasts=True, side="left")], []],
    ids=["less sure", "other side", "none"],
)
def test_hand_is_hidden_all_the_while_whatever_else_is_said_of_it(meanwhile):
    chooser, hidden = gate(coast_s=0.1), RIGHT._replace(coasts=True)
    assert chooser.choose([RIGHT], 0.0) == (0, "")
    assert chooser.choose([hidden], 0.03)[0] == 0
    assert chooser.choose(meanwhile, 0.06)[0] is None
    assert chooser.choose([hidden], 0.12)[0] == 0
    assert chooser.choose([hidden], 0.15) == (None, "the hand is hidden")
    assert chooser.choose([RIGHT], 0.18) == (0, "")


def test_configuration_is_checked():
    with pytest.raises(ValueError, match="side is 'both', want one of right, left"):
        GateConfig(side="both")
    with pytest.raises(ValueError, match="min_confidence is 2.0"):
        GateConfig(min_confidence=2.0)


def test_same_track_of_a_tracker_that_was_started_again_is_another_hand():
    chooser = gate()
    assert chooser.choose([RIGHT], 0.0, run=0) == (0, "")
    again = (None, "the tracker was started again: engage again")
    assert chooser.choose([RIGHT], 0.1, run=1) == again
    assert chooser.choose([], 0.2, run=1) == (None, "no hand")
    assert chooser.choose([RIGHT], 0.3, run=1) == again
    chooser.release()
    assert chooser.choose([RIGHT], 0.4, run=1) == (0, "")
    assert chooser.choose([RIGHT], 0.5, run=1) == (0, "")


def test_first_hand_after_engaging_may_be_of_any_run():
    chooser = gate()
    assert chooser.choose([], 0.0, run=3) == (None, "no hand")
    assert chooser.choose([RIGHT], 0.1, run=4) == (0, "")


def test_tracker_that_was_started_again_may_go_on_where_that_is_asked_for():
    chooser = gate(follow_new_track=True)
    assert chooser.choose([RIGHT], 0.0, run=0) == (0, "")
    assert chooser.choose([RIGHT], 0.1, run=1) == (0, "")
    assert chooser.changed
