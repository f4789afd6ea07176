"""When the image is searched, and what a place gains where a hand was lost a moment ago."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hand_pose_ros.detection.proposals import LOST, Proposal
from hand_pose_ros.tracking.config import TrackerConfig
from hand_pose_ros.tracking.search_schedule import SearchSchedule

CONFIG = TrackerConfig(hands=2)
SEARCH = CONFIG.search


@dataclass
class Followed:
    """A track as the schedule sees it."""

    seen_s: float
    published: bool = True
    is_sure: bool = True
    track_id: int = 1
    last_centre: np.ndarray = field(default_factory=lambda: np.array([0.0, 0.0, 0.6]))

    def rests(self, stamp_s: float) -> bool:
        return False

    @property
    def presence(self) -> Followed:
        return self


def at(x: float, log_odds: float = 0.0) -> Proposal:
    return Proposal(np.array([x, 0.0, 0.6]), "detector", log_odds)


def schedule(interval_s: float = 1 / 30) -> SearchSchedule:
    made = SearchSchedule(CONFIG)
    made.next_frame(interval_s)
    return made


def test_every_frame_is_searched_while_no_hand_is_published():
    made = schedule()
    made.searched(0.0)
    assert made.is_due([], 0.01)
    assert made.is_due([Followed(0.01, published=False)], 0.01)
    assert not made.is_due([Followed(0.01)], 0.01)
    assert made.is_due([Followed(0.0)], 0.01), "it is missed"
    assert made.is_due([Followed(SEARCH.interval_s)], SEARCH.interval_s)


def test_a_slow_camera_leaves_time_to_search_every_frame_and_to_try_every_place():
    slow, quick = schedule(SEARCH.slow_frame_s), schedule(0.9 * SEARCH.slow_frame_s)
    for made in (slow, quick):
        made.searched(0.0)
    assert slow.is_due([Followed(0.1)], 0.1)
    assert not quick.is_due([Followed(0.1)], 0.1)
    assert not slow.in_passing(True, 0.1)
    assert quick.in_passing(True, 0.1)
    assert slow.hold_times(True, 0.1).first_s == SEARCH.refused_hold_s
    assert slow.hold_times(True, 0.1).most_rechecks > quick.hold_times(False, 0.1).most_rechecks


def test_for_a_moment_after_a_loss_every_frame_is_searched_and_nothing_is_left_alone_for_long():
    made = schedule()
    made.lost([Followed(1.0)], [], 1.1)
    made.searched(1.1)
    soon, later = 1.1 + 0.9 * SEARCH.after_loss_s, 1.1 + 1.1 * SEARCH.after_loss_s
    assert made.is_due([Followed(soon)], soon)
    assert not made.in_passing(True, soon)
    assert made.hold_times(True, soon).most_s == SEARCH.refused_hold_s
    made.searched(later)
    assert not made.is_due([Followed(later)], later)
    assert made.in_passing(True, later)


@given(st.floats(-1.2, 1.2), st.floats(0.0, 4.0), st.floats(-3.0, 3.0))
def test_near_a_lost_hand_one_begins_as_a_tracked_one_is_seen(x, after_s, log_odds):
    made = schedule()
    made.lost([Followed(1.0)], [], 1.0)
    (proposal,) = [p for p in made.with_lost([at(x, log_odds)], 1.0 + after_s) if p.centre[0] == x]
    near = abs(x) < SEARCH.found_again_m and (1.0 + after_s) - 1.0 <= SEARCH.regained_s
    gained = max(log_odds, 0.0) + CONFIG.start_odds - CONFIG.scoring.seen_log_odds
    assert proposal.log_odds_prior == pytest.approx(gained if near else log_odds)
    assert (proposal.source == LOST) == near


def test_the_place_itself_is_tried_where_nothing_is_proposed_near_it():
    made = schedule()
    made.lost([Followed(1.0)], [], 1.0)
    assert [p.source for p in made.with_lost([at(0.5)], 1.1)] == ["detector", LOST]
    assert [p.source for p in made.with_lost([at(0.05)], 1.1)] == [LOST]
    assert [p.source for p in made.with_lost([at(0.5)], 1.1 + SEARCH.regained_s)] == ["detector"]


def test_what_is_not_surely_a_hand_leaves_no_heir():
    made = schedule()
    made.lost([Followed(1.0, is_sure=False)], [], 1.0)
    assert made.with_lost([], 1.1) == []
    assert not made.in_passing(True, 1.1), "but it is looked for"


def test_what_was_found_again_is_lost_no_more():
    made, place = schedule(), np.array([0.1, 0.0, 0.6])
    other = Followed(1.0, last_centre=place, track_id=2)
    made.lost([Followed(1.0)], [other], 1.0)
    for seen_s, published, track_id in ((1.05, True, 3), (1.1, False, 3), (1.1, True, 2)):
        made.lost([], [Followed(seen_s, published, last_centre=place, track_id=track_id)], 1.1)
        assert made.with_lost([], 1.1) != [], "not seen in this frame, not published, or there before"
    made.lost([], [Followed(1.1, last_centre=place, track_id=3)], 1.1)
    assert made.with_lost([], 1.1) == []
