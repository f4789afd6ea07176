"""When the whole image is searched for hands, and how long what was refused is left alone.

In: the stamps (s) of the frames in order of time, the tracks, which hands were lost where. Out: whether a search is due
or urgent, the times that a refused place is left alone, and what a place near a hand lost a moment ago gains.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.frame import DepthFrame
from hand_pose_ros.detection.detector import Look
from hand_pose_ros.detection.proposals import LOST, Proposal
from hand_pose_ros.tracking.config import TrackerConfig
from hand_pose_ros.tracking.refused_places import HoldTimes
from hand_pose_ros.tracking.track import Track


class _LostHand(NamedTuple):
    """A hand whose track ended a short while ago: its last centre (3,) m, when it was seen last (s, by the frames'
    stamps), and the ids of the tracks that were there when it was lost."""

    centre: NDArray[np.float64]
    seen_s: float
    beside: frozenset[int]


class SearchSchedule:
    """The schedule of one tracker, which reports every frame, search and lost hand to it."""

    def __init__(self, config: TrackerConfig) -> None:
        self._config, self._same_hand_m = config.search, config.proposals.same_hand_m
        # So much likelier is a hand near where one was lost a moment ago.
        self._regained_log_odds = max(config.start_odds - config.scoring.seen_log_odds, 0.0)
        self._searched_s = -np.inf
        self._lost_s = -np.inf  # the last frame in which a published hand was given up
        self._lost: list[_LostHand] = []
        self._slow = False

    def next_frame(self, usual_interval_s: float) -> None:
        """A frame came, of a camera whose frames come at this interval, seconds."""
        self._slow = usual_interval_s >= self._config.slow_frame_s

    @property
    def has_time(self) -> bool:
        """Whether frames come so seldom that a whole search fits between two of them."""
        return self._slow

    def searched(self, stamp_s: float) -> None:
        """The image of this stamp was searched."""
        self._searched_s = stamp_s

    def lost(self, gone: Sequence[Track], tracks: Sequence[Track], stamp_s: float) -> None:
        """The hands of the tracks that are gone were published before this frame and are so no more; those of
        ``tracks`` may be."""
        if gone:
            self._lost_s = stamp_s
            beside = frozenset(track.track_id for track in tracks if track not in gone)
            self._lost += [_LostHand(t.last_centre, t.seen_s, beside) for t in gone if t.presence.is_sure]
        there = [track for track in tracks if track.published and track.seen_s == stamp_s]
        self._lost = [
            hand
            for hand in self._remembered(stamp_s)
            if not any(
                track.track_id not in hand.beside and self._is_near(track.last_centre, hand)
                for track in there
            )
        ]

    def _remembered(self, stamp_s: float) -> list[_LostHand]:
        """The hands that were lost a short while ago."""
        return [hand for hand in self._lost if stamp_s - hand.seen_s <= self._config.regained_s]

    def _is_near(self, centre: NDArray[np.float64], hand: _LostHand) -> bool:
        # Not farther with time, as where a hand is missed: so much less is asked here that a robot's floor, seen after
        # hands were lost, was full of them.
        return float(np.linalg.norm(centre - hand.centre)) < self._config.found_again_m

    def is_due(self, tracks: Sequence[Track], stamp_s: float) -> bool:
        """Every frame while there is no hand or it is urgent; else now and then, when one more is wanted."""
        any_published = any(track.published for track in tracks)
        waited_s = stamp_s - self._searched_s
        return not any_published or waited_s >= self._config.interval_s or self.is_urgent(tracks, stamp_s)

    def is_urgent(self, tracks: Sequence[Track], stamp_s: float) -> bool:
        """A hand is missed in this frame, or was given up a moment ago, or there is time for it between frames."""
        missed = any(track.seen_s < stamp_s and not track.rests(stamp_s) for track in tracks)
        return missed or self._slow or self._lately_lost(stamp_s)

    def may_wait(self, tracks: Sequence[Track], follows: bool, stamp_s: float) -> bool:
        """Whether a search may go on in the next frame: hands are followed, and none is missed."""
        return follows and not self.is_urgent(tracks, stamp_s)

    def is_recent(self, look: Look | None, frame: DepthFrame) -> bool:
        """Whether what was looked at then is there still: it is one of the last frames, as usual cameras take them, and
        of the same camera."""
        if look is None or look.camera != frame.camera:
            return False
        return 0.0 <= frame.stamp_s - look.stamp_s < self._config.slow_frame_s

    def in_passing(self, follows: bool, stamp_s: float) -> bool:
        """Whether a search may only cost what does not show in the time of a frame in which hands are followed."""
        return follows and not self._slow and not self._lately_lost(stamp_s)

    def hold_times(self, follows: bool, stamp_s: float) -> HoldTimes:
        """How long a place refused at this stamp is left alone, where hands are followed and where none is."""
        search = self._config
        if self.in_passing(follows, stamp_s):
            return HoldTimes(search.recheck_hold_s, search.recheck_most_hold_s, search.recheck_most_hold_s)
        unchanged_s = search.refused_hold_s if self._lately_lost(stamp_s) else search.unchanged_hold_s
        most_rechecks = search.slow_rechecks if self._slow else search.rechecks
        return HoldTimes(search.refused_hold_s, unchanged_s, search.refused_hold_s, most_rechecks)

    def with_lost(self, proposals: Sequence[Proposal], stamp_s: float) -> list[Proposal]:
        """The proposals, likelier near where a hand was lost a moment ago, and last that place where there is none."""
        lost = self._remembered(stamp_s)
        raised = [
            self._raised(proposal) if any(self._is_near(proposal.centre, hand) for hand in lost) else proposal
            for proposal in proposals
        ]
        for hand in lost:
            if all(np.linalg.norm(p.centre - hand.centre) > self._same_hand_m for p in raised):
                raised.append(Proposal(hand.centre, LOST, self._regained_log_odds))
        return raised

    def _raised(self, proposal: Proposal) -> Proposal:
        likelier = max(proposal.log_odds_prior, 0.0) + self._regained_log_odds
        return proposal._replace(source=LOST, log_odds_prior=likelier)

    def _lately_lost(self, stamp_s: float) -> bool:
        """A published hand was given up a moment ago: it may be there again in any frame."""
        return stamp_s - self._lost_s <= self._config.after_loss_s
