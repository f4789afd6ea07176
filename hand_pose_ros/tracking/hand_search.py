"""The whole image searched for hands that a tracker does not follow yet, in steps that fit beside those it follows.

In: frames in order of time, a :class:`Follower`, whose hands these become. Out: nothing; its tracks change. While no
hand is followed, or one is missed, a search is done within its frame. Beside a hand that is followed its steps take a
frame each: a look at the image, what is proposed there tried, a look without the followed hands, what is proposed
there tried.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.frame import DepthFrame
from hand_pose_ros.detection.detector import Look
from hand_pose_ros.detection.proposals import Proposal, ProposalGenerator, farther_than
from hand_pose_ros.hand.skeleton import JOINT_COUNT, SIDES
from hand_pose_ros.tracking.config import TrackerConfig
from hand_pose_ros.tracking.estimate import CropRequest, Estimate
from hand_pose_ros.tracking.refused_places import HoldTimes, RefusedPlaces
from hand_pose_ros.tracking.scoring import hypothesis_score, is_hand, is_surely_hand
from hand_pose_ros.tracking.scoring_config import ScoringConfig
from hand_pose_ros.tracking.search_schedule import SearchSchedule
from hand_pose_ros.tracking.stage_timer import StageTimer
from hand_pose_ros.tracking.track import Track

Array = NDArray[np.float64]


class Follower(Protocol):
    """What follows the hands that are found."""

    proposal_generator: ProposalGenerator
    """Proposes places."""

    @property
    def tracks(self) -> Sequence[Track]:
        """Those of this frame."""

    def confirmed_tracks(self, stamp_s: float) -> list[Track]:
        """Those that are seen in this frame and published."""

    def estimate(
        self,
        frame: DepthFrame,
        requests: Sequence[Sequence[CropRequest]],
        timer: StageTimer,
        reject_early: bool = False,
    ) -> list[list[Estimate]]:
        """The network's estimates, as of ``estimate_poses``."""

    def start_or_resume_track(
        self, estimates: list[Estimate], proposal: Proposal, frame: DepthFrame, timer: StageTimer
    ) -> bool:
        """A new track, or a missed one where its hand is found again; whether there is one."""

    def keep_best_tracks(self) -> None:
        """As many as hands are wanted."""


