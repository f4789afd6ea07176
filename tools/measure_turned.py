"""How many frames of a recording show hands, with the camera turned by quarter turns and its pictures mirrored.

In: a folder of depth frames, its intrinsics. Out: of each of the eight ways to see it the frames with a hand and with
two, and how far their joints, turned back, lie from those of the recording as it is; and, if wanted, a sheet of the
frames with at least so many hands. A recording is eight times as many pictures that nothing was chosen by; with
``--scale`` other ones again, everything in them so many times as large and as far away.

    python tools/measure_turned.py FOLDER --intrinsics 615,615,320,240 --hands 2 --pictures sheet.png --least 2
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.commands.arguments import (
    depth_unit,
    intrinsics_or_file,
    positive_float,
    positive_int,
    rate_hz,
    require_outputs,
    whole_number,
)
from hand_pose_ros.commands.main import exit_status
from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.recording.frame_folder import RecordedFrames
from hand_pose_ros.recording.intrinsics import read_intrinsics
from hand_pose_ros.tracking.config import MOST_HANDS, TrackerConfig
from hand_pose_ros.tracking.hand import Hand
from hand_pose_ros.tracking.tracker import HandTracker
from hand_pose_ros.visualization.contact_sheet import contact_sheet
from hand_pose_ros.visualization.image_files import write_png
from hand_pose_ros.visualization.overlay import draw_caption, draw_overlay

Array = NDArray[np.float64]
_FIRST_S = 100.0


class Turn(NamedTuple):
    """Pictures mirrored left to right, if so, then turned by quarter turns against the clock."""

    quarters: int
    mirrored: bool

    def of_picture(self, depth: NDArray[np.float32], camera: Camera) -> tuple[NDArray[np.float32], Camera]:
        """Depth (H, W) m and its camera, without distortion -> what the turned camera has."""
        fx, fy, cx, cy = camera.fx, camera.fy, camera.cx, camera.cy
        if self.mirrored:
            depth, cx = depth[:, ::-1], depth.shape[1] - 1 - cx
        for _ in range(self.quarters):
            depth = np.rot90(depth)
            fx, fy, cx, cy = fy, fx, cy, depth.shape[0] - 1 - cx
        height, width = depth.shape
        return np.ascontiguousarray(depth), Camera(width, height, fx, fy, cx, cy)

    def back(self, points: Array) -> Array:
        """Points (N, 3) m of the turned camera -> those of the camera as it is."""
        x, y, z = points.T
        for _ in range(self.quarters):
            x, y = -y, x
        return np.stack([-x if self.mirrored else x, y, z], axis=1)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--intrinsics", type=intrinsics_or_file, required=True, metavar="FX,FY,CX,CY|FILE")
    parser.add_argument("--depth-unit", type=depth_unit, default=0.001, metavar="M")
    parser.add_argument(
        "--scale", type=positive_float, default=1.0, help="all things so many times as large and as far"
    )
    parser.add_argument("--rate", type=rate_hz, default=7.5, help="frames a second (default 7.5)")
    parser.add_argument("--hands", type=whole_number(1, MOST_HANDS), default=2)
    parser.add_argument("--model")
    parser.add_argument("--pictures", type=Path, metavar="PNG", help="a sheet of frames")
    parser.add_argument("--least", type=positive_int, default=1, help="of those with at least so many hands")
    a = parser.parse_args()
    require_outputs(a.pictures)
    known = read_intrinsics(a.intrinsics) if isinstance(a.intrinsics, Path) else a.intrinsics
    recording = RecordedFrames.open(a.folder, known)
    tracker = HandTracker(a.model, TrackerConfig(hands=a.hands))
    print(
        "| turned | mirrored | with a hand | with two | joints apart, median / 90 %, mm |\n|---|---|---|---|---|"
    )
    as_it_is: list[list[Array]] = []
    counts, sheet = np.zeros(2, int), []
    for turn in [Turn(quarters, mirrored) for mirrored in (False, True) for quarters in range(4)]:
        tracker.reset()
        found: list[list[Array]] = []
        for index in range(len(recording)):
            depth = a.scale * recording.depth(index, a.depth_unit)
            depth, camera = turn.of_picture(depth, recording.camera)
            hands = tracker.update(depth, camera, _FIRST_S + index / a.rate).hands
            found.append([turn.back(hand.joints) / a.scale for hand in hands])
            if a.pictures and len(hands) >= a.least:
                sheet.append(
                    _captioned(depth, camera, hands, f"{90 * turn.quarters} {turn.mirrored} {index}")
                )
        as_it_is = as_it_is or found
        number = np.array([sum(len(hands) >= least for hands in found) for least in (1, 2)])
        counts += number
        apart = _apart_mm(as_it_is, found)
        print(f"| {90 * turn.quarters} | {turn.mirrored} | {number[0]} | {number[1]} | {apart} |", flush=True)
    print(f"| all | of {8 * len(recording)} | {counts[0]} | {counts[1]} | |")
    if a.pictures and sheet:
        write_png(a.pictures, contact_sheet(sheet, 6))


def _captioned(depth: NDArray[np.float32], camera: Camera, hands: Sequence[Hand], text: str) -> np.ndarray:
    picture = draw_overlay(depth, camera, hands)
    draw_caption(picture, text, picture.shape[1])
    return picture


def _apart_mm(one: Sequence[Sequence[Array]], other: Sequence[Sequence[Array]]) -> str:
    """Mean joint distances of each hand from the nearest one of the other run, in words."""
    apart = [
        min(float(np.linalg.norm(joints - theirs, axis=1).mean()) for theirs in others)
        for hands, others in zip(one, other, strict=True)
        for joints in hands
        if others
    ]
    return f"{1e3 * np.median(apart):.1f} / {1e3 * np.quantile(apart, 0.9):.1f}" if apart else "-"


if __name__ == "__main__":
    sys.exit(exit_status("tools/measure_turned.py", lambda _: main(), argparse.Namespace()))
