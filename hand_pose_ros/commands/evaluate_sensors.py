"""``hand-pose evaluate-sensors``: hands seen by stereo matchers that training never imitates.

In: weights (the shipped ones), which hands, sensors and distances, a camera. Out: a Markdown table on the terminal, a
row a set, and with --json all figures. The hands are drawn anew from fixed seeds, which no training draws from
(evaluation/sensor_sets.py).
"""

from __future__ import annotations

import argparse
from pathlib import Path

from hand_pose_ros.commands.arguments import (
    positive_float,
    positive_int,
    real_number,
    require_outputs,
    seed_int,
)
from hand_pose_ros.commands.compiled_kernels import compile_missing
from hand_pose_ros.commands.kept_figures import figures_kept
from hand_pose_ros.evaluation.infrared_pairs import StereoRig
from hand_pose_ros.evaluation.sensor_evaluation import TABLE_HEAD, evaluate_sensors, table_row
from hand_pose_ros.evaluation.sensor_sets import HANDS, SENSORS, RenderedHands, SensorSet
from hand_pose_ros.resources import model_file
from hand_pose_ros.tracking.config import TrackerConfig
from hand_pose_ros.tracking.pose_inference import PoseEstimator
from hand_pose_ros.tracking.tracker import HandTracker

# Where hands are shown to a camera, guessed.
_DISTANCES_M = (0.4, 0.7, 1.0)
_FOCAL_PX, _BASELINE_M = (50.0, 2000.0), (0.005, 0.5)
"""Of cameras that make sense: within this a set's pictures and disparities fit into memory. Guessed."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``hand-pose evaluate-sensors``."""
    count = SensorSet.count
    parser.add_argument(
        "--model", type=model_file, help="weights: small, or a file (default: the shipped ones)"
    )
    parser.add_argument(
        "--hands", nargs="+", choices=HANDS, default=list(HANDS), help="what the hands do (default: all)"
    )
    parser.add_argument("--sensors", nargs="+", choices=SENSORS, default=list(SENSORS), help="(default: all)")
    parser.add_argument(
        "--distances",
        nargs="+",
        type=positive_float,
        default=list(_DISTANCES_M),
        metavar="M",
        help="(default: 0.4 0.7 1.0)",
    )
    parser.add_argument(
        "--count", type=positive_int, default=count, help=f"hands of a set (default: {count})"
    )
    parser.add_argument("--seed", type=seed_int, default=0, help="of the sets, 0 to 1048575 (default: 0)")
    parser.add_argument(
        "--focal",
        type=real_number(*_FOCAL_PX),
        default=StereoRig.focal_px,
        metavar="PX",
        help=f"the camera's focal length; its angles of view stay (default: {StereoRig.focal_px:g})",
    )
    parser.add_argument(
        "--baseline",
        type=real_number(*_BASELINE_M),
        default=StereoRig.baseline_m,
        metavar="M",
        help=f"between its eyes (default: {StereoRig.baseline_m:g})",
    )
    parser.add_argument("--tracker", action="store_true", help="run the whole tracker on each picture, too")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure here")


def run(arguments: argparse.Namespace) -> None:
    """Evaluate and print."""
    require_outputs(arguments.json, read=[arguments.model])
    config = TrackerConfig()
    rig = StereoRig.of_lens(arguments.focal, arguments.baseline)
    sets = [
        SensorSet(hands, distance, arguments.count, arguments.seed, rig)
        for hands in arguments.hands
        for distance in arguments.distances
    ]
    compile_missing(arguments.model)
    estimator = PoseEstimator(model_file(arguments.model), config)
    tracker = HandTracker(arguments.model, config) if arguments.tracker else None
    head = {
        "model": estimator.info.name, "sha256": estimator.info.sha256, "count": arguments.count, "seed": arguments.seed,
        "focal_px": rig.focal_px, "baseline_m": rig.baseline_m,
    }  # fmt: skip
    with figures_kept(arguments.json, **head) as figures:
        rows = figures.setdefault("sets", {})
        print(TABLE_HEAD, flush=True)
        for one in sets:
            results = evaluate_sensors(RenderedHands(one), arguments.sensors, estimator, tracker)
            for sensor, result in results.items():
                name = f"{one.hands}, {one.distance_m:g} m, {sensor}"
                rows[name] = result.summary(config.start_odds)
                print(table_row(name, rows[name]), flush=True)