class HandSearch:
    """One tracker's search; ``run`` is called once a frame, after the hands were followed."""

    def __init__(self, config: TrackerConfig, follower: Follower) -> None:
        """The configuration sets when, what is proposed and what is tried."""
        self._config, self._follower = config, follower
        self.schedule = SearchSchedule(config)
        places = config.search.refused_move_m, config.search.carried_m
        self._refused, self._refused_remaining = RefusedPlaces(*places), RefusedPlaces(*places)
        self._next_step: Callable[[DepthFrame, StageTimer], None] | None = None

    def warm_up(self, frame: DepthFrame) -> None:
        """Run every compiled path once on a frame with a reading in the middle; nothing is remembered."""
        generator, hold = self._follower.proposal_generator, HoldTimes(1.0, 1.0, 1.0)
        place = np.array([0.0, 0.0, 0.5])
        generator.propose(frame, self._config.hands)
        generator.propose_remaining(generator.look(frame, [np.tile(place, (JOINT_COUNT, 1))]), 1)
        refused = RefusedPlaces(0.1, 0.1)
        refused.add(place, frame, hold)
        refused.without([Proposal(place, "detector")], frame, hold)

    def run(self, frame: DepthFrame, timer: StageTimer) -> None:
        """The next step, or a new search where one is due."""
        step, self._next_step = self._next_step or self._begin_where_due, None
        step(frame, timer)

    def _begin_where_due(self, frame: DepthFrame, timer: StageTimer) -> None:
        if self.schedule.is_due(self._follower.tracks, frame.stamp_s):
            self._begin(frame, timer)

    def _begin(self, frame: DepthFrame, timer: StageTimer) -> None:
        """A search for hands that were missed where they should be, and for new ones."""
        self.schedule.searched(frame.stamp_s)
        if len(self._follower.confirmed_tracks(frame.stamp_s)) >= self._config.hands:
            return
        look = None
        if self._may_wait(frame):
            with timer.stage("locate"):
                look = self._follower.proposal_generator.look(frame)
        if look is None:
            self._try_proposals(frame, timer)
        else:
            self._next_step = partial(self._try_proposals, look=look)

    def _may_wait(self, frame: DepthFrame) -> bool:
        return self.schedule.may_wait(
            self._follower.tracks, bool(self._follower.confirmed_tracks(frame.stamp_s)), frame.stamp_s
        )

    def _known(self, frame: DepthFrame) -> list[Array]:
        """The middles (3,) m of the hands that are seen in this frame."""
        return [track.centre(frame.stamp_s) for track in self._seen(frame)]

    def _seen(self, frame: DepthFrame) -> list[Track]:
        return [track for track in self._follower.tracks if track.seen_s == frame.stamp_s]

    def _try_proposals(self, frame: DepthFrame, timer: StageTimer, look: Look | None = None) -> None:
        """The second step of a search, of this frame's look or the last one's: what is proposed there is tried."""
        config, stamp_s = self._config, frame.stamp_s
        # One that is not confirmed to be a hand does not keep others from being found.
        followed = len(self._follower.confirmed_tracks(stamp_s))
        if followed >= config.hands:
            return
        known = self._known(frame)
        resting = [track.centre(stamp_s) for track in self._follower.tracks if track.rests(stamp_s)]
        with timer.stage("locate"):
            recent = look if self.schedule.is_recent(look, frame) else None
            proposals = self._follower.proposal_generator.propose(
                frame, config.hands, self._may_wait(frame), recent
            )
        if recent is not None:  # a fast hand is not another one where it was
            known += [track.centre(recent.stamp_s) for track in self._seen(frame)]
        proposals = self.schedule.with_lost(proposals, stamp_s)
        proposals = farther_than(config.proposals.same_hand_m, known, proposals)
        proposals = farther_than(config.search.refused_move_m, resting, proposals)
        self._try_places(proposals, is_hand, frame, timer, self._refused)
        if 0 < len(self._follower.confirmed_tracks(stamp_s)) < config.hands:
            if followed and not self.schedule.has_time:
                self._next_step = self._look_beside
            else:
                self._look_beside(frame, timer, hurry=True)
        self._follower.keep_best_tracks()

    def _look_beside(self, frame: DepthFrame, timer: StageTimer, hurry: bool = False) -> None:
        """The third step of a search that found fewer hands than wanted: a look without those found."""
        confirmed = self._follower.confirmed_tracks(frame.stamp_s)
        if not confirmed:  # the hands beside which it looks are missed
            self._begin_where_due(frame, timer)
        if not 0 < len(confirmed) < self._config.hands:
            return
        joints = [track.hand.joints for track in confirmed if track.hand is not None]
        with timer.stage("locate"):
            look = self._follower.proposal_generator.look(frame, joints)
        if look is None:
            return
        if self._may_wait(frame) and not hurry:
            self._next_step = partial(self._try_remaining, look=look, known=self._known(frame))
        else:
            self._try_remaining(frame, timer, look, self._known(frame))

    def _try_remaining(
        self, frame: DepthFrame, timer: StageTimer, look: Look, known: Sequence[Array]
    ) -> None:
        """The last step; known: the middles (3,) m of the hands that were followed at that look."""
        config, stamp_s = self._config, frame.stamp_s
        followed = len(self._follower.confirmed_tracks(stamp_s))
        wanted = config.hands - followed
        if not followed:  # what is missed was masked
            self._begin_where_due(frame, timer)
        if not followed or wanted < 1:
            return
        if not self.schedule.is_recent(look, frame):  # frames were dropped, or it is another camera's
            self._look_beside(frame, timer, hurry=True)
            return
        with timer.stage("locate"):
            remaining = self._follower.proposal_generator.propose_remaining(look, wanted)
        hold = self.schedule.hold_times(True, stamp_s)
        remaining = self._refused.without(remaining, frame, hold)
        remaining = farther_than(config.search.known_place_m, known, remaining)
        self._try_places(remaining, is_surely_hand, frame, timer, self._refused_remaining)
        self._follower.keep_best_tracks()

    def _try_places(
        self,
        proposals: Sequence[Proposal],
        accepts: Callable[[Sequence[Estimate], ScoringConfig], bool],
        frame: DepthFrame,
        timer: StageTimer,
        refused: RefusedPlaces,
    ) -> None:
        """Estimate the hands at the proposals and begin tracks with those accepted, the best first; places refused a
        moment ago are left alone. Where hands are followed one place a frame is tried, furniture ever more seldom."""
        scoring, stamp_s = self._config.scoring, frame.stamp_s
        follows = bool(self._follower.confirmed_tracks(stamp_s))
        in_passing = self.schedule.in_passing(follows, stamp_s)
        hold = self.schedule.hold_times(follows, stamp_s)
        proposals = refused.without(proposals, frame, hold)[: 1 if in_passing else None]
        sides = SIDES if self._config.side == "auto" else (self._config.side,)
        requests = [[CropRequest(p.centre, side == "left") for side in sides] for p in proposals]
        estimates = self._follower.estimate(frame, requests, timer, reject_early=True)
        hypotheses = [
            (max(hypothesis_score(estimate, scoring) for estimate in group), group, proposal)
            for group, proposal in zip(estimates, proposals, strict=True)
            if accepts(group, scoring)
        ]
        accepted = [id(proposal) for _, _, proposal in hypotheses]
        refusals = [proposal for proposal in proposals if id(proposal) not in accepted]
        for _, group, proposal in sorted(hypotheses, key=lambda h: -h[0] - h[2].log_odds_prior):
            if len(self._follower.confirmed_tracks(stamp_s)) >= self._config.hands:
                break
            if not self._follower.start_or_resume_track(group, proposal, frame, timer):
                refusals.append(proposal)
        clear = [id(proposal) for group, proposal in zip(estimates, proposals, strict=True) if not group]
        for proposal in refusals:
            if id(proposal) in clear:  # none whoever proposes it, for as long as it looks so
                for places in (self._refused, self._refused_remaining):
                    places.add(proposal.centre, frame, hold)
            else:
                refused.add(proposal.centre, frame, hold if in_passing else hold.without_growth())
