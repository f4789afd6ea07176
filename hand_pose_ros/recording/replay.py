"""A recording played through a tracker: what was found in every frame, in pictures and in figures.

In: a :class:`~hand_pose_ros.recording.recorded_frame.Recording` (a folder of frames or a bag) and a
:class:`~hand_pose_ros.tracking.tracker.HandTracker`. Out: a :class:`Replay`; its pictures overlay.gif, overlay.png and
contact.png and hands.png, its figures summary.json. The tables are made in ``replay_output``. No ROS.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from hand_pose_ros.depth.image import DEPTH_UNIT_M, LEAST_UNIT_M, MOST_UNIT_M
from hand_pose_ros.detection.unit_watch import UnitWatch
from hand_pose_ros.files import write_json
from hand_pose_ros.recording.motion import increasing_ns, missing_frames
from hand_pose_ros.recording.output_files import CONTACT_SHEET, HAND_TILES, SUMMARY
from hand_pose_ros.recording.recorded_frame import (
    RecordedFrame,
    Recording,
    RecordingError,
    TrueHand,
    UnusableFrame,
)
from hand_pose_ros.recording.replay_tiles import caption_of, tile_of
from hand_pose_ros.recording.scene_distance import middle_m
from hand_pose_ros.recording.tracked_frame import TrackedFrame, picture_checksum
from hand_pose_ros.tracking.input_hints import InputWarning
from hand_pose_ros.tracking.track_result import TrackResult
from hand_pose_ros.tracking.tracker import HandTracker
from hand_pose_ros.validation import between, whole
from hand_pose_ros.visualization.contact_sheet import tile_pictures
from hand_pose_ros.visualization.image_files import write_overlays, write_png
from hand_pose_ros.visualization.overlay import OverlayFrame, draw_caption, draw_overlay

# Chosen by hand, as the next three.
_TILE_COLUMNS = 5
_HAND_COLUMNS = 8
_MOST_OVERLAYS = 90
"""Frames of the animation, at most."""
_MOST_TILES = 800
"""Cut-out hands on a sheet, at most: 100 rows of eight, 250 MB while they are collected."""
_FRAMES_OF_WRONG_UNIT = 30
"""When so many frames from the first on seem to be in another unit, the rest is not tried. Guessed: a second."""
_BEFORE_CLOCK = 2  # frames, the most: cameras stamp their first images with 0. Guessed.
_FRAMES_TO_FIND = 9
"""A hand that is there from the first frame on is counted from the frame after these."""


@dataclass(frozen=True)
class ReplayConfig:
    """How a recording is shown to the tracker; ValueError on a number that makes no sense."""

    depth_unit_m: float = DEPTH_UNIT_M
    """Metres per count of the depth images."""
    rate_hz: float = 30.0
    """Frames per second of the recording. Chosen: what most depth cameras send."""
    still: bool = False
    """The frames do not follow each other: the tracker starts anew in each."""
    every: int = 1
    """contact.png shows every n-th frame."""

    def __post_init__(self) -> None:
        between(self, LEAST_UNIT_M, MOST_UNIT_M, "depth_unit_m", unit="metres")
        between(self, 0.01, 10_000.0, "rate_hz", unit="Hz")
        whole(self, "every")


@dataclass(eq=False)
class Replay:
    """What a tracker found in the frames of a recording, one for one, and pictures of some of them."""

    frames: list[TrackedFrame] = field(default_factory=list)
    """What was found in every frame."""
    overlays: list[OverlayFrame] = field(default_factory=list)
    """Frames of the animation, evenly spread."""
    left_out: list[str] = field(default_factory=list)
    """Why each frame that could not be used was left out."""
    tiles: list[NDArray[np.uint8]] = field(default_factory=list)
    """Every n-th frame, cut out around its hands, (320, 320, 3) RGB; of long recordings the first 800."""
    hands: list[NDArray[np.uint8]] = field(default_factory=list)
    """Every published hand of every frame, cut out likewise, to be judged by eye; of long recordings the first 800."""
    truth: dict[int, list[TrueHand]] = field(default_factory=dict)
    """Known hands by the stamp (ns) of their frame."""
    fault: str | None = None
    """What ended it before the recording's end, in one sentence; None: nothing."""
    stopped: bool = False
    """It was asked to stop before the recording's end."""
    start_ns: int | None = None
    """The stamp from which the tracker counts time: of the first frame, or of the first after a clock was set or in
    another frame."""
    elapsed_s: float = 0.0
    """Wall-clock time of everything: reading, tracking, drawing."""

    @property
    def results(self) -> list[TrackResult]:
        """The tracker's result of every frame."""
        return [frame.result for frame in self.frames]

    @property
    def wall_ms(self) -> list[float]:
        """Wall-clock time of the tracker's update of every frame, ms."""
        return [frame.wall_ms for frame in self.frames]

    def write(self, folder: Path) -> None:
        """Writes summary.json, overlay.gif, overlay.png, contact.png, and hands.png where there is a hand.

        OSError when the folder is not writable.
        """
        write_json(folder / SUMMARY, self.summary())  # the figures first: they cost the most
        write_overlays(folder, self.overlays)
        if self.tiles:
            write_png(folder / CONTACT_SHEET, tile_pictures(self.tiles, _TILE_COLUMNS))
        if self.hands:
            write_png(folder / HAND_TILES, tile_pictures(self.hands, _HAND_COLUMNS))

    def middle_m(self) -> float | None:
        """How far away the middle of all readings of some frames is, metres; None where there is none."""
        return middle_m(overlay.depth for overlay in self.overlays)

    def summary(self) -> dict[str, Any]:
        """Counts, shares and milliseconds of all frames, plain values."""
        stamps = np.array([frame.stamp_ns for frame in self.frames], np.int64)
        span_s = float(np.ptp(increasing_ns(stamps)) * 1e-9) if len(stamps) else 0.0
        rate = round(len(self.frames) / self.elapsed_s, 1) if self.elapsed_s > 0 else None
        return {
            **summarise(self.results, self.wall_ms),
            "span_s": round(span_s, 3),
            "missing_frames": missing_frames(stamps),
            "replayed_hz": rate,
            "truth": truth_errors(self.frames, self.truth),
            "fault": self.fault,
            "left_out": self.left_out,
        }


