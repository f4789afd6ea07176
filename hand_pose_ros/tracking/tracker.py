"""HandTracker: depth image + camera + stamp in, hands out. The one public entry of the package, without ROS.

In: depth (H, W) float32 metres along the optical axis (NaN = no reading), its Camera, a stamp in seconds.
Out: TrackResult with the hands seen (23 joints in metres in the camera's optical frame, 20 angles in radians, the
frames of all segments), the same as the network alone saw them, the state and the time each stage took.

One frame's way: the last hands' places (TRACK) or a search -> metric crops, one batch -> network -> refinement on the
depth surface with this person's bones -> smoothing -> checks. A left hand is tracked as a right hand in a mirrored
crop. The hand that leaves is always one of the hand model: this person's bones and every angle in range.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.detection.blob_detector import LocateConfig
from hand_pose_ros.detection.detector import HandDetector
from hand_pose_ros.detection.proposals import LEAST_SCORE, Proposal, ProposalGenerator
from hand_pose_ros.hand.skeleton import SIDES
from hand_pose_ros.network.checkpoint import CheckpointInfo
from hand_pose_ros.refine.refiner import RefineConfig, Refiner
from hand_pose_ros.resources import model_file
from hand_pose_ros.tracking.confidence import Calibration, uncalibrated
from hand_pose_ros.tracking.pose_inference import PRECISIONS, CropRequest, Estimate, HandEstimator, add_time
from hand_pose_ros.tracking.scoring import hypothesis_score, is_hand, is_surely_hand, look
from hand_pose_ros.tracking.track import MOST_ODDS, Hand, Limits, Track, TrackState
from hand_pose_ros.tracking.user_profile import UserProfile, load_profile, save_profile

Array = NDArray[np.float64]

__all__ = ["Hand", "HandTracker", "TrackResult", "TrackState", "TrackerConfig"]

MOST_HANDS = 2
# Two places nearer than this to each other show the same hand.
_SAME_HAND_M = 0.12
_SAME_JOINTS_M = 0.05
# A place this near to one that was looked at tells nothing new.
_SAME_PLACE_M = 0.05
# How often the whole image is searched for another hand, or for a better place, while one is tracked.
_RECHECK_S = 0.5


@dataclass(frozen=True)
class TrackerConfig:
    """Settings of a tracker; ValueError names a field that makes no sense."""

    side: str = "auto"
    """Which hand to track: right, left, or auto (both tried when a track starts, the better one kept)."""
    hands: int = 1
    """How many hands are tracked at once, at most."""
    device: str = "auto"
    """Where the network runs: cpu, cuda, or auto (cuda when there is one)."""
    threads: int = 1
    """CPU threads of the network; more than one collapses when other processes want the cores."""
    precision: str = "auto"
    """In what the network's convolutions are computed: float32, bfloat16, or auto (bfloat16 where the CPU is made for
    it: as exact as the network needs, and faster)."""
    min_confidence: float = 0.05
    """A hand is published as TRACK from this confidence on."""
    coast_s: float = 0.25
    """How long a hand that is hidden is published as COAST after it was last seen; a longer gap ends the track."""
    start_odds: float = 7.0
    """Log odds of a hand from which on a track begins: with less, hands half hidden are found more often, and now and
    then something that is none (docs/detector.md)."""
    roi: tuple[int, int, int, int] | None = None
    """Only look for hands in this window of the image: x, y, width, height in px."""
    user: str = ""
    """Whose hand it is: its size is loaded from ``user_folder``, or learnt and saved there; empty: nobody's."""
    user_folder: str = ""
    """Folder of the users' hands, one small file each."""
    detector: bool = True
    """Whether hands are looked for by the learnt detector too, not by the blob search alone."""
    locate: LocateConfig = field(default_factory=LocateConfig)
    refine: RefineConfig = field(default_factory=RefineConfig)

    def __post_init__(self) -> None:
        if self.side not in (*SIDES, "auto"):
            raise ValueError(f"side is '{self.side}', want right, left or auto")
        if not 1 <= self.hands <= MOST_HANDS:
            raise ValueError(f"hands is {self.hands}, want 1 to {MOST_HANDS}")
        if self.device not in ("auto", "cpu", "cuda"):
            raise ValueError(f"device is '{self.device}', want auto, cpu or cuda")
        if self.precision not in PRECISIONS:
            raise ValueError(f"precision is '{self.precision}', want {', '.join(PRECISIONS)}")
        if not 1 <= self.threads <= 64:
            raise ValueError(f"threads is {self.threads}, want 1 to 64")
        if not 0.0 <= self.min_confidence <= 1.0:
            raise ValueError(f"min_confidence is {self.min_confidence}, want 0 to 1")
        if not 0.0 <= self.coast_s <= 10.0:
            raise ValueError(f"coast_s is {self.coast_s}, want 0 to 10 seconds")
        if not 0.0 <= self.start_odds <= MOST_ODDS:
            raise ValueError(f"start_odds is {self.start_odds}, want 0 to {MOST_ODDS:g}")
        if self.roi is not None and (len(self.roi) != 4 or min(self.roi) < 0 or min(self.roi[2:]) < 8):
            raise ValueError(
                f"roi is {self.roi}, want x, y, width, height in px, at least 8 px wide and high"
            )
        if self.user and not self.user_folder:
            raise ValueError(
                f"user is '{self.user}' but user_folder is empty, want the folder of the users' hands"
            )


