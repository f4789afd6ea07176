"""Which of the tracked hands a hand is that a search of HandTracker finds again."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from hand_pose_ros.detection.proposals import Proposal
from hand_pose_ros.hand import skeleton
from hand_pose_ros.tracking.tracker import HandTracker


@pytest.fixture(scope="module")
def tracker() -> HandTracker:
    return HandTracker()


def missed(x_m: float, side: str) -> SimpleNamespace:
    """A track that was last seen at 0 s, about this place."""
    return SimpleNamespace(
        seen_s=0.0,
        published=False,
        waits=True,
        centre=lambda stamp_s: np.array([x_m, 0.0, 0.7]),
        side=side,
        sides_to_try=lambda stamp_s: (side,),
    )


def resumed(tracker: HandTracker, monkeypatch, tracks, x_m: float, side: str, stamp_s: float) -> list:
    """The tracks that are tried for a hand of this side that a search finds at this place."""
    tracker._tracks, tried = list(tracks), []
    monkeypatch.setattr(tracker, "_update_tracks", lambda updates, *_: tried.append(updates[0][0]) or [True])
    estimates = [SimpleNamespace(centre=np.array([x_m, 0.0, 0.7]), side=s) for s in skeleton.SIDES]
    best = next(estimate for estimate in estimates if estimate.side == side)
    monkeypatch.setattr("hand_pose_ros.tracking.tracker.best_hypothesis", lambda *_: best)
    assert tracker._start_or_resume_track(estimates, Proposal(best.centre, "blob"), stamp_s, None)
    return tried


def test_of_two_missed_hands_the_nearer_one_is_found_again_whichever_is_older(tracker, monkeypatch):
    older, nearer = missed(0.12, "right"), missed(-0.10, "right")
    assert resumed(tracker, monkeypatch, [older, nearer], -0.08, "right", 0.1) == [nearer]


@pytest.mark.parametrize(("side", "goes_on"), [("left", True), ("right", False)])
def test_after_a_gap_a_hand_far_away_goes_on_as_one_of_its_own_side_only(tracker, monkeypatch, side, goes_on):
    left = missed(-0.14, "left")
    assert (left in resumed(tracker, monkeypatch, [left], 0.24, side, 1.1)) == goes_on
    assert resumed(tracker, monkeypatch, [left], -0.04, side, 1.1) == [
        left
    ]  # near, one look at its side may err
