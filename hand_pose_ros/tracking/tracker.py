"""HandTracker: depth image + camera + stamp in, hands out. The one public entry of the package, without ROS.

In: depth (H, W) float32 metres along the optical axis (NaN = no reading), its Camera, a stamp in seconds.
Out: TrackResult with the hands seen (23 joints in metres in the camera's optical frame, 20 angles in radians, the
frames of all segments), the same as the network alone has them, the state and the time each stage took.

One frame's way: where the last hands should be (TRACK) or proposals of a search -> metric crops, one batch -> network
-> refinement on the depth surface with the user's bones -> smoothing. A left hand is tracked as a right
hand in a mirrored crop. The hand that leaves is always one of the hand model: the user's bones and every angle in
range.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.depth.frame import DepthFrame
from hand_pose_ros.depth.image import decode_depth
from hand_pose_ros.detection.config import DetectionConfig
from hand_pose_ros.detection.detector import HandDetector
from hand_pose_ros.detection.proposals import Proposal, ProposalGenerator
from hand_pose_ros.hand.skeleton import SIDES
from hand_pose_ros.network.device_error import DeviceError
from hand_pose_ros.network.weights_file import CheckpointInfo
from hand_pose_ros.refine.refiner import Refined, RefineRequest, open_refiner
from hand_pose_ros.resources import model_file
from hand_pose_ros.tracking.arms import Elbows
from hand_pose_ros.tracking.beside import beside
from hand_pose_ros.tracking.confidence import calibration_of
from hand_pose_ros.tracking.config import TrackerConfig
from hand_pose_ros.tracking.duplicates import without_duplicates
from hand_pose_ros.tracking.estimate import CropRequest, Estimate, by_side
from hand_pose_ros.tracking.hand import TrackState
from hand_pose_ros.tracking.hand_search import HandSearch
from hand_pose_ros.tracking.input_hints import InputHints
from hand_pose_ros.tracking.patience import Patience
from hand_pose_ros.tracking.pose_inference import PoseEstimator, estimate_poses
from hand_pose_ros.tracking.profile_keeper import ProfileKeeper
from hand_pose_ros.tracking.scoring import best_hypothesis
from hand_pose_ros.tracking.stage_timer import StageTimer
from hand_pose_ros.tracking.track import Track
from hand_pose_ros.tracking.track_result import TrackResult, state_of
from hand_pose_ros.tracking.track_updates import Updates, update_tracks
from hand_pose_ros.validation import shown

Array = NDArray[np.float64]
Result = TypeVar("Result")


class HandTracker:
    """Tracks the hands nearest to the camera. ``update`` frames in order of time; not safe for several threads."""

    def __init__(self, model: str | Path | None = None, config: TrackerConfig | None = None) -> None:
        """``model``: a weights file or the name of a shipped one, None for the default. CheckpointError when it cannot
        be used, ValueError or OSError for a user's file that cannot."""
        if not isinstance(config, TrackerConfig | None):
            raise ValueError(f"config is a {type(config).__name__}, want a TrackerConfig")
        self.config = config or TrackerConfig()
        self.faults: dict[str, str] = {}
        """What is wrong while tracking goes on, by subject (``device``, ``user``); empty when nothing is."""
        self._input_hints = InputHints(
            self.config.track.longest_patience_s, self.config.blob_detector.max_range_m
        )
        self._weights = model_file(model)
        self._on_device(self._open_networks)
        self._calibration = calibration_of(self.estimator.info)
        proposals = self.config.proposals
        detection = DetectionConfig(least_score=proposals.candidate_score)
        detector = (
            HandDetector(config=detection, running=self.config.running) if self.config.detector else None
        )
        self.proposal_generator = ProposalGenerator(detector, proposals, self.config.blob_detector)
        self._profile_keeper = ProfileKeeper(self.config.user_folder, self.config.user)
        self._next_id = 1
        self.reset()

    @property
    def model_info(self) -> CheckpointInfo:
        """The weights in use: name, hash, training run."""
        return self.estimator.info

    @property
    def hints(self) -> dict[str, str]:
        """Why no hand can be found, or followed, in images like the last, by subject (``roi``, ``unit``, ``stamp``; the
        ``unit`` also where it only may be wrong); empty where nothing is wrong. Each is an ``InputWarning``, too, the
        first time."""
        return dict(self._input_hints.texts)

    @property
    def tracks(self) -> Sequence[Track]:
        """Those that are followed or remembered."""
        return self._tracks

    def warm_up(self) -> None:
        """Run every compiled path once, so that the first frame is as fast as the others."""
        depth = np.full((48, 64), np.nan, np.float32)
        depth[16:32, 24:40] = 0.5
        frame = DepthFrame(depth, Camera(64, 48, 60.0, 60.0, 32.0, 24.0))
        centre = np.array([0.0, 0.0, 0.5])
        for sides in (SIDES[:1], SIDES):
            requests = [CropRequest(centre, side == "left") for side in sides]
            estimates = self.estimate(frame, [requests], StageTimer())[0]
        config = replace(self.config, side="auto", min_confidence=0.0, coast_s=1.0, start_odds=0.0)

        def follow() -> None:
            track = Track(0, config, self.refiner, self._calibration)
            for stamp_s in (0.0, 0.03):
                track.warm_up(estimates, stamp_s)

        self._on_device(follow)
        self._search.warm_up(frame)
        decode_depth(np.ones(2, np.uint16), "16UC1", 2, 1, 4, is_bigendian=False)

    def reset(self) -> None:
        """Forget every track; the next frame starts in SEARCH."""
        self._tracks: list[Track] = []
        self._stamp_s: float | None = None
        self._patience, self._elbows = Patience(self.config), Elbows()
        self._search = HandSearch(self.config, self)
        self._profile_keeper.reset()

    def recalibrate(self) -> None:
        """Learn the hands' sizes anew, from the next frame on. Tracks go on; the user's file, if there is a user, stays
        until the new size is known and takes its place."""
        self._profile_keeper.profile = None
        for track in self._tracks:
            track.recalibrate()

    def update(self, depth: NDArray[np.float32], camera: Camera, stamp_s: float) -> TrackResult:
        """Track one frame. A stamp before the last one (a bag that loops) forgets the tracks first.

        Stamps count seconds from any beginning; from the first frame rather than from 1970, the same frames give the
        same hands to the last bit whenever they were taken.

        ValueError when the image's size is not the camera's, when it holds counts instead of metres, and when the
        stamp is no finite number. DeviceError when the device fails that the configuration asks for.
        """
        frame = DepthFrame(depth, camera, stamp_s)
        interval_s = self._patience.usual_interval_s
        published = any(track.published for track in self._tracks)
        self._input_hints.look(
            frame.depth, camera, self.config.roi, bool(self._tracks), interval_s, stamp_s, published
        )
        frame = frame.within(self.config.roi)
        if self._stamp_s is not None and stamp_s < self._stamp_s:
            self.reset()
        self._stamp_s = stamp_s
        timer = StageTimer()
        patience_s = self._patience.next_frame(stamp_s)
        self._search.schedule.next_frame(self._patience.usual_interval_s)
        before = [track for track in self._tracks if track.published]
        self._tracks = [t for t in self._tracks if stamp_s - t.seen_s <= patience_s]
        for track in self._tracks:
            track.patience_s = patience_s
        self._elbows.next_frame(self._tracks)
        had_hand = any(track.published for track in self._tracks)
        self._follow_tracks(frame, timer)
        self._search.run(frame, timer)
        self._tracks = [t for t in self._tracks if t.state != TrackState.LOST]
        hands = [track for track in before if track.track_id not in self._elbows.dropped]
        gone = [track for track in hands if track not in self._tracks or not track.published]
        self._search.schedule.lost(gone, self._tracks, stamp_s)
        self._keep_profile(stamp_s)
        return self._result(had_hand, timer)

    def estimate(
        self,
        frame: DepthFrame,
        requests: Sequence[Sequence[CropRequest]],
        timer: StageTimer,
        reject_early: bool = False,
    ) -> list[list[Estimate]]:
        """As :func:`estimate_poses`, on the CPU once the GPU fails."""
        return self._on_device(lambda: estimate_poses(self.estimator, frame, requests, timer, reject_early))

    def _on_device(self, work: Callable[[], Result]) -> Result:
        """The work's result; where the device fails and it is for the tracker to choose, once more on the CPU.

        DeviceError where it is not. A GPU that failed is not asked again.
        """
        try:
            return work()
        except RuntimeError as error:
            # With torch, which is not loaded where others run the network.
            from hand_pose_ros.network.device import is_device_error

            if not is_device_error(error):
                raise
            device, reason = self.config.device, shown(error)
            if device != "auto" or "device" in self.faults:
                raise DeviceError(f"device '{device}' failed: {reason}; want auto or cpu") from error
            self.faults["device"] = f"the GPU failed, tracking goes on on the CPU: {reason}"
            self.config = replace(self.config, device="cpu")
            self._open_networks()
        return work()

    def _open_networks(self) -> None:
        """What runs on the device: the pose network and the refinement."""
        self.estimator = PoseEstimator(self._weights, self.config)
        self.refiner = open_refiner(self.config.refine, str(self.estimator.device), self.estimator.crop_size)

    def _follow_tracks(self, frame: DepthFrame, timer: StageTimer) -> None:
        """Update every track but those that rest from crops where its hand should be, all in one batch."""
        followed = [track for track in self._tracks if not track.rests(frame.stamp_s)]
        # An image without any reading shows no empty place either: it does not speak against a hand.
        blind = not _any_reading(frame.depth)
        requests = [[] if blind else track.crop_requests(frame.stamp_s) for track in followed]
        estimates = self.estimate(frame, requests, timer)
        self._update_tracks([*zip(followed, estimates, strict=True)], frame.stamp_s, timer)
        self._keep_different_hands(frame)

    def _keep_different_hands(self, frame: DepthFrame) -> None:
        """One track of a hand, and none of its elbow."""
        tracks = without_duplicates(self._tracks, self.config.search.same_joints_m)
        self._tracks = self._elbows.without(tracks, frame)

    def _update_tracks(
        self, updates: Updates, stamp_s: float, timer: StageTimer, others: Sequence[Estimate] = ()
    ) -> list[bool]:
        for track, _ in updates:
            track.beside = beside(track, self._tracks, self.config.start_odds)
        return update_tracks(updates, self._refine_all, stamp_s, timer, others)

    def _refine_all(self, requests: Sequence[RefineRequest]) -> list[Refined]:
        return self._on_device(lambda: self.refiner.refine_all(requests))

    def keep_best_tracks(self) -> None:
        """As many as hands are wanted."""
        # A hand that was found takes the place of one that is only remembered, and that of one that may be none.
        best = sorted(self._tracks, key=lambda t: (-t.seen_s, not t.published, -t.track_log_odds))
        self._tracks = [track for track in self._tracks if track in best[: self.config.hands]]

    def confirmed_tracks(self, stamp_s: float) -> list[Track]:
        """Those that are seen in this frame and published."""
        return [track for track in self._tracks if track.published and track.seen_s == stamp_s]

    def start_or_resume_track(
        self, estimates: list[Estimate], proposal: Proposal, frame: DepthFrame, timer: StageTimer
    ) -> bool:
        """A new track, or a missed one where its hand is found again; whether there is one."""
        track = self._start_or_resume_track(estimates, proposal, frame.stamp_s, timer)
        self._keep_different_hands(frame)
        return track is not None and track.track_id not in self._elbows.dropped

    def _start_or_resume_track(
        self, estimates: list[Estimate], proposal: Proposal, stamp_s: float, timer: StageTimer
    ) -> Track | None:
        best = best_hypothesis(estimates, self.config.scoring)
        # The nearest first: of two hands that are missed together none is to take the other's place.
        distances = [(float(np.linalg.norm(t.centre(stamp_s) - best.centre)), t) for t in self._tracks]
        for distance_m, track in sorted(distances, key=lambda near: near[0]):
            within_m = self.config.found_again_within_m(stamp_s - track.seen_s)
            # After a gap it may be far away, and then it must be of the same side: else it is the other hand, which
            # would be taken for this one, side and all.
            alike = distance_m < self.config.search.found_again_m or track.side in (None, best.side)
            if track.seen_s < stamp_s and distance_m < within_m and alike:
                own, others = by_side(estimates, track.sides_to_try(stamp_s))
                if own and self._update_tracks([(track, own)], stamp_s, timer, others)[0]:
                    return track
        profile = self._profile_keeper.profile
        track = Track(self._next_id, self.config, self.refiner, self._calibration, profile, proposal)
        if not self._update_tracks([(track, estimates)], stamp_s, timer)[0]:
            return None
        self._next_id += 1
        kept = [t for t in self._tracks if t.published or t.waits or t.seen_s == stamp_s]
        self._tracks = [*kept, track]
        return track

    def _keep_profile(self, stamp_s: float) -> None:
        """Save the user's hand once it is known; a folder that cannot be written is told, and tracking goes on."""
        fault = self._profile_keeper.save_once_known(self._tracks, stamp_s)
        if fault is None:
            self.faults.pop("user", None)
        else:
            self.faults["user"] = fault

    def _result(self, had_hand: bool, timer: StageTimer) -> TrackResult:
        """What is published, in arrays of its own: tracks go on from theirs."""
        published = [track for track in self._tracks if track.published]
        hands = tuple(track.hand.copied() for track in published if track.hand is not None)
        raw = tuple(track.raw for track in published if track.raw is not None)
        return TrackResult(hands, state_of(hands, had_hand), timer.timings_ms, raw)


def _any_reading(depth: NDArray[np.float32]) -> bool:
    """Whether an image (H, W) m holds a reading; most do among a few of its pixels already."""
    return bool(np.isfinite(depth[::8, ::8]).any() or np.isfinite(depth).any())