@dataclass(frozen=True)
class TrackResult:
    """Hands to publish (in TRACK or COAST), as refined and (raw) as the network alone saw them, one for one; the
    tracker's state, milliseconds that each stage took."""

    hands: tuple[Hand, ...]
    state: TrackState
    timings_ms: dict[str, float]
    raw: tuple[Hand, ...] = ()


class HandTracker:
    """Tracks the hands nearest to the camera. ``update`` frames in order of time; not safe for several threads."""

    def __init__(self, model: str | Path | None = None, config: TrackerConfig | None = None) -> None:
        """``model``: a weights file or the name of a shipped one, None for the default. CheckpointError when it cannot
        be used, ValueError or OSError for a user's file that cannot."""
        self.config = config or TrackerConfig()
        c = self.config
        self.estimator = HandEstimator(model_file(model), c.device, c.threads, c.precision)
        stored = self.estimator.info.calibration
        self._calibration = Calibration.from_dict(stored) if stored else uncalibrated()
        self._refiner = Refiner(self.config.refine)
        detector = HandDetector(least_score=LEAST_SCORE) if self.config.detector else None
        self.search_image = ProposalGenerator(detector, self.config.locate)
        self._person = load_profile(self.config.user_folder, self.config.user) if self.config.user else None
        self._tracks: list[Track] = []
        self._next_id = 1
        self._stamp_s: float | None = None
        self._searched_s = -np.inf

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
        centre = np.array([0.0, 0.0, 0.5])
        for places in ([CropRequest(centre, False)], [CropRequest(centre, False), CropRequest(centre, True)]):
            estimates = self.estimator(depth, camera, places, timings)
        track = Track(0, self._refiner, self._calibration, Limits("auto", 0.0, 1.0, 0.0))
        for stamp_s in (0.0, 0.03):
            track.rehearse(estimates, stamp_s)
        self.search_image(depth, camera, self.config.hands)

    def reset(self) -> None:
        """Forget every track; the next frame starts in SEARCH."""
        self._tracks = []
        self._stamp_s = None
        self._searched_s = -np.inf

    def update(self, depth: NDArray[np.float32], camera: Camera, stamp_s: float) -> TrackResult:
        """Track one frame. A stamp before the last one (a bag that loops) forgets the tracks first.

        ValueError when the image's size is not the camera's.
        """
        camera.require_size(depth.shape[1], depth.shape[0])
        if self._stamp_s is not None and stamp_s < self._stamp_s:
            self.reset()
        self._stamp_s = stamp_s
        depth = self._window(depth)
        timings: dict[str, float] = {}
        self._tracks = [t for t in self._tracks if stamp_s - t.seen_s <= self.config.coast_s]
        before = any(track.published for track in self._tracks)
        self._follow(depth, camera, stamp_s, timings)
        if self._wants_search(stamp_s):
            self._search(depth, camera, stamp_s, timings)
        self._tracks = [t for t in self._tracks if t.state != TrackState.LOST]
        self._save_person()
        return self._result(before, timings)

    def _result(self, before: bool, timings: dict[str, float]) -> TrackResult:
        shown = [track for track in self._tracks if track.published]
        hands = tuple(track.hand for track in shown if track.hand is not None)
        raw = tuple(track.raw for track in shown if track.raw is not None)
        states = {hand.state for hand in hands}
        if TrackState.TRACK in states:
            state = TrackState.TRACK
        elif states:
            state = TrackState.COAST
        else:
            state = TrackState.LOST if before else TrackState.SEARCH
        return TrackResult(hands, state, timings, raw)

    def _follow(
        self, depth: NDArray[np.float32], camera: Camera, stamp_s: float, timings: dict[str, float]
    ) -> None:
        """Look for every tracked hand where it should be, all in one batch."""
        wanted: list[tuple[Track, list[CropRequest]]] = []
        for track in self._tracks:
            wanted.append((track, track.places(stamp_s)))
        answers = look(self.estimator, depth, camera, [places for _, places in wanted], timings)
        for (track, _), estimates in zip(wanted, answers, strict=True):
            if estimates:
                track.observe(estimates, stamp_s, timings)
            else:
                track.coast(stamp_s)
        self._drop_doubles()

    def _wants_search(self, stamp_s: float) -> bool:
        """Every frame while there is no hand or one is missing; else now and then, when one more is wanted."""
        missing = [track for track in self._tracks if track.seen_s < stamp_s]
        none = not any(track.published for track in self._tracks)
        return none or bool(missing) or stamp_s - self._searched_s >= _RECHECK_S

    def _search(
        self, depth: NDArray[np.float32], camera: Camera, stamp_s: float, timings: dict[str, float]
    ) -> None:
        """Look over the whole image: for hands that were missed where they should be, and for new ones."""
        self._searched_s = stamp_s
        # One that is not sure to be a hand does not keep others from being found.
        if len(self._sure(stamp_s)) >= self.config.hands:
            return
        seen = [track.centre(stamp_s) for track in self._tracks if track.seen_s == stamp_s]
        start = time.perf_counter()
        named = self.search_image(depth, camera, self.config.hands)
        add_time(timings, "locate", start)
        fresh = [place for place in named if _apart(place.centre, seen, _SAME_HAND_M)]
        self._try(fresh, is_hand, depth, camera, stamp_s, timings)
        sure = self._sure(stamp_s)
        if 0 < len(sure) < self.config.hands:
            start = time.perf_counter()
            joints = [track.hand.joints for track in sure if track.hand is not None]
            beside = self.search_image.detect_remaining(depth, camera, joints, self.config.hands - len(sure))
            add_time(timings, "locate", start)
            known = seen + [place.centre for place in fresh] + [track.centre(stamp_s) for track in sure]
            again = [place for place in beside if _apart(place.centre, known, _SAME_PLACE_M)]
            self._try(again, is_surely_hand, depth, camera, stamp_s, timings)
        # A hand that was found takes the place of one that is only remembered, and that of one that may be none.
        best = sorted(self._tracks, key=lambda t: (-t.seen_s, not t.published, -t.track_log_odds))
        self._tracks = [track for track in self._tracks if track in best[: self.config.hands]]

    def _try(
        self,
        candidates: list[Proposal],
        worth: Callable[[list[Estimate]], bool],
        depth: NDArray[np.float32],
        camera: Camera,
        stamp_s: float,
        timings: dict[str, float],
    ) -> None:
        """Look at the candidates and begin tracks where there are hands, the likeliest first."""
        sides = SIDES if self.config.side == "auto" else (self.config.side,)
        groups = [[CropRequest(c.centre, side == "left") for side in sides] for c in candidates]
        estimates = look(self.estimator, depth, camera, groups, timings, sift=True)
        answers = zip(estimates, candidates, strict=True)
        found = [(group, candidate) for group, candidate in answers if worth(group)]
        for group, candidate in sorted(found, key=_likeliest_first):
            if len(self._sure(stamp_s)) >= self.config.hands:
                break
            self._start(group, candidate.log_odds_prior, stamp_s, timings)
            self._drop_doubles()

    def _sure(self, stamp_s: float) -> list[Track]:
        """Those that are seen in this frame and published."""
        return [track for track in self._tracks if track.published and track.seen_s == stamp_s]

    def _start(
        self, group: list[Estimate], log_odds_prior: float, stamp_s: float, timings: dict[str, float]
    ) -> None:
        """A new track, or the old one where its hand is found again."""
        best = max(group, key=hypothesis_score)
        for track in self._tracks:
            near = np.linalg.norm(track.centre(stamp_s) - best.centre) < 2 * _SAME_HAND_M
            if track.seen_s < stamp_s and near:
                again = [e for e in group if e.side in track.sides(stamp_s)]
                if again and track.observe(again, stamp_s, timings):
                    return
        c = self.config
        limits = Limits(c.side, c.min_confidence, c.coast_s, c.start_odds)
        track = Track(self._next_id, self._refiner, self._calibration, limits, self._person, log_odds_prior)
        if track.observe(group, stamp_s, timings):
            self._next_id += 1
            self._tracks = [t for t in self._tracks if t.published or t.seen_s == stamp_s] + [track]

    def _drop_doubles(self) -> None:
        """Two tracks on the same hand: the older one stays."""
        kept: list[Track] = []
        for track in self._tracks:
            hand = track.hand
            same = hand is not None and any(
                other.hand is not None
                and np.linalg.norm(other.hand.joints - hand.joints, axis=1).mean() < _SAME_JOINTS_M
                for other in kept
            )
            if not same:
                kept.append(track)
        self._tracks = kept

    def _save_person(self) -> None:
        """Keep the user's hand once it is known."""
        if not self.config.user or self._person is not None:
            return
        for track in self._tracks:
            if track.published and track.person.frozen:
                self._person = UserProfile(track.person.shape, track.person.frames, track.thickness)
                save_profile(self.config.user_folder, self.config.user, self._person)
                return

    def _window(self, depth: NDArray[np.float32]) -> NDArray[np.float32]:
        """The image with everything outside the region of interest blanked; the caller's array is not touched."""
        if self.config.roi is None:
            return depth
        x, y, width, height = self.config.roi
        masked = np.full_like(depth, np.nan)
        masked[y : y + height, x : x + width] = depth[y : y + height, x : x + width]
        return masked


def _apart(centre: Array, others: list[Array], least_m: float) -> bool:
    return all(np.linalg.norm(centre - other) > least_m for other in others)


def _likeliest_first(found: tuple[list[Estimate], Proposal]) -> float:
    group, candidate = found
    return -max(map(hypothesis_score, group)) - candidate.log_odds_prior
