"""One hand over time: which side it is, whether it is still there, this person's shape, its smoothed pose.

In: frame after frame the estimates of one place (both sides while the side is open) and a stamp. Out: :class:`Hand`,
published as it is, and the state SEARCH (not sure yet), TRACK, COAST or LOST.

Whether there is a hand is the network's log odds of one, low-passed over frames: a track begins where they are high,
ends where they are low, and in between neither one doubtful frame nor one lucky one changes its state. (They are not
summed: frames of one view err alike, and a cup would be a hand in the end.) What stands before the hand says nothing
about it, so a hidden hand coasts, and a place seen to be empty ends the track at once.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.crop import upright_roll
from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.kinematics_numba import fingers_direction, forward_kinematics
from hand_pose_ros.hand.skeleton import SIDES
from hand_pose_ros.refine.previous_frame import PreviousFrame
from hand_pose_ros.refine.refiner import Refined, Refiner
from hand_pose_ros.tracking.confidence import Calibration, confidence_features
from hand_pose_ros.tracking.one_euro_filter import FilterState, PoseState, first_state, step
from hand_pose_ros.tracking.pose_inference import CropRequest, Estimate, add_time
from hand_pose_ros.tracking.user_profile import ShapeEstimator, UserProfile
from hand_pose_ros.tracking.visibility import hidden_share

Array = NDArray[np.float64]

# Log odds from which on a hand counts as seen. Of hands 1 % lie below, most of them cut by the picture's edge, of other
# things 2 % above. A search looks at many places, and at things that the network was never shown, so beginning a track
# takes more: ``Limits.start_odds``.
_KEEP_ODDS = 3.0
_LEAST_ODDS, MOST_ODDS = -4.0, 12.0  # more of one frame does not count
# Share of a frame in the low-passed odds: a hand that has left is given up in two to three frames.
_ODDS_SHARE = 0.35
# Frames of a new track in which both sides are tried, and how often later; by how much the other side must fit better
# in sum to be believed then, the most that is summed up, and the most that one frame says.
_SIDE_FRAMES = 8
_SIDE_RECHECK_S = 0.5
_OTHER_SIDE_FIT, _MOST_SIDE_FIT, _MOST_SIDE_GAIN = 1.0, 2.0, 1.0
# More than this share of a hand behind something: it is hidden, not gone.
_HIDDEN_SHARE = 0.5
# Frames may add this much to what is known of the flesh's thickness before it counts as known.
_LEAST_THICKNESS_SPREAD = 0.03
_FASTEST_M_PER_S = 3.0
# From so many frames on what was learnt of a person is better than what the frame itself says.
_TELLING_FRAMES = 5


class TrackState(IntEnum):
    """What a tracker, or a hand, is doing. The numbers are those of HandPose.msg."""

    SEARCH = 0
    TRACK = 1
    COAST = 2
    LOST = 3


@dataclass(frozen=True)
class Hand:
    """One tracked hand in the camera's optical frame (x right, y down, z forward; metres, radians).

    joints (23, 3) and segment_positions (16, 3) m; rotation (3, 3) of the palm and segment_rotations (16, 3, 3), all
    right-handed; angles (20,) within ``skeleton.ANGLE_LIMITS``; shape (9,) log scales; confidence: probability that it
    is a hand and right to 20 mm; joint_confidence (23,): the same of each joint.
    """

    side: str
    track_id: int
    state: TrackState
    confidence: float
    joints: Array
    joint_confidence: Array
    angles: Array
    rotation: Array
    translation: Array
    segment_positions: Array
    segment_rotations: Array
    shape: Array
    shape_frozen: bool = False
    """Whether the shape is this person's and will not change while the track lasts."""

    @property
    def scale(self) -> float:
        """Size against the template hand: 1 is the template."""
        return float(np.exp(self.shape[0]))


@dataclass(frozen=True)
class Limits:
    """When a hand is published and when it is given up; see TrackerConfig."""

    side: str
    min_confidence: float
    coast_s: float
    start_odds: float


