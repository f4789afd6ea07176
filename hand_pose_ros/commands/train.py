"""``hand-pose train``: a configuration file and a few overrides in, a trained network in a folder out."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from hand_pose_ros.commands.arguments import minutes, positive_int, seed_int
from hand_pose_ros.commands.interrupts import INTERRUPTED, stop_requests
from hand_pose_ros.datasets.recorded_source import RecordedHands, recorded_sources
from hand_pose_ros.datasets.synthetic import synthetic_source
from hand_pose_ros.datasets.torch_batch import Source
from hand_pose_ros.evaluation.synthetic_report import SyntheticReport
from hand_pose_ros.synthetic.splits import TRAINING_SPLIT, VALIDATION_SPLIT
from hand_pose_ros.training.config import DATASETS, SYNTHETIC, TrainConfig, load_config
from hand_pose_ros.training.hooks import StopAt, Stopped
from hand_pose_ros.training.pose_task import WEIGHTS, pose_trainer
from hand_pose_ros.training.trainer import Trainer

Report = TypeVar("Report")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``hand-pose train``."""
    parser.add_argument("--config", type=Path, required=True, help="YAML file, see config/train")
    parser.add_argument(
        "--dataset",
        metavar="NAME",
        help=f"one of {', '.join(DATASETS)}, instead of the file's (whose section data is then left out)",
    )
    parser.add_argument("--root", metavar="DIR", help="folder of icvl, nyu or msra, as its archive unpacks")
    parser.add_argument("--output", type=Path, help="folder of the run (default: runs/<name>)")
    parser.add_argument("--minutes", type=minutes, help="wall-clock budget, instead of the file's")
    parser.add_argument(
        "--samples", type=positive_int, help="budget in samples, instead of the file's minutes and samples"
    )
    parser.add_argument("--seed", type=seed_int, help="instead of the file's")
    parser.add_argument("--device", help="auto, cpu or cuda, instead of the file's")
    parser.add_argument("--resume", action="store_true", help="go on from the state in the output folder")


def run(arguments: argparse.Namespace) -> int:
    """Train and print the last validation; 130 when it was asked to stop before, with its state kept."""
    config = with_overrides(load_config(arguments.config), arguments)
    output = arguments.output or Path("runs") / config.name
    source, validation = sources(config, output)
    with stop_requests(at_once=True) as asked:
        stop = StopAt(asked, asked.wait_for_steps)
        trainer = pose_trainer(config, source, output, arguments.resume, validation, [stop])
        for part in (source, validation):
            if isinstance(part, RecordedHands):
                part.fit  # noqa: B018 - made before the run's clock starts
        report = finished(trainer)
    if report is None:
        return INTERRUPTED
    print_report(report, config.dataset)
    print(f"weights: {output / WEIGHTS}")
    return 0


def finished(trainer: Trainer[Any, Any, Report]) -> Report | None:
    """The run's last report; None, with a line on the terminal, when it was asked to stop and its state is kept."""
    try:
        return trainer.run()
    except Stopped:
        print(f"stopped after {trainer.samples} samples: --resume goes on from {trainer.state_path}")
        return None


def sources(config: TrainConfig, output: Path) -> tuple[Source, Source]:
    """The sources to train and to validate on; ValueError names a wrong field or a damaged file."""
    if config.dataset != SYNTHETIC:
        return recorded_sources(config.dataset, config.root, config.data, output, config.threads)
    return synthetic_source(config.data, TRAINING_SPLIT), synthetic_source(config.data, VALIDATION_SPLIT)


def with_overrides(config: TrainConfig, arguments: argparse.Namespace) -> TrainConfig:
    """The configuration with the command line's overrides."""
    keys = ("minutes", "samples", "seed", "device", "dataset", "root", "workers")
    changes: dict[str, Any] = {key: getattr(arguments, key, None) for key in keys}
    changes = {key: value for key, value in changes.items() if value is not None}
    if "samples" in changes and "minutes" not in changes:
        changes["minutes"] = 0.0
    if changes.get("dataset", config.dataset) != config.dataset:
        changes["data"] = {}
    return replace(config, **changes)


def print_report(report: SyntheticReport, dataset: str = SYNTHETIC) -> None:
    """The figures of a report, one per line, then the joints."""
    what = "synthetic hands" if dataset == SYNTHETIC else f"{dataset}, random test frames"
    print(f"{what}: {report.count}, seed {report.seed}")
    print(f"  final joints   mean {report.mean_mm:6.2f} mm   median {report.median_mm:6.2f} mm")
    print(f"  coarse joints  mean {report.coarse_mean_mm:6.2f} mm   median {report.coarse_median_mm:6.2f} mm")
    for family, error in report.per_family_mm.items() if dataset == SYNTHETIC else ():
        print(f"  mesh family {family}: mean {error:.2f} mm")
    for threshold, share in report.worst_joint_below.items():
        print(f"  worst joint below {threshold} mm: {100 * share:.1f} % of frames")
    if report.angle_error_deg is not None and report.out_of_range is not None:
        print(f"  angles: mean error {report.angle_error_deg:.2f} degrees")
        print(f"  frames with an angle out of range before the clamp: {100 * report.out_of_range:.2f} %")
    if report.hands_missed is not None:
        print(f"  hands taken for none: {100 * report.hands_missed:.2f} %")
    if report.nothing_taken is not None:
        print(f"  crops without a hand taken for one: {100 * report.nothing_taken:.2f} %")
    if report.wrong_side is not None:
        print(f"  hands that look more like a left one: {100 * report.wrong_side:.2f} %")
    print(f"  rank correlation of predicted and true joint error: {report.confidence_correlation:.3f}")
    for name, error in report.per_joint_mm.items():
        print(f"    {name:14s} {error:6.2f} mm")
