"""Both hands at once: which is where, how far apart they are, and whether one is lost.

    python examples/two_hands.py [SECONDS]

The scene is synthetic, as a camera would send it.
"""

from __future__ import annotations

import argparse

import numpy as np

from hand_pose_ros import Camera, HandTracker, TrackerConfig
from hand_pose_ros.synthetic.sequence_config import SequenceConfig
from hand_pose_ros.synthetic.sequence_renderer import SequenceRenderer

RATE_HZ = 15.0


def main(seconds: float) -> None:
    camera = Camera(320, 240, fx=237.0, fy=237.0, cx=159.5, cy=119.5)
    scene = SequenceRenderer(SequenceConfig(seed=103, hands=("right", "left")), camera)
    tracker = HandTracker(config=TrackerConfig(hands=2))
    for index in range(round(seconds * RATE_HZ)):
        stamp_s = index / RATE_HZ
        hands = tracker.update(scene.frame(stamp_s).depth, camera, stamp_s).hands
        if len(hands) == 2:
            apart_m = np.linalg.norm(hands[0].translation - hands[1].translation)
            print(f"{stamp_s:.2f} s: {hands[0].side} and {hands[1].side}, palms {100 * apart_m:.0f} cm apart")
        elif hands:
            print(f"{stamp_s:.2f} s: only the {hands[0].side} hand")
        else:
            print(f"{stamp_s:.2f} s: no hand")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("seconds", nargs="?", type=float, default=2.0, metavar="SECONDS", help="how long (2)")
    given = parser.parse_args()
    if not 0.0 < given.seconds <= 3600.0:
        parser.error(f"SECONDS is {given.seconds}, want more than 0, at most 3600")
    main(given.seconds)
