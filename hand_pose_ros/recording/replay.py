"""A recording played through a tracker: what was found in every frame, in pictures and in figures.

In: :class:`~hand_pose_ros.recording.frame_folder.RecordedFrames` and a
:class:`~hand_pose_ros.tracking.tracker.HandTracker`. Out: a :class:`Replay`; its pictures overlay.gif, overlay.png and
contact.png and hands.png, its figures summary.json. No ROS.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from hand_pose_ros.files import write_json
from hand_pose_ros.recording.frame_folder import RecordedFrames, RecordingError
from hand_pose_ros.tracking.hand import Hand
from hand_pose_ros.tracking.tracker import HandTracker, TrackResult
from hand_pose_ros.validation import between, positive, whole
from hand_pose_ros.visualization.contact_sheet import tile_pictures
from hand_pose_ros.visualization.image_files import write_overlays, write_png
from hand_pose_ros.visualization.overlay import OverlayFrame

_TILE_PX = 320
_TILE_HALF_M = 0.16
"""Half the width of a tile at the hand's depth: a spread hand fits in."""
_TILE_COLUMNS = 5
_HAND_COLUMNS = 8
_TILE_CAPTION_LENGTH = 44
_MOST_OVERLAYS = 90
"""Frames of the animation, at most."""
_FRAMES_TO_FIND = 9
"""A hand that is there from the first frame on is counted from the frame after these."""


@dataclass(frozen=True)
class ReplayConfig:
    """How a recording is shown to the tracker; ValueError on a number that makes no sense."""

    depth_unit_m: float = 0.001
    """Metres per count of the depth images."""
    rate_hz: float = 30.0
    """Frames per second of the recording."""
    still: bool = False
    """The frames do not follow each other: the tracker starts anew in each."""
    every: int = 1
    """contact.png shows every n-th frame."""

    def __post_init__(self) -> None:
        positive(self, "depth_unit_m")
        between(self, 1e-9, 1.0, "depth_unit_m", unit="metres")
        between(self, 0.01, 10_000.0, "rate_hz", unit="Hz")
        whole(self, "every")


@dataclass
class Replay:
    """What a tracker found in the frames of a recording, one for one, and pictures of some of them."""

    results: list[TrackResult] = field(default_factory=list)
    """The tracker's result of every frame."""
    wall_ms: list[float] = field(default_factory=list)
    """Wall-clock time of the tracker's update of every frame, ms."""
    overlays: list[OverlayFrame] = field(default_factory=list)
    """Frames of the animation, evenly spread."""
    left_out: list[str] = field(default_factory=list)
    """Why each file that could not be used was left out."""
    tiles: list[NDArray[np.uint8]] = field(default_factory=list)
    """Every n-th frame, cut out around the hand, (320, 320, 3) RGB."""
    hands: list[NDArray[np.uint8]] = field(default_factory=list)
    """Every published hand of every frame, cut out likewise: to be judged by eye."""

    def write(self, folder: Path) -> None:
        """Writes summary.json, overlay.gif, overlay.png, contact.png, and hands.png where there is a hand.

        OSError when the folder is not writable.
        """
        write_json(folder / "summary.json", self.summary())  # the figures first: they cost the most
        write_overlays(folder, self.overlays)
        if self.tiles:
            write_png(folder / "contact.png", tile_pictures(self.tiles, _TILE_COLUMNS))
        if self.hands:
            write_png(folder / "hands.png", tile_pictures(self.hands, _HAND_COLUMNS))

    def summary(self) -> dict[str, Any]:
        """Counts, shares and milliseconds of all frames, plain values."""
        return {**summarise(self.results, self.wall_ms), "left_out": self.left_out}


def replay(
    recording: RecordedFrames,
    tracker: HandTracker,
    config: ReplayConfig | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Replay:
    """Tracks every frame of a recording, until ``stop()`` is true; a file that cannot be used is left out.
    RecordingError when all are."""
    config = config or ReplayConfig()
    played = Replay()
    step = -(-len(recording) // _MOST_OVERLAYS)
    for index in tqdm(range(len(recording)), desc="frames", unit="frame"):
        if stop():
            break
        try:
            depth = recording.depth(index, config.depth_unit_m)
        except RecordingError as error:
            played.left_out.append(str(error))
            continue
        if config.still:
            tracker.reset()
        time_s = index / config.rate_hz
        start = time.perf_counter()
        result = tracker.update(depth, recording.camera, time_s)
        played.wall_ms.append(1e3 * (time.perf_counter() - start))
        played.results.append(result)
        caption = _caption(recording.name(index), result)
        frame = OverlayFrame(depth, recording.camera, result.hands, caption, time_s)
        if index % step == 0:
            played.overlays.append(frame)
        if index % config.every == 0:
            played.tiles.append(_tile(frame, result.hands[0] if result.hands else None))
        played.hands += [_tile(frame, hand) for hand in result.hands]
    if not played.results and played.left_out:
        raise RecordingError(f"no frame could be used: {played.left_out[0]}")
    return played


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


def _caption(name: str, result: TrackResult) -> str:
    hands = "".join(f" {hand.side} {hand.confidence:.2f}" for hand in result.hands)
    return f"{name} {result.state.name}{hands}"


def _tile(frame: OverlayFrame, hand: Hand | None) -> NDArray[np.uint8]:
    """The overlay cut out around a hand (all of it without one), with the caption, (320, 320, 3)."""
    picture = OverlayFrame(frame.depth, frame.camera, frame.hands, "", frame.time_s).draw()
    if hand is not None:
        middle = hand.joints.mean(axis=0)
        half = int(frame.camera.fx * _TILE_HALF_M / middle[2])
        column, row = (int(v) for v in frame.camera.project(middle))
        padded = cv2.copyMakeBorder(picture, half, half, half, half, cv2.BORDER_CONSTANT)
        column, row = np.clip([column, row], 0, [picture.shape[1] - 1, picture.shape[0] - 1])
        picture = padded[row : row + 2 * half, column : column + 2 * half]
    tile = cv2.resize(picture, (_TILE_PX, _TILE_PX))
    caption, origin, white = frame.caption[-_TILE_CAPTION_LENGTH:], (4, 14), (255, 255, 255)
    cv2.putText(tile, caption, origin, cv2.FONT_HERSHEY_SIMPLEX, 0.38, white, 1, cv2.LINE_AA)
    return np.asarray(tile, np.uint8)