def replay(
    recording: Recording,
    tracker: HandTracker,
    config: ReplayConfig | None = None,
    stop: Callable[[], bool] = lambda: False,
    show: Callable[[np.ndarray], None] | None = None,
) -> Replay:
    """Tracks every frame of a recording, until ``stop()`` is true; a frame that cannot be used is left out.

    Where the recording is damaged, or its depth seems to be in another unit, it ends early and ``fault`` says why.
    ``show`` gets every frame's picture with its hands, (H, W, 3) uint8 RGB. RecordingError when no frame can be used
    at all.
    """
    config = config or ReplayConfig()
    played = Replay()
    step = -(-max(len(recording), 1) // _MOST_OVERLAYS)
    unit_watch, suspicious = UnitWatch("--depth-unit", in_a_row=1), 0
    unusable: list[str] = []
    start = time.perf_counter()
    frames = recording.frames(config.depth_unit_m, config.rate_hz)
    with warnings.catch_warnings(), tqdm(total=len(recording), desc="frames", unit="frame") as progress:
        warnings.simplefilter("ignore", InputWarning)  # ``fault`` says the same
        try:
            for frame in frames:
                if stop():
                    played.stopped = True
                    break
                if isinstance(frame, UnusableFrame):
                    played.left_out.append(frame.reason)
                    unusable += [] if frame.beside else [frame.reason]
                    progress.update(not frame.beside)
                    continue
                progress.update()
                if frame.clock_set and len(played.frames) <= _BEFORE_CLOCK:  # these are none of the recording
                    early = [f"frame {f.index}: its stamp is far from those after it" for f in played.frames]
                    played.left_out, unusable = played.left_out + early, unusable + early
                    for kept in (played.frames, played.overlays, played.tiles, played.hands):
                        kept.clear()
                _track(frame, len(played.frames) + len(unusable), tracker, config, played, step, show)
                suspicion = unit_watch.look(frame.depth)
                suspicious += suspicion is not None
                if suspicion is not None and suspicious == len(played.frames) == _FRAMES_OF_WRONG_UNIT:
                    played.fault = suspicion
                    break
            else:
                if suspicious and suspicious == len(played.frames):
                    played.fault = suspicion
        except RecordingError as error:
            played.fault = str(error)
    played.elapsed_s = time.perf_counter() - start
    played.truth = recording.truth()
    if not played.frames:
        if played.fault is not None:
            raise RecordingError(played.fault)
        if unusable:
            raise RecordingError(f"no frame could be used: {unusable[0]}")
        if not played.stopped:
            raise RecordingError("there is no frame in the part that was asked for")
    return played


def _track(
    frame: RecordedFrame,
    number: int,
    tracker: HandTracker,
    config: ReplayConfig,
    played: Replay,
    step: int,
    show: Callable[[np.ndarray], None] | None,
) -> None:
    """Tracks one frame, of this number among those that were played or left out, and keeps what it gives."""
    other_frame = bool(played.frames) and played.frames[-1].frame_id != frame.frame_id
    afresh = frame.clock_set or other_frame  # as in the node
    if config.still or afresh:
        tracker.reset()
    if played.start_ns is None or afresh:
        played.start_ns = frame.stamp_ns
    start = time.perf_counter()
    # As the node does it: time from the first frame on, so that the same frames give the same hands at any time.
    result = tracker.update(frame.depth, frame.camera, (frame.stamp_ns - played.start_ns) * 1e-9)
    wall_ms = 1e3 * (time.perf_counter() - start)
    played.frames.append(
        TrackedFrame(
            frame.index, frame.name, frame.stamp_ns, frame.frame_id, result, wall_ms, picture_checksum(frame.depth)
        )
    )  # fmt: skip
    caption = caption_of(frame.name, result.hands, result.state)
    overlay = OverlayFrame(frame.depth, frame.camera, result.hands, caption, frame.stamp_ns * 1e-9)
    if number % step == 0:
        played.overlays.append(overlay)
    tiled = number % config.every == 0 and len(played.tiles) < _MOST_TILES
    enlarged = bool(result.hands) and len(played.hands) < _MOST_TILES
    if not (tiled or enlarged or show is not None):
        return
    picture = draw_overlay(frame.depth, frame.camera, result.hands)  # once for all three
    if tiled:
        played.tiles.append(tile_of(picture, frame.camera, caption, result.hands))
    if enlarged:
        for hand in result.hands:
            alone = caption_of(frame.name, [hand], hand.state)
            played.hands.append(tile_of(picture, frame.camera, alone, [hand]))
    if show is not None:
        draw_caption(picture, caption, picture.shape[1])
        show(picture)


def truth_errors(
    frames: Sequence[TrackedFrame], truth: Mapping[int, Sequence[TrueHand]]
) -> dict[str, float | int] | None:
    """How far the hands are from the known ones of their side: counts and millimetres; None where none is known."""
    known, errors = 0, []
    for frame in frames:
        for true in truth.get(frame.stamp_ns, []):
            known += 1
            found = [hand.joints for hand in frame.result.hands if hand.side == true.side]
            apart = [float(np.linalg.norm(joints - true.joints, axis=1).mean()) for joints in found]
            errors += [1000.0 * min(apart)] if apart else []
    if not known:
        return None
    values = {"mean_mm": np.mean(errors), "median_mm": np.median(errors)} if errors else {}
    return {"known": known, "found": len(errors), **{k: round(float(v), 2) for k, v in values.items()}}


def summarise(results: list[TrackResult], wall_ms: list[float]) -> dict[str, Any]:
    """Counts, shares and milliseconds of the results and update times (ms) of successive frames, ready for JSON."""
    hands = [result.hands for result in results]
    sides = [hand.side for found in hands for hand in found]
    confidences = [hand.confidence for found in hands for hand in found]
    stages = sorted({name for result in results for name in result.timings_ms})
    later = [bool(found) for found in hands[_FRAMES_TO_FIND:]]
    return {
        "frames": len(results),
        "frames_with_hand": sum(bool(found) for found in hands),
        "frames_with_both": sum(len(found) > 1 for found in hands),
        "share_with_hand_from_10th": round(sum(later) / len(later), 4) if later else None,
        "tracked": sum(result.state.name == "TRACK" for result in results),
        "sides": {side: sides.count(side) for side in sorted(set(sides))},
        "tracks": len({hand.track_id for found in hands for hand in found}),
        "confidence_median": round(float(np.median(confidences)), 3) if confidences else None,
        "wall_ms": _percentiles(wall_ms),
        "stage_ms": {
            name: _percentiles([r.timings_ms[name] for r in results if name in r.timings_ms])
            for name in stages
        },
    }


def _percentiles(values: list[float]) -> dict[str, float]:
    return {f"p{p}": round(float(np.percentile(values, p)), 2) for p in (50, 95)}
