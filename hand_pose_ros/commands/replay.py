"""``hand-pose replay``: the tracker over a folder of recorded depth frames, without ROS.

In: 16-bit PNGs, intrinsics, depth unit. Out: overlay.gif, overlay.png and contact.png (every n-th frame, enlarged
around the hand), hands.png (every published hand, to be judged by eye), summary.json with how many frames had a hand,
and the milliseconds of each stage.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from hand_pose_ros.commands.arguments import depth_unit, intrinsics, positive_int, rate_hz
from hand_pose_ros.commands.interrupts import INTERRUPTED, stop_requests
from hand_pose_ros.files import require_writable
from hand_pose_ros.recording.frame_folder import RecordedFrames
from hand_pose_ros.recording.replay import ReplayConfig, replay
from hand_pose_ros.tracking.config import TrackerConfig
from hand_pose_ros.tracking.tracker import HandTracker


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``hand-pose replay``."""
    parser.add_argument("--frames", type=Path, required=True, help="folder of 16-bit PNGs (sub-folders too)")
    parser.add_argument("--intrinsics", type=intrinsics, required=True, metavar="FX,FY,CX,CY", help="pixels")
    parser.add_argument(
        "--depth-unit", type=depth_unit, default=0.001, help="metres per count (default 0.001)"
    )
    parser.add_argument("--side", default="auto", help="right, left or auto (default)")
    parser.add_argument(
        "--hands", type=positive_int, default=1, help="hands to track at once, at most (default 1)"
    )
    parser.add_argument("--model", type=Path, help="weights (default: the shipped ones)")
    parser.add_argument(
        "--rate", type=rate_hz, default=30.0, help="frames per second of the recording (default 30)"
    )
    parser.add_argument(
        "--still", action="store_true", help="frames do not follow each other: search in each one"
    )
    parser.add_argument(
        "--every", type=positive_int, default=1, help="contact.png shows every n-th frame (default 1)"
    )
    parser.add_argument(
        "--output", type=Path, default=Path("replay"), help="folder to write (default replay)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Track every frame, write the pictures and print the figures; 130 when it was asked to stop, with those of the
    frames until then."""
    recording = RecordedFrames.open(arguments.frames, arguments.intrinsics)
    require_writable(arguments.output)
    config = ReplayConfig(arguments.depth_unit, arguments.rate, arguments.still, arguments.every)
    tracker = HandTracker(arguments.model, TrackerConfig(side=arguments.side, hands=arguments.hands))
    tracker.warm_up()
    with stop_requests() as asked:
        played = replay(recording, tracker, config, asked)
    if not played.results:
        return INTERRUPTED
    played.write(arguments.output)
    for key, value in played.summary().items():
        print(f"{key}: {value}")
    for reason in played.left_out:
        print(f"hand-pose replay: left out: {reason}", file=sys.stderr)
    if len(played.results) + len(played.left_out) < len(recording):
        return INTERRUPTED
    print(f"pictures: {arguments.output / 'contact.png'}, {arguments.output / 'overlay.gif'}")
    return 0
