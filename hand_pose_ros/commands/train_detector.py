"""``hand-pose train-detector``: a configuration file and a few overrides in, a trained detector in a folder out."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from hand_pose_ros.commands.arguments import count_int, minutes, positive_int, require_outputs
from hand_pose_ros.commands.interrupts import INTERRUPTED, stop_requests
from hand_pose_ros.commands.train import finished
from hand_pose_ros.detection.detector_checkpoint import load_detector, save_detector
from hand_pose_ros.evaluation.detector_evaluation import report_lines
from hand_pose_ros.texts import shown
from hand_pose_ros.training.detector_config import load_detector_config
from hand_pose_ros.training.detector_task import WEIGHTS, detector_trainer
from hand_pose_ros.training.hooks import StopAt


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``hand-pose train-detector``."""
    parser.add_argument("--config", type=Path, required=True, help="YAML file: config/train/detector.yaml")
    parser.add_argument("--output", type=Path, help="folder of the run (default: runs/<name>)")
    parser.add_argument("--minutes", type=minutes, help="wall-clock budget, instead of the file's")
    parser.add_argument("--samples", type=positive_int, help="budget in pictures, instead of the file's")
    parser.add_argument("--threads", type=count_int, help="CPU threads, instead of the file's")
    parser.add_argument("--device", help="auto, cpu or cuda, instead of the file's")
    parser.add_argument("--resume", action="store_true", help="go on from the state in the output folder")
    parser.add_argument(
        "--ship", type=Path, metavar="FILE", help="write the weights here too, with 16-bit floats"
    )


def run(arguments: argparse.Namespace) -> int:
    """Train, print the last validation, and on request write the weights to ship; 130 when it was asked to stop before,
    with its state kept."""
    require_outputs(arguments.ship, read=[arguments.config])
    config = load_detector_config(arguments.config)
    given = {key: getattr(arguments, key) for key in ("minutes", "samples", "threads", "device")}
    config = replace(config, **{key: value for key, value in given.items() if value is not None})
    output = arguments.output or Path("runs") / config.name
    if arguments.ship is not None and arguments.ship.resolve() in (
        output.resolve(),
        *output.resolve().parents,
    ):
        raise ValueError(f"--ship is {shown(arguments.ship)}, the run's own folder, want a file to write")
    with stop_requests(at_once=True) as asked:
        stop = StopAt(asked, asked.wait_for_steps)
        report = finished(detector_trainer(config, output, arguments.resume, [stop]))
    if report is None:
        return INTERRUPTED
    print(report_lines(report))
    weights = output / WEIGHTS
    print(f"weights: {weights}")
    if arguments.ship is not None:
        model, training = load_detector(weights)
        save_detector(arguments.ship, model, training, half=True)
        print(f"shipped: {arguments.ship}")
    return 0
