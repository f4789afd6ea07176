"""A track begins where a hand is likely, is on probation at first, and goes on through doubtful frames later."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hand_pose_ros.detection.proposals import LOST, Proposal
from hand_pose_ros.tracking.config import TrackerConfig
from hand_pose_ros.tracking.presence import Presence

CONFIG = TrackerConfig()
START = CONFIG.start_odds
LOG_ODDS = st.floats(-30.0, 30.0)


def show(presence: Presence, log_odds: float, confidence: float, stamp_s: float) -> bool:
    """A frame in which the hand was seen; whether it is followed as one then."""
    presence.add(log_odds, hidden=False)
    presence.see(log_odds, confidence, stamp_s)
    presence.begin(START, stamp_s)
    return presence.begun


def begun(confidence: float = 0.9) -> Presence:
    """A track that began at 0 s."""
    presence = Presence(CONFIG)
    assert show(presence, START + 2.0, confidence, 0.0)
    return presence


def test_the_first_look_alone_begins_a_track() -> None:
    assert begun(confidence=0.01).begun


@pytest.mark.parametrize("rate_hz", [7.5, 30.0, 90.0])
def test_what_looks_like_a_hand_from_one_place_alone_is_one_for_one_look(rate_hz: float) -> None:
    """A robot drives past a chair."""
    presence = begun()
    assert not show(presence, 4.5, 0.05, 1 / rate_hz)
    assert not any(show(presence, 5.5, 0.4, k / rate_hz) for k in range(2, 200))


@pytest.mark.parametrize(("log_odds", "confidence"), [(START - 1.0, 0.0), (4.0, 0.2)])
def test_what_is_doubtful_by_one_measure_alone_is_not_sent_back(log_odds: float, confidence: float) -> None:
    """A hand that holds something before a stereo camera."""
    presence = begun()
    assert show(presence, log_odds, confidence, 0.1)


def test_it_begins_anew_where_it_is_as_likely_as_at_first() -> None:
    presence = begun()
    assert not show(presence, 4.5, 0.05, 0.1)
    assert any(show(presence, START + 3.0, 0.9, 0.1 * k) for k in range(2, 8))


def test_a_hand_that_stood_its_probation_goes_on_through_doubtful_looks() -> None:
    presence = begun()
    assert show(presence, 5.0, CONFIG.track.confirming_confidence, CONFIG.track.probation_s)
    assert all(show(presence, 4.0, 0.0, CONFIG.track.probation_s + 0.1 * k) for k in range(1, 50))


def test_a_frame_in_which_it_is_not_seen_ends_no_probation() -> None:
    """It coasts, as a hand does that is hidden for a frame."""
    presence = begun()
    presence.add(-3.0, hidden=False)
    assert presence.begun
    assert presence.is_sure


def test_what_was_sent_back_leaves_no_heir_until_it_begins_anew() -> None:
    presence = begun()
    assert presence.is_sure
    assert not show(presence, 4.5, 0.05, 0.1)
    assert not presence.is_sure
    assert any(show(presence, START + 3.0, 0.9, 0.1 * k) for k in range(2, 8))
    assert presence.is_sure


def test_an_heir_is_not_on_probation_and_leaves_none() -> None:
    presence = Presence(CONFIG, Proposal(np.zeros(3), LOST, START - CONFIG.scoring.seen_log_odds))
    assert show(presence, 4.0, 0.0, 0.0)
    assert presence.is_heir
    assert show(presence, 3.5, 0.0, 0.1)
    assert not presence.is_sure
    assert all(show(presence, START + 3.0, 0.9, 0.1 * k) for k in range(2, 20))
    assert presence.is_sure


@given(st.lists(st.tuples(LOG_ODDS, st.floats(0.0, 1.0)), min_size=1, max_size=30))
def test_without_a_confirming_confidence_none_is_sent_back(frames: list[tuple[float, float]]) -> None:
    config = replace(CONFIG, track=replace(CONFIG.track, confirming_confidence=0.0))
    presence, was_begun = Presence(config), False
    for index, (log_odds, confidence) in enumerate(frames):
        now = show(presence, log_odds, confidence, index / 30)
        assert now or not was_begun
        was_begun = now


@given(st.lists(LOG_ODDS, min_size=1, max_size=30))
def test_no_frame_counts_for_more_than_it_may(frames: list[float]) -> None:
    presence = Presence(CONFIG)
    for log_odds in frames:
        presence.add(log_odds, hidden=False)
    assert CONFIG.scoring.least_frame_log_odds <= presence.log_odds <= CONFIG.scoring.most_frame_log_odds


def test_what_stands_before_a_hand_is_no_evidence_against_it() -> None:
    presence = begun()
    known = presence.log_odds
    presence.add(-20.0, hidden=True)
    assert presence.log_odds == known
