"""A bag of a depth camera -> the joint angles of the hand in it, in degrees, as text. Needs no ROS.

python examples/bag_to_angles.py BAG [DEPTH_TOPIC]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from hand_pose_ros import HandTracker
from hand_pose_ros.hand.skeleton import ANGLE_NAMES
from hand_pose_ros.packages import needs
from hand_pose_ros.recording.open_recording import open_recording
from hand_pose_ros.recording.play_options import PlayOptions
from hand_pose_ros.recording.recorded_frame import UnusableFrame


def main(bag: Path, topic: str | None = None) -> None:
    tracker, first_ns = HandTracker(), None
    with open_recording(bag, options=PlayOptions(depth_topic=topic)) as opened:
        print("time_s", "side", *(f"{name}_deg" for name in ANGLE_NAMES))
        for frame in opened.recording.frames(opened.depth_unit_m, 30.0):
            if isinstance(frame, UnusableFrame):
                print(f"left out: {frame.reason}", file=sys.stderr)
                continue
            first_ns = frame.stamp_ns if first_ns is None else first_ns
            stamp_s = (frame.stamp_ns - first_ns) * 1e-9
            for hand in tracker.update(frame.depth, frame.camera, stamp_s).hands:
                print(f"{stamp_s:.3f}", hand.side, *(f"{angle:.1f}" for angle in np.degrees(hand.angles)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bag", type=Path, metavar="BAG")
    parser.add_argument("topic", nargs="?", metavar="DEPTH_TOPIC", help="where the bag has several")
    given = parser.parse_args()
    try:
        main(given.bag, given.topic)
    except ModuleNotFoundError as error:
        parser.exit(2, f"bag_to_angles {needs(error)}\n")
    except (ValueError, OSError) as error:
        parser.exit(2, f"bag_to_angles: {error}\n")
