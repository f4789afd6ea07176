"""One hand over time: which side it is, whether it is still there, its shape, its smoothed pose.

In: frame after frame the estimates of one place (both sides while the side is open) and a stamp. Out: :class:`Hand`,
published as it is, and the state SEARCH (not sure yet), TRACK, COAST or LOST.

Whether there is a hand is decided in ``presence``. What stands before the hand is no evidence against it, so an
occluded hand coasts, and a place seen to be empty ends the track at once. Where frames come so seldom that a hand may
leave its place between two of them, a track that has begun waits in SEARCH for its hand, unpublished, until
``patience_s`` is over.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.crop import upright_roll
from hand_pose_ros.detection.proposals import Proposal
from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.kinematics_numba import fingers_direction
from hand_pose_ros.hand.skeleton import SIDES
from hand_pose_ros.refine.previous_frame import PreviousFrame
from hand_pose_ros.refine.refiner import HandGeometry, Refined, Refiner, RefineRequest
from hand_pose_ros.tracking.beside import NONE_BESIDE, Beside
from hand_pose_ros.tracking.confidence import Calibration, confidence_features
from hand_pose_ros.tracking.config import TrackerConfig
from hand_pose_ros.tracking.estimate import CropRequest, Estimate, PendingUpdate
from hand_pose_ros.tracking.hand import Hand, PoseState, TrackState, posed_hand
from hand_pose_ros.tracking.motion import joint_velocity, predicted_centre
from hand_pose_ros.tracking.presence import Presence
from hand_pose_ros.tracking.scoring import evidence_log_odds, odds_to_begin, presence_log_odds
from hand_pose_ros.tracking.shape_estimator import ShapeEstimator
from hand_pose_ros.tracking.side_selector import SideSelector
from hand_pose_ros.tracking.stage_timer import StageTimer
from hand_pose_ros.tracking.user_profile import UserProfile
from hand_pose_ros.tracking.visibility import occluded_share

Array = NDArray[np.float64]


class Track:
    """A hand that is followed, or about to be. ``update`` it with every frame, in order of time."""

    def __init__(
        self,
        track_id: int,
        config: TrackerConfig,
        refiner: Refiner,
        calibration: Calibration,
        profile: UserProfile | None = None,
        proposal: Proposal | None = None,
    ) -> None:
        """profile: of the user whose hand it is, None for an unknown one. proposal: what it begins from; its log odds
        count for beginning only."""
        self.track_id = track_id
        self.state = TrackState.SEARCH
        self.hand: Hand | None = None
        """The hand as refined, None before it was seen and after it was lost."""
        self.raw: partial[Hand] | None = None
        """Makes the same as the network alone has it: most consumers never ask, and its kinematics take time."""
        self.seen_s = -np.inf
        """Stamp of the last frame in which it was seen."""
        self.patience_s = config.coast_s
        """How long it may not be seen without being given up; at low frame rates more than ``coast_s``."""
        self._config, self._refiner, self._calibration = config, refiner, calibration
        self.presence = Presence(config, proposal)
        """Decides whether there is a hand."""
        self.side_selector = SideSelector(config.side, config.track)
        """Decides the side."""
        self.beside: Beside = NONE_BESIDE
        """The other hands that are published; for a tracker to set."""
        self._filter = config.filter.build()
        self.shape_estimator = ShapeEstimator(config.shape) if config.shape else ShapeEstimator()
        """The estimate of the hand's shape, learnt or the user's."""
        self.thickness = 0.0
        """Estimate of the flesh's thickness: log scale against the template's of that size."""
        self._thickness_spread: float | None = None
        if profile is not None:
            self.shape_estimator = ShapeEstimator.known(profile.shape, config.shape)
            if profile.thickness is not None:
                self.thickness = profile.thickness
                self._thickness_spread = config.track.least_thickness_spread
        self._shape_frozen = False
        # Of the last frame seen, before smoothing: joints (23, 3) m, velocity (23, 3) m/s.
        self._joints: Array | None = None
        self._velocity: Array | None = None
        self.sigma: Array = np.zeros(skeleton.JOINT_COUNT)
        """(23,) m, the joints' expected errors in the last frame seen."""
        self._confidence = 0.0
        # From the chosen side's middle to that of the side which fits better: a side that the other hand decided has
        # crops drift off the hand, to where it looks like one.
        self._aside: Array = np.zeros(3)
        self._joint_confidence: Array = np.zeros(skeleton.JOINT_COUNT)

    @property
    def side(self) -> str | None:
        """right or left, None while it is not known."""
        return self.side_selector.side

    @property
    def published(self) -> bool:
        """Whether there is a hand to publish."""
        return self.state in (TrackState.TRACK, TrackState.COAST)

    @property
    def waits(self) -> bool:
        """Whether it has begun and is not published, as its hand was not seen for ``coast_s``, but may return."""
        return self.presence.begun and not self.published

    def rests(self, stamp_s: float) -> bool:
        """Whether it was followed for a while without beginning, and was looked at a moment ago: it gets no crop."""
        was_doubtful = self.presence.was_doubtful(self.seen_s)
        return was_doubtful and 0.0 < stamp_s - self.seen_s < self._config.search.refused_hold_s

    @property
    def track_log_odds(self) -> float:
        """Log odds of a hand: low-passed over the frames, plus those of its proposal."""
        return self.presence.track_log_odds

    def sides_to_try(self, stamp_s: float) -> tuple[str, ...]:
        """The sides that a crop should be taken for in a frame: both where it is not known yet whether it is a hand."""
        if not self.presence.begun and self._config.side == "auto":
            return SIDES
        return self.side_selector.sides_to_try(stamp_s)

    @property
    def last_centre(self) -> Array:
        """Where the hand's middle (3,) m was when it was last seen, camera frame. RuntimeError before that."""
        return self.centre(self.seen_s)

    def centre(self, stamp_s: float) -> Array:
        """Where the hand's middle (3,) m should be at a time, camera frame. RuntimeError before its first frame."""
        if self._joints is None:
            raise RuntimeError("a track has no place before its first frame")
        most_s = max(self._config.track.longest_extrapolation_s, self._config.coast_s)
        return self._aside + predicted_centre(
            self._joints, self._velocity, min(stamp_s - self.seen_s, most_s)
        )

    def crop_requests(self, stamp_s: float) -> list[CropRequest]:
        """The crops to take at a time: about the hand's predicted middle, turned so that it is upright, one request a
        side that it may have; none when it should be behind the camera."""
        centre = self.centre(stamp_s)
        if self._joints is None or centre[2] <= 0:
            return []
        roll = upright_roll(centre, fingers_direction(self._joints))
        return [CropRequest(centre, side == "left", roll) for side in self.sides_to_try(stamp_s)]

    def update(self, estimates: Sequence[Estimate], stamp_s: float, timer: StageTimer) -> bool:
        """Takes a frame: estimates from this hand's crops, one a side that was tried; whether it was seen."""
        pending = self.begin_update(estimates, stamp_s)
        if pending is None:
            return False
        with timer.stage("refine"):
            refined = self._refiner.refine_all([pending.request])[0]
        return self.finish_update(pending, refined, stamp_s, timer)

    def begin_update(
        self, estimates: Sequence[Estimate], stamp_s: float, others: Sequence[Estimate] = ()
    ) -> PendingUpdate | None:
        """The first part of :meth:`update`: what to refine, if anything. others: a search's, of the other side."""
        if not estimates:
            self._mark_missed(stamp_s)
            return None
        chosen, own, changed = self.side_selector.choose(estimates, stamp_s, self.beside.left_log_odds)
        if changed:
            self._filter.reset()
            self._velocity = None
        judged = [*estimates, *others] if others or not self.presence.begun else [own]
        evidence = evidence_log_odds(own, judged, self._config.scoring)
        return PendingUpdate(chosen, own, evidence, self._refine_request(chosen, stamp_s))

    def finish_update(
        self, pending: PendingUpdate, refined: Refined, stamp_s: float, timer: StageTimer
    ) -> bool:
        """The second part of :meth:`update`, with the hand refined; returns whether it was seen."""
        scoring, chosen = self._config.scoring, pending.chosen
        with timer.stage("refine"):
            features = confidence_features(
                chosen,
                presence_log_odds(chosen, scoring),
                refined,
                self._refiner.prior,
                self._config.visibility,
            )
            confidence, joint_confidence = self._calibration.confidence(features)
        log_odds = presence_log_odds(pending.own, scoring)
        looks = max(log_odds, pending.evidence) if self.presence.begun else log_odds
        seen = looks >= scoring.seen_log_odds and confidence >= self._config.min_confidence
        self.presence.add(pending.evidence, hidden=not seen and self._is_occluded(chosen))
        if not seen:
            self._mark_missed(stamp_s)
            return False
        self.presence.see(log_odds, confidence, stamp_s)
        self._aside = pending.own.centre - chosen.centre
        with timer.stage("filter"):
            self._accept(chosen, refined, confidence, joint_confidence, stamp_s)
        return True

    def recalibrate(self) -> None:
        """Learns shape and thickness of the hand anew, from the next frame on."""
        self.shape_estimator = ShapeEstimator(self._config.shape) if self._config.shape else ShapeEstimator()
        self.thickness, self._thickness_spread, self._shape_frozen = 0.0, None, False

    def warm_up(self, estimates: Sequence[Estimate], stamp_s: float) -> None:
        """Run every compiled path on these estimates, whatever they show."""
        self.presence.assume()
        chosen, *_ = self.side_selector.choose(estimates, stamp_s)
        refined = self._refiner.refine_all([self._refine_request(chosen, stamp_s)])[0]
        self._accept(chosen, refined, 0.5, self._joint_confidence, stamp_s)
        self.update(estimates, stamp_s, StageTimer())

    def _refine_request(self, chosen: Estimate, stamp_s: float) -> RefineRequest:
        previous, age_s = None, stamp_s - self.seen_s
        if self._joints is not None and self.hand is not None and age_s > 0.0:
            previous = PreviousFrame(self._joints, self.sigma, age_s, self._velocity, self.hand.angles)
        estimator = self.shape_estimator
        # A second fit is spent only on frames that the shape estimator counts.
        fit_shape = not estimator.frozen and estimator.would_count(chosen.rotation, chosen.angles, stamp_s)
        known = estimator.frozen or estimator.frames >= self._config.track.known_shape_frames
        shape: Array | None = estimator.shape if known else None
        if self._config.shape is None:
            shape, fit_shape = chosen.shape, False
        geometry = HandGeometry(shape, self.thickness, self._thickness_spread)
        return RefineRequest(chosen.network_pose, geometry, previous, fit_shape)

    def _is_occluded(self, chosen: Estimate) -> bool:
        """Whether something stands before the place where the hand was."""
        config = self._config
        if self._joints is None:
            return False
        joints = chosen.frame.camera_to_local(self._joints)
        return (
            occluded_share(chosen.frame, chosen.crop, joints, config.visibility) > config.track.occluded_share
        )

    def _mark_missed(self, stamp_s: float) -> None:
        """A frame in which the hand was not seen: coast, wait or give up."""
        age_s, coast_s = stamp_s - self.seen_s, self._config.coast_s
        likely = self.presence.is_likely
        if not (self.published and self.hand is not None and likely and age_s < coast_s):
            # At low rates a hand may be elsewhere: that its old place is empty does not speak against it.
            elsewhere = self.presence.begun and self.patience_s > coast_s
            waits = age_s < self.patience_s and (elsewhere or (likely and not self.published))
            self.state = TrackState.SEARCH if waits else TrackState.LOST
            if self.presence.begun:
                self.hand, self.raw, self.presence.begun = None, None, waits
            return
        self.state, fading = TrackState.COAST, 1.0 - age_s / coast_s
        changes: dict[str, Any] = {
            "state": TrackState.COAST,
            "confidence": self._confidence * fading,
            "joint_confidence": self._joint_confidence * fading,
        }
        self.hand = self.hand.at_rest(**changes)  # where it was last seen
        self.raw = partial(self.raw, **changes) if self.raw is not None else None

    def _accept(
        self, chosen: Estimate, refined: Refined, confidence: float, joint_confidence: Array, stamp_s: float
    ) -> None:
        """A frame in which the hand was seen: motion, shape, smoothed pose and state go on from it."""
        frame, dt_s, self._velocity = chosen.frame, stamp_s - self.seen_s, None
        joints = frame.local_to_camera(refined.joints)
        follows_on = 0.0 < dt_s <= self.patience_s
        if self._joints is not None and follows_on:
            self._velocity = joint_velocity(self._joints, joints, dt_s, self._config.track.fastest_m_s)
        self._joints, self.sigma = joints, chosen.sigma
        self._learn_shape(chosen, refined, confidence, stamp_s)
        if not follows_on:
            self._filter.reset()
        smoothed = self._filter.update(
            PoseState(
                frame.local_to_camera(refined.translation),
                frame.local_to_camera_rotation(refined.rotation),
                refined.angles,
            ),
            dt_s,
        )
        self.seen_s = stamp_s
        self._confidence, self._joint_confidence = confidence, joint_confidence
        self.presence.begin(odds_to_begin(chosen, self._config, self.beside), stamp_s)
        self.state = TrackState.TRACK if self.presence.begun else TrackState.SEARCH
        known: dict[str, Any] = {
            "track_id": self.track_id,
            "state": self.state,
            "confidence": confidence,
            "joint_confidence": joint_confidence,
            "shape_frozen": self._shape_frozen,
            "thickness": self.thickness,
        }
        before, hand = self.hand, posed_hand(chosen.side, smoothed, refined.shape, **known)
        moves_on = follows_on and before is not None and before.side == hand.side
        fastest = self._config.track.fastest_m_s
        self.hand = hand.since(before, dt_s, fastest) if moves_on and before is not None else hand
        self.raw = partial(chosen.hand, **known)

    def _learn_shape(self, chosen: Estimate, refined: Refined, confidence: float, stamp_s: float) -> None:
        """Learns shape and thickness of the hand from what fits this frame best, until the shape is frozen."""
        estimator = self.shape_estimator
        self._shape_frozen = estimator.frozen and self._config.shape is not None
        if estimator.frozen:
            return
        if refined.fitted_shape is not None:
            self.shape_estimator = estimator.add(
                refined.fitted_shape, confidence, chosen.rotation, chosen.angles, stamp_s
            )
        self.thickness = refined.thickness
        self._thickness_spread = max(refined.thickness_spread, self._config.track.least_thickness_spread)
