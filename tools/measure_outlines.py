"""How wide the outlines without readings are that a depth camera leaves beside near things.

In: folders of depth pictures (PNG, mm) with the camera's focal length and baseline, or none: then hands of the test
sets before the same camera, as each of their sensors sees them. Out: for each side of near things the quartiles of the
widths in pixels, the share of outlines without any, and for the left side how much wider they are than what the right
eye does not see.

    python tools/measure_outlines.py --focal 322 --baseline 0.099 [FOLDER ...]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from hand_pose_ros.commands.arguments import positive_float, positive_int, real_number, seed_int
from hand_pose_ros.evaluation.infrared_pairs import StereoRig
from hand_pose_ros.evaluation.outline_widths import SIDES, outline_runs
from hand_pose_ros.evaluation.sensor_sets import SENSORS, RenderedHands, SensorSet
from hand_pose_ros.recording.depth_files import read_depth_png

Picture = NDArray[np.floating]


def folder_pictures(folder: Path, farthest_m: float) -> Iterator[Picture]:
    """Depth (H, W) m of every PNG in the folder, NaN for no reading and for what is farther."""
    files = sorted(folder.rglob("*.png"))
    if not files:
        raise ValueError(f"{folder} holds no .png, want depth pictures in mm")
    for file in files:
        depth = 0.001 * read_depth_png(file).astype(np.float64)
        yield np.where((depth > 0.0) & (depth <= farthest_m), depth, np.nan)


def print_rows(name: str, pictures: Iterator[Picture], reach: float) -> None:
    """A row of a Markdown table for each side; reach: focal length times baseline, px m."""
    runs = [outline_runs(reach / picture) for picture in pictures]
    for side in SIDES:
        width = np.concatenate([one[side].width_px for one in runs])
        if len(width) == 0:
            print(f"| {name} | {side} | 0 | | | |")
            continue
        quartiles = " / ".join(f"{value:.0f}" for value in np.percentile(width, (25, 50, 75)))
        beyond = ""
        if side == "left":
            wider = width - np.concatenate([one[side].step_px for one in runs])
            beyond = " / ".join(f"{value:.1f}" for value in np.percentile(wider, (25, 50, 75)))
        print(
            f"| {name} | {side} | {len(width)} | {quartiles} | {100 * (width == 0).mean():.0f} | {beyond} |",
            flush=True,
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "folders", nargs="*", type=Path, metavar="FOLDER", help="of depth pictures, PNG in mm"
    )
    parser.add_argument("--focal", type=real_number(50.0, 2000.0), default=StereoRig.focal_px, metavar="PX")
    parser.add_argument("--baseline", type=real_number(0.005, 0.5), default=StereoRig.baseline_m, metavar="M")
    parser.add_argument(
        "--farthest",
        type=positive_float,
        default=2.5,
        metavar="M",
        help="of folders: readings beyond do not count",
    )
    parser.add_argument(
        "--distance", type=real_number(0.3, 3.0), default=0.6, metavar="M", help="of the test sets' hands"
    )
    parser.add_argument("--count", type=positive_int, default=48, help="hands of the test sets")
    parser.add_argument("--seed", type=seed_int, default=7, help="of the test sets")
    options = parser.parse_args(arguments)
    reach = options.focal * options.baseline
    print(
        "| what | side | outlines | width, px, quartiles | none, % | wider than what is hidden, px, quartiles |"
    )
    print("|---|---|---|---|---|---|")
    try:
        for folder in options.folders:
            print_rows(folder.name, folder_pictures(folder, options.farthest), reach)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    if options.folders:
        return 0
    rig = StereoRig.of_lens(options.focal, options.baseline)
    hands = RenderedHands(SensorSet("free", options.distance, options.count, options.seed, rig))
    for sensor in SENSORS:
        print_rows(sensor, (hands[i].depth(sensor) for i in range(len(hands))), reach)
    return 0


if __name__ == "__main__":
    sys.exit(main())
