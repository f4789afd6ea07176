"""HandTracker: depth image + camera + stamp in, hands out. The one public entry of the package, without ROS.

In: depth (H, W) float32 metres along the optical axis (NaN = no reading), its Camera, a stamp in seconds.
Out: TrackResult with the hands seen (23 joints in metres in the camera's optical frame, 20 angles in radians, the
frames of all segments), the state and the time each stage took.

One frame's way: locate (SEARCH) or the last hand's place (TRACK) -> metric crop -> network -> hand model -> checks
-> camera frame. A left hand is tracked as a right hand in a mirrored crop. The hand that leaves is always one of the
hand model: constant bones for its shape and every angle in range.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.depth.locate import LocateConfig, locate_hands
from hand_pose_ros.estimator import Estimate, Hand, HandEstimator, TrackState, add_time
from hand_pose_ros.hand.kinematics import SIDES
from hand_pose_ros.network.checkpoint import CheckpointInfo
from hand_pose_ros.resources import resource

Array = NDArray[np.float64]

__all__ = ["Hand", "HandTracker", "TrackResult", "TrackState", "TrackerConfig"]

DEFAULT_MODEL = ("models", "default.safetensors")
# A hand found this near to where one was lost, within the coast time, is the same hand.
_SAME_HAND_M = 0.15
# How often the whole image is searched while a hand is tracked, and how much better another place must fit.
_RECHECK_S = 0.5
_BETTER_FIT = 0.5


@dataclass(frozen=True)
class TrackerConfig:
    """Settings of a tracker; ValueError names a field that makes no sense."""

    side: str = "auto"
    """Which hand to track: right, left, or auto (both tried when a track starts, the better one kept)."""
    device: str = "auto"
    """Where the network runs: cpu, cuda, or auto (cuda when there is one)."""
    threads: int = 1
    """CPU threads of the network; more than one collapses when other processes want the cores."""
    min_confidence: float = 0.15
    """A hand is published as TRACK from this confidence on."""
    coast_s: float = 0.25
    """How long the last hand is published as COAST after it was last seen; a longer gap ends the track."""
    roi: tuple[int, int, int, int] | None = None
    """Only look for hands in this window of the image: x, y, width, height in px."""
    locate: LocateConfig = field(default_factory=LocateConfig)

    def __post_init__(self) -> None:
        if self.side not in (*SIDES, "auto"):
            raise ValueError(f"side is '{self.side}', want right, left or auto")
        if self.device not in ("auto", "cpu", "cuda"):
            raise ValueError(f"device is '{self.device}', want auto, cpu or cuda")
        if not 1 <= self.threads <= 64:
            raise ValueError(f"threads is {self.threads}, want 1 to 64")
        if not 0.0 <= self.min_confidence <= 1.0:
            raise ValueError(f"min_confidence is {self.min_confidence}, want 0 to 1")
        if not 0.0 <= self.coast_s <= 10.0:
            raise ValueError(f"coast_s is {self.coast_s}, want 0 to 10 seconds")
        if self.roi is not None and (len(self.roi) != 4 or min(self.roi) < 0 or min(self.roi[2:]) < 8):
            raise ValueError(
                f"roi is {self.roi}, want x, y, width, height in px, at least 8 px wide and high"
            )


@dataclass(frozen=True)
class TrackResult:
    """Hands to publish (in TRACK or COAST), the tracker's state, milliseconds that each stage took."""

    hands: tuple[Hand, ...]
    state: TrackState
    timings_ms: dict[str, float]


@dataclass
class _Track:
    """What is remembered of a hand between frames; ``evidence`` sums up which side fits, while that is open."""

    hand: Hand
    seen_s: float
    undecided: int
    checked_s: float
    evidence: float = 0.0