class Track:
    """A hand that is followed, or about to be. ``observe`` frames in order of time."""

    def __init__(
        self,
        track_id: int,
        refiner: Refiner,
        calibration: Calibration,
        limits: Limits,
        person: UserProfile | None = None,
        log_odds_prior: float = 0.0,
    ) -> None:
        """log_odds_prior: what else than the pose network says that there is a hand, log odds; it counts for beginning."""
        self.track_id = track_id
        self.state = TrackState.SEARCH
        self.hand: Hand | None = None
        self.raw: Hand | None = None
        self.seen_s = -np.inf
        config = refiner.config.shape
        self.person = ShapeEstimator(config) if config else ShapeEstimator()
        self._thickness, self._thickness_spread = 0.0, None
        if person is not None:
            self.person = ShapeEstimator.known(person.shape, config)
            if person.thickness is not None:
                self._thickness, self._thickness_spread = person.thickness, _LEAST_THICKNESS_SPREAD
        self._refiner, self._calibration, self._limits = refiner, calibration, limits
        self._odds: float | None = None
        self._log_odds_prior = log_odds_prior
        self._shape_frozen = False
        self._left_fit = 0.0
        self._side_frames = _SIDE_FRAMES if limits.side == "auto" else 0
        self._side: str | None = None if limits.side == "auto" else limits.side
        self._checked_s = -np.inf
        self._filter: FilterState | None = None
        self._joints: Array | None = None  # unfiltered, of the last frame seen, camera frame
        self._velocity: Array | None = None
        self._sigma = np.full(skeleton.JOINT_COUNT, 0.01)
        self._confidence, self._joint_confidence = 0.0, np.zeros(skeleton.JOINT_COUNT)

    @property
    def side(self) -> str | None:
        """right or left, as far as it is known."""
        return self._side

    @property
    def thickness(self) -> float:
        """What is known of the flesh: log scale against the template's of that size."""
        return self._thickness

    @property
    def published(self) -> bool:
        """Whether there is a hand to publish."""
        return self.state in (TrackState.TRACK, TrackState.COAST)

    @property
    def track_log_odds(self) -> float:
        """Log odds of a hand: as low-passed over the frames, and what spoke for it when it was found."""
        return (self._odds or 0.0) + self._log_odds_prior

    def centre(self, stamp_s: float) -> Array:
        """Where the hand's middle (3,) m should be at a time, camera frame."""
        if self._joints is None:
            raise RuntimeError("a track has no place before its first frame")
        middle = self._joints.mean(axis=0)
        if self._velocity is None:
            return np.asarray(middle)
        return np.asarray(middle + self._velocity.mean(axis=0) * (stamp_s - self.seen_s))

    def places(self, stamp_s: float) -> list[CropRequest]:
        """Where to look for it at a time: its middle, the crop turned so that it is upright, one place a side that it
        may have; none when it should be behind the camera."""
        centre = self.centre(stamp_s)
        if self._joints is None or centre[2] <= 0:
            return []
        roll = upright_roll(centre, fingers_direction(self._joints))
        return [CropRequest(centre, side == "left", roll) for side in self.sides(stamp_s)]

    def sides(self, stamp_s: float) -> tuple[str, ...]:
        """Which sides to look for in this frame."""
        if self._limits.side != "auto":
            return (self._limits.side,)
        if self._side_frames > 0 or stamp_s - self._checked_s >= _SIDE_RECHECK_S:
            return SIDES
        return (self._side or "right",)

    def observe(self, estimates: list[Estimate], stamp_s: float, timings_ms: dict[str, float]) -> bool:
        """One frame: estimates of this hand's place, one a side that was asked for. Whether the hand was seen."""
        chosen = self._choose(estimates, stamp_s)
        start = time.perf_counter()
        refined = self._refine(chosen, stamp_s)
        clues = confidence_features(
            chosen.frame, chosen.crop, presence_log_odds(chosen), chosen.coarse, chosen.joints, refined.joints,
            chosen.sigma, refined.statistics, self._refiner.prior,
        )  # fmt: skip
        confidence, joint_confidence = self._calibration.confidence(clues)
        add_time(timings_ms, "refine", start)
        odds = float(np.clip(presence_log_odds(chosen), _LEAST_ODDS, MOST_ODDS))
        seen = odds >= _KEEP_ODDS and confidence >= self._limits.min_confidence
        if self._odds is None:
            self._odds = odds
        elif seen or not self._hidden(chosen):
            self._odds += _ODDS_SHARE * (odds - self._odds)
        if not seen:
            self._miss(stamp_s)
            return False
        start = time.perf_counter()
        self._take(chosen, refined, confidence, joint_confidence, stamp_s)
        add_time(timings_ms, "filter", start)
        return True

    def rehearse(self, estimates: list[Estimate], stamp_s: float) -> None:
        """Run every compiled path on these estimates, whatever they show."""
        self._odds = MOST_ODDS
        chosen = self._choose(estimates, stamp_s)
        refined = self._refine(chosen, stamp_s)
        self._take(chosen, refined, 0.5, self._joint_confidence, stamp_s)
        self.observe(estimates, stamp_s, {})

    def coast(self, stamp_s: float) -> None:
        """Age the track in a frame without any picture of it."""
        self._miss(stamp_s)

    def _choose(self, estimates: list[Estimate], stamp_s: float) -> Estimate:
        """The estimate of the likelier side. While the side is open every frame decides; then it sticks, and only when
        the other side fits clearly better again and again it changes."""
        if len(estimates) == 1:
            return estimates[0]
        by_side = {estimate.side: estimate for estimate in estimates}
        gain = float(np.clip(by_side["left"].fit - by_side["right"].fit, -_MOST_SIDE_GAIN, _MOST_SIDE_GAIN))
        self._left_fit = float(np.clip(self._left_fit + gain, -_MOST_SIDE_FIT, _MOST_SIDE_FIT))
        needed = 0.0 if self._side is None or self._side_frames > 0 else _OTHER_SIDE_FIT
        better = "left" if self._left_fit > 0.0 else "right"
        if abs(self._left_fit) >= needed and better != self._side:
            self._side, self._filter, self._velocity = better, None, None
        self._side_frames = max(self._side_frames - 1, 0)
        self._checked_s = stamp_s
        return by_side[self._side or better]

    def _refine(self, chosen: Estimate, stamp_s: float) -> Refined:
        previous = None
        if self._joints is not None and self.hand is not None and stamp_s > self.seen_s:
            age_s = stamp_s - self.seen_s
            previous = PreviousFrame(self._joints, self._sigma, age_s, self._velocity, self.hand.angles)
        # A second fit is spent only on frames that tell something new of this person.
        learn = not self.person.frozen and self.person.tells_more(chosen.rotation, chosen.angles, stamp_s)
        shape: Array | None = None
        if self._refiner.config.shape is None:
            shape, learn = chosen.shape, False
        elif self.person.frozen or self.person.frames >= _TELLING_FRAMES:
            shape = self.person.shape
        return self._refiner.refine(
            chosen.frame, chosen.crop, chosen.joints, chosen.sigma, chosen.parameters, chosen.shape, shape, learn,
            previous, self._thickness, self._thickness_spread,
        )  # fmt: skip

    def _hidden(self, chosen: Estimate) -> bool:
        """Whether something stands before the place where the hand was."""
        if self._joints is None:
            return False
        return (
            hidden_share(chosen.frame, chosen.crop, chosen.frame.camera_to_local(self._joints))
            > _HIDDEN_SHARE
        )

    def _miss(self, stamp_s: float) -> None:
        """A frame in which the hand was not seen."""
        age = stamp_s - self.seen_s
        if not self.published or self.hand is None:
            waiting = (self._odds or 0.0) >= _KEEP_ODDS and age < self._limits.coast_s
            self.state = TrackState.SEARCH if waiting else TrackState.LOST
            return
        if (self._odds or 0.0) < _KEEP_ODDS or age >= self._limits.coast_s:
            self.state, self.hand, self.raw = TrackState.LOST, None, None
            return
        self.state = TrackState.COAST
        fading = 1.0 - age / self._limits.coast_s
        self.hand, self.raw = (
            replace(
                hand,
                state=TrackState.COAST,
                confidence=self._confidence * fading,
                joint_confidence=self._joint_confidence * fading,
            )
            for hand in (self.hand, self.raw or self.hand)
        )

    def _take(
        self, chosen: Estimate, refined: Refined, confidence: float, joint_confidence: Array, stamp_s: float
    ) -> None:
        """Go on from a frame in which the hand was seen."""
        frame, dt_s = chosen.frame, stamp_s - self.seen_s
        joints = frame.local_to_camera(refined.joints)
        if self._joints is not None and 0.0 < dt_s <= self._limits.coast_s:
            velocity = (joints - self._joints) / dt_s
            fastest = np.linalg.norm(velocity, axis=1).max()
            self._velocity = velocity * min(1.0, _FASTEST_M_PER_S / max(float(fastest), 1e-9))
        else:
            self._velocity = None
        self._joints, self._sigma = joints, chosen.sigma
        self._learn(chosen, refined, confidence, stamp_s)
        measured = PoseState(
            frame.local_to_camera(refined.translation),
            frame.local_to_camera_rotation(refined.rotation),
            refined.angles,
        )
        if self._filter is None or not 0.0 < dt_s <= self._limits.coast_s:
            self._filter = first_state(measured)
        else:
            self._filter = step(self._filter, measured, dt_s, self._refiner.config.filter)
        self.seen_s = stamp_s
        self._confidence, self._joint_confidence = confidence, joint_confidence
        begun = self.published or self.track_log_odds >= self._limits.start_odds
        self.state = TrackState.TRACK if begun else TrackState.SEARCH
        self.hand = self._to_hand(chosen.side, self._filter.pose, refined.shape)
        raw = PoseState(
            frame.local_to_camera(chosen.translation),
            frame.local_to_camera_rotation(chosen.rotation),
            chosen.angles,
        )
        self.raw = self._to_hand(chosen.side, raw, chosen.shape)

    def _learn(self, chosen: Estimate, refined: Refined, confidence: float, stamp_s: float) -> None:
        """This person's hand: from the shape that fits each frame best, and the flesh that the surface shows."""
        self._shape_frozen = self.person.frozen and self._refiner.config.shape is not None
        if self.person.frozen:
            return
        if refined.seen_shape is not None:
            self.person = self.person.add(
                refined.seen_shape, confidence, chosen.rotation, chosen.angles, stamp_s
            )
        self._thickness = refined.thickness
        self._thickness_spread = max(refined.thickness_spread, _LEAST_THICKNESS_SPREAD)

    def _to_hand(self, side: str, pose: PoseState, shape: Array) -> Hand:
        placed = forward_kinematics(side, pose.rotation, pose.translation, pose.angles, shape)
        return Hand(
            side=side,
            track_id=self.track_id,
            state=self.state,
            confidence=self._confidence,
            joints=placed.joints,
            joint_confidence=self._joint_confidence,
            angles=pose.angles,
            rotation=pose.rotation,
            translation=pose.translation,
            segment_positions=placed.segment_positions,
            segment_rotations=placed.segment_rotations,
            shape=np.asarray(shape),
            shape_frozen=self._shape_frozen,
        )


def presence_log_odds(estimate: Estimate) -> float:
    """Log odds of there being a hand; for weights that do not say, from how sure they are of the joints."""
    if estimate.presence is not None:
        return estimate.presence
    sureness = float(np.exp(-estimate.sigma / 0.015).mean()) * estimate.agreement
    return _KEEP_ODDS + 20.0 * (sureness - 0.15)
