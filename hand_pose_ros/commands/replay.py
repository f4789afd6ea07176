"""``hand-pose replay``: the tracker over a folder of recorded depth frames, without ROS, for eyes and figures.

In: 16-bit PNGs, intrinsics, depth unit. Out: overlay.gif, overlay.png and contact.png (every n-th frame, enlarged
around the hand), summary.json with how many frames had a hand, and the milliseconds of each stage.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from hand_pose_ros.files import write_json
from hand_pose_ros.recording.frame_folder import RecordedFrames
from hand_pose_ros.tracking.tracker import HandTracker, TrackerConfig, TrackResult
from hand_pose_ros.visualization.pictures import OverlayFrame, write_overlays, write_png

_TILE_PX, _TILE_HALF_M, _COLUMNS = 320, 0.16, 5
_OVERLAYS = 90


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``hand-pose replay``."""
    parser.add_argument("--frames", type=Path, required=True, help="folder of 16-bit PNGs (sub-folders too)")
    parser.add_argument("--intrinsics", type=intrinsics, required=True, metavar="FX,FY,CX,CY", help="pixels")
    parser.add_argument("--depth-unit", type=float, default=0.001, help="metres per count (default 0.001)")
    parser.add_argument("--side", default="auto", help="right, left or auto (default)")
    parser.add_argument("--model", type=Path, help="weights (default: the shipped ones)")
    parser.add_argument(
        "--rate", type=float, default=30.0, help="frames per second of the recording (default 30)"
    )
    parser.add_argument(
        "--still", action="store_true", help="frames do not follow each other: search in each one"
    )
    parser.add_argument("--every", type=int, default=1, help="contact.png shows every n-th frame (default 1)")
    parser.add_argument(
        "--output", type=Path, default=Path("replay"), help="folder to write (default replay)"
    )


def run(arguments: argparse.Namespace) -> None:
    """Track every frame, write the pictures and print the figures."""
    if not arguments.depth_unit > 0 or not arguments.rate > 0 or arguments.every < 1:
        raise ValueError("--depth-unit and --rate want a number above 0, --every at least 1")
    recording = RecordedFrames.open(arguments.frames, arguments.intrinsics)
    tracker = HandTracker(arguments.model, TrackerConfig(side=arguments.side))
    tracker.warm_up()
    results: list[TrackResult] = []
    wall_ms: list[float] = []
    overlays: list[OverlayFrame] = []
    tiles: list[NDArray[np.uint8]] = []
    step = -(-len(recording) // _OVERLAYS)
    for index in tqdm(range(len(recording)), desc="frames", unit="frame"):
        counts = recording[index]
        depth = np.where(counts > 0, counts * np.float32(arguments.depth_unit), np.float32(np.nan))
        if arguments.still:
            tracker.reset()
        start = time.perf_counter()
        result = tracker.update(depth, recording.camera, index / arguments.rate)
        wall_ms.append(1e3 * (time.perf_counter() - start))
        results.append(result)
        frame = OverlayFrame(
            depth, recording.camera, result.hands, _caption(recording, index, result), index / arguments.rate
        )
        if index % step == 0:
            overlays.append(frame)
        if index % arguments.every == 0:
            tiles.append(_tile(frame, result))
    write_overlays(arguments.output, overlays)
    write_png(arguments.output / "contact.png", _sheet(tiles))
    summary = summarise(results, wall_ms)
    write_json(arguments.output / "summary.json", summary)
    for key, value in summary.items():
        print(f"{key}: {value}")
    print(f"pictures: {arguments.output / 'contact.png'}, {arguments.output / 'overlay.gif'}")


def summarise(results: list[TrackResult], wall_ms: list[float]) -> dict[str, Any]:
    """Counts, shares and milliseconds, ready for JSON."""
    hands = [result.hands for result in results]
    sides = [hand.side for seen in hands for hand in seen]
    confidences = [hand.confidence for seen in hands for hand in seen]
    stages = sorted({name for result in results for name in result.timings_ms})
    later = [bool(seen) for seen in hands[9:]]
    return {
        "frames": len(results),
        "frames_with_hand": sum(bool(seen) for seen in hands),
        "share_with_hand_from_10th": round(sum(later) / len(later), 4) if later else None,
        "tracked": sum(result.state.name == "TRACK" for result in results),
        "sides": {side: sides.count(side) for side in sorted(set(sides))},
        "tracks": len({hand.track_id for seen in hands for hand in seen}),
        "confidence_median": round(float(np.median(confidences)), 3) if confidences else None,
        "wall_ms": _percentiles(wall_ms),
        "stage_ms": {
            name: _percentiles([r.timings_ms[name] for r in results if name in r.timings_ms])
            for name in stages
        },
    }


def _percentiles(values: list[float]) -> dict[str, float]:
    return {f"p{p}": round(float(np.percentile(values, p)), 2) for p in (50, 95)}


def intrinsics(text: str) -> tuple[float, float, float, float]:
    try:
        fx, fy, cx, cy = (float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not fx,fy,cx,cy: four numbers in pixels") from None
    return fx, fy, cx, cy


def _caption(recording: RecordedFrames, index: int, result: TrackResult) -> str:
    seen = "".join(f" {hand.side} {hand.confidence:.2f}" for hand in result.hands)
    return f"{recording.name(index)} {result.state.name}{seen}"


def _tile(frame: OverlayFrame, result: TrackResult) -> NDArray[np.uint8]:
    """The overlay cut out around the hand (or all of it), with the caption, (320, 320, 3)."""
    picture = OverlayFrame(frame.depth, frame.camera, frame.hands, "", frame.time_s).draw()
    if result.hands:
        joints = result.hands[0].joints
        middle = joints.mean(axis=0)
        half = int(frame.camera.fx * _TILE_HALF_M / middle[2])
        column, row = (int(v) for v in frame.camera.project(middle))
        padded = cv2.copyMakeBorder(picture, half, half, half, half, cv2.BORDER_CONSTANT)
        column, row = np.clip([column, row], 0, [picture.shape[1] - 1, picture.shape[0] - 1])
        picture = padded[row : row + 2 * half, column : column + 2 * half]
    tile = cv2.resize(picture, (_TILE_PX, _TILE_PX))
    cv2.putText(
        tile, frame.caption[-44:], (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.38, (255, 255, 255), 1, cv2.LINE_AA
    )
    return np.asarray(tile, np.uint8)


def _sheet(tiles: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    columns = min(_COLUMNS, len(tiles))
    padded = tiles + [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
    rows = [np.hstack(padded[i : i + columns]) for i in range(0, len(padded), columns)]
    return np.vstack(rows)
