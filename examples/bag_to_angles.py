"""A bag of a depth camera -> the joint angles of the hand in it, in degrees, as text. Needs no ROS.

python examples/bag_to_angles.py BAG [DEPTH_TOPIC]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from hand_pose_ros import HandTracker
from hand_pose_ros.hand.skeleton import ANGLE_NAMES
from hand_pose_ros.recording.open_recording import open_recording
from hand_pose_ros.recording.play_options import PlayOptions
from hand_pose_ros.recording.recorded_frame import UnusableFrame


def main(bag: Path, topic: str | None = None) -> None:
    tracker, first_ns = HandTracker(), None
    print("time_s", "side", *(f"{name}_deg" for name in ANGLE_NAMES))
    with open_recording(bag, options=PlayOptions(depth_topic=topic)) as opened:
        for frame in opened.recording.frames(opened.depth_unit_m, 30.0):
            if isinstance(frame, UnusableFrame):
                print(f"left out: {frame.reason}", file=sys.stderr)
                continue
            first_ns = frame.stamp_ns if first_ns is None else first_ns
            stamp_s = (frame.stamp_ns - first_ns) * 1e-9
            for hand in tracker.update(frame.depth, frame.camera, stamp_s).hands:
                print(f"{stamp_s:.3f}", hand.side, *(f"{angle:.1f}" for angle in np.degrees(hand.angles)))


if __name__ == "__main__":
    if "--help" in sys.argv:
        print(__doc__)
        sys.exit()
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    try:
        main(Path(sys.argv[1]), *sys.argv[2:])
    except ValueError as error:
        sys.exit(f"bag_to_angles: {error}")
