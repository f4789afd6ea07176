"""The tracker as a library: one second of a synthetic hand, and its finger angles as a picture.

    python examples/library_plot.py [OUTPUT.png]

Your own camera goes where ``SyntheticMotion`` stands: depth in metres (H, W) float32, NaN where there is no reading.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from hand_pose_ros import Camera, HandTracker
from hand_pose_ros.hand.skeleton import ANGLE_NAMES
from hand_pose_ros.packages import needs
from hand_pose_ros.synthetic.motion import SyntheticMotion

RATE_HZ = 30.0


def main(output: Path) -> None:
    from matplotlib.figure import Figure  # before the work, and --help needs none

    camera = Camera(320, 240, fx=240.0, fy=240.0, cx=159.5, cy=119.5)
    motion = SyntheticMotion(3, camera)
    tracker = HandTracker()
    times, angles = [], []
    for index in range(30):
        stamp_s = index / RATE_HZ
        depth, true_joints = motion.frame(stamp_s)
        result = tracker.update(depth, camera, stamp_s)
        for hand in result.hands:
            error_mm = 1000.0 * np.linalg.norm(hand.joints - true_joints, axis=1).mean()
            print(
                f"{stamp_s:.2f} s: {hand.side} hand, confidence {hand.confidence:.2f}, error {error_mm:.1f} mm"
            )
            times.append(stamp_s)
            angles.append(np.degrees(hand.angles))
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for name in ("index_pip_flexion", "middle_pip_flexion", "ring_pip_flexion", "pinky_pip_flexion"):
        axes.plot(times, [frame[ANGLE_NAMES.index(name)] for frame in angles], label=name)
    axes.set_xlabel("time (s)")
    axes.set_ylabel("angle (degrees)")
    axes.legend()
    figure.savefig(output, dpi=120)
    print(f"written: {output}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("output", nargs="?", type=Path, default=Path("angles.png"), metavar="OUTPUT.png")
    given = parser.parse_args()
    if given.output.suffix != ".png" or not given.output.parent.is_dir():
        parser.error(
            f"OUTPUT.png is '{given.output}', want a name that ends with .png, in a folder that is there"
        )
    try:
        main(given.output)
    except ModuleNotFoundError as error:
        parser.exit(2, f"library_plot {needs(error)}\n")
