"""``hand-pose replay``: the tracker over a folder of recorded depth frames, without ROS.

In: 16-bit PNGs, intrinsics, depth unit. Out: overlay.gif, overlay.png and contact.png (every n-th frame, enlarged
around the hand), summary.json with how many frames had a hand, and the milliseconds of each stage.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from hand_pose_ros.commands.arguments import intrinsics
from hand_pose_ros.recording.frame_folder import RecordedFrames
from hand_pose_ros.recording.replay import ReplayConfig, replay
from hand_pose_ros.tracking.config import TrackerConfig
from hand_pose_ros.tracking.tracker import HandTracker


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
    config = ReplayConfig(arguments.depth_unit, arguments.rate, arguments.still, arguments.every)
    tracker = HandTracker(arguments.model, TrackerConfig(side=arguments.side))
    tracker.warm_up()
    played = replay(recording, tracker, config)
    played.write(arguments.output)
    for key, value in played.summary().items():
        print(f"{key}: {value}")
    print(f"pictures: {arguments.output / 'contact.png'}, {arguments.output / 'overlay.gif'}")