class HandTracker:
    """Tracks the hand nearest to the camera. ``update`` frames in order of time; not safe for several threads."""

    # Frames of a new track in which both sides are tried.
    _SIDE_FRAMES = 8

    def __init__(self, model: str | Path | None = None, config: TrackerConfig | None = None) -> None:
        """``model``: a weights file, None for the shipped one. CheckpointError when it cannot be used."""
        self.config = config or TrackerConfig()
        path = Path(model) if model else resource(*DEFAULT_MODEL)
        self.estimator = HandEstimator(path, self.config.device, self.config.threads)
        self._track: _Track | None = None
        self._next_id = 1
        self._stamp_s: float | None = None

    @property
    def model_info(self) -> CheckpointInfo:
        """The weights in use: name, hash, training run."""
        return self.estimator.info

    def warm_up(self) -> None:
        """Run every compiled path once, so that the first frame is as fast as the others."""
        camera = Camera(64, 48, 60.0, 60.0, 32.0, 24.0)
        depth = np.full((48, 64), np.nan, np.float32)
        depth[16:32, 24:40] = 0.5
        timings: dict[str, float] = {}
        for mirrored in ([False], [False, True]):
            self.estimator(depth, camera, np.array([0.0, 0.0, 0.5]), mirrored, 0, timings)
        locate_hands(depth, camera, self.config.locate)

    def reset(self) -> None:
        """Forget every track; the next frame starts in SEARCH."""
        self._track = None
        self._stamp_s = None

    def update(self, depth: NDArray[np.float32], camera: Camera, stamp_s: float) -> TrackResult:
        """Track one frame. A stamp before the last one (a bag that loops) forgets the track first.

        ValueError when the image's size is not the camera's.
        """
        camera.require_size(depth.shape[1], depth.shape[0])
        if self._stamp_s is not None and stamp_s < self._stamp_s:
            self.reset()
        self._stamp_s = stamp_s
        depth = self._window(depth)
        timings: dict[str, float] = {}
        if self._track is not None and stamp_s - self._track.seen_s > self.config.coast_s:
            self._track = None
        found = self._follow(depth, camera, stamp_s, timings) if self._track else None
        if found is None:
            found = self._search(depth, camera, stamp_s, timings)
        if found is not None:
            return TrackResult((found,), TrackState.TRACK, timings)
        return self._without_hand(stamp_s, timings)

    def _without_hand(self, stamp_s: float, timings: dict[str, float]) -> TrackResult:
        track = self._track
        if track is None:
            return TrackResult((), TrackState.SEARCH, timings)
        age = stamp_s - track.seen_s
        if age >= self.config.coast_s:
            self._track = None
            return TrackResult((), TrackState.LOST, timings)
        fading = 1.0 - age / self.config.coast_s
        hand = replace(
            track.hand,
            state=TrackState.COAST,
            confidence=track.hand.confidence * fading,
            joint_confidence=track.hand.joint_confidence * fading,
        )
        return TrackResult((hand,), TrackState.COAST, timings)

    def _follow(
        self, depth: NDArray[np.float32], camera: Camera, stamp_s: float, timings: dict[str, float]
    ) -> Hand | None:
        """The tracked hand in this frame, looked for where it last was."""
        track = self._track
        if track is None:
            return None
        centre = track.hand.joints.mean(axis=0)
        both = track.undecided > 0 and self.config.side == "auto"
        mirrored = [False, True] if both else [track.hand.side == "left"]
        estimates = self.estimator(depth, camera, centre, mirrored, track.hand.track_id, timings)
        if both:
            right, left = estimates
            track.evidence += left.fit - right.fit
            track.undecided -= 1
            chosen = left if track.evidence > 0 else right
        else:
            chosen = estimates[0]
        if not self._believable(chosen):
            return None
        better = self._recheck(depth, camera, stamp_s, timings, chosen.fit)
        if better is not None:
            return better
        track.hand, track.seen_s = chosen.hand, stamp_s
        return chosen.hand

    def _search(
        self, depth: NDArray[np.float32], camera: Camera, stamp_s: float, timings: dict[str, float]
    ) -> Hand | None:
        """Start a track on what looks most like a hand, or None."""
        both = self._best_candidate(depth, camera, timings)
        if both is None:
            return None
        chosen = max(both, key=_fit)
        return self._start(chosen, both, stamp_s) if self._believable(chosen) else None

    def _best_candidate(
        self,
        depth: NDArray[np.float32],
        camera: Camera,
        timings: dict[str, float],
        away_from: Array | None = None,
    ) -> list[Estimate] | None:
        """The sides tried at the place that fits a hand best; with ``away_from`` (3,) m, only places not near it."""
        start = time.perf_counter()
        locations = locate_hands(depth, camera, self.config.locate)
        add_time(timings, "locate", start)
        sides = [False, True] if self.config.side == "auto" else [self.config.side == "left"]
        found: list[list[Estimate]] = []
        for location in locations:
            if away_from is not None and np.linalg.norm(location.centre - away_from) < _SAME_HAND_M:
                continue
            first = self.estimator(depth, camera, location.centre, sides, self._next_id, timings)
            # The blob's centre is rough: look again where the better of the two saw the hand.
            centre = max(first, key=_fit).hand.joints.mean(axis=0)
            if centre[2] > 0:
                found.append(self.estimator(depth, camera, centre, sides, self._next_id, timings))
        return max(found, key=lambda pair: max(map(_fit, pair)), default=None)

    def _recheck(
        self,
        depth: NDArray[np.float32],
        camera: Camera,
        stamp_s: float,
        timings: dict[str, float],
        fit: float,
    ) -> Hand | None:
        """Now and then look at the whole image again: another place may be more of a hand than what is tracked."""
        track = self._track
        if track is None or stamp_s - track.checked_s < _RECHECK_S:
            return None
        track.checked_s = stamp_s
        both = self._best_candidate(depth, camera, timings, away_from=track.hand.translation)
        if both is None:
            return None
        chosen = max(both, key=_fit)
        if chosen.fit < fit + _BETTER_FIT or not self._believable(chosen):
            return None
        return self._start(chosen, both, stamp_s)

    def _start(self, chosen: Estimate, both: list[Estimate], stamp_s: float) -> Hand:
        """A new track, or the old one where its hand is found again."""
        old = self._track
        apart = np.linalg.norm(old.hand.translation - chosen.hand.translation) if old else np.inf
        if old is not None and apart < _SAME_HAND_M and old.hand.side == chosen.hand.side:
            hand = replace(chosen.hand, track_id=old.hand.track_id)
            old.hand, old.seen_s = hand, stamp_s
            return hand
        evidence = both[-1].fit - both[0].fit
        self._track = _Track(chosen.hand, stamp_s, self._SIDE_FRAMES, stamp_s, evidence)
        self._next_id += 1
        return chosen.hand

    def _believable(self, estimate: Estimate) -> bool:
        """Whether this can be published as a hand."""
        return estimate.hand.confidence >= self.config.min_confidence

    def _window(self, depth: NDArray[np.float32]) -> NDArray[np.float32]:
        """The image with everything outside the region of interest blanked; the caller's array is not touched."""
        if self.config.roi is None:
            return depth
        x, y, width, height = self.config.roi
        masked = np.full_like(depth, np.nan)
        masked[y : y + height, x : x + width] = depth[y : y + height, x : x + width]
        return masked


def _fit(estimate: Estimate) -> float:
    return estimate.fit
