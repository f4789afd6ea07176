"""``hand-pose evaluate``: a checkpoint and a data set in, errors out (a table, and JSON on request)."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from hand_pose_ros.network.checkpoint import load_checkpoint
from hand_pose_ros.training.command import VALIDATION_SPLIT, print_report, synthetic_source
from hand_pose_ros.training.train import pick_device
from hand_pose_ros.training.validation import evaluate_synthetic

DATASETS: tuple[str, ...] = ("synthetic",)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``hand-pose evaluate``."""
    parser.add_argument("--checkpoint", type=Path, required=True, help="weights (.safetensors)")
    parser.add_argument("--dataset", choices=DATASETS, default="synthetic")
    parser.add_argument("--seed", type=int, default=0, help="of the synthetic hands, 0 to 1048575")
    parser.add_argument("--count", type=int, default=4096, help="number of synthetic hands")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--json", type=Path, help="write the figures here too")


def run(arguments: argparse.Namespace) -> None:
    """Evaluate and print."""
    if arguments.count < 1 or not 0 <= arguments.seed < 2**20:
        raise ValueError(
            f"--count {arguments.count} --seed {arguments.seed}: want a count from 1, a seed 0 to 1048575"
        )
    model, info = load_checkpoint(arguments.checkpoint, pick_device(arguments.device))
    source = synthetic_source(info.training.get("config", {}).get("data", {}), VALIDATION_SPLIT)
    report = evaluate_synthetic(model, source, arguments.seed, arguments.count)
    print(f"{arguments.checkpoint}: {info.name}, {info.architecture}, sha256 {info.sha256[:12]}")
    print_report(report)
    if arguments.json is not None:
        values = {"checkpoint": arguments.checkpoint.name, "sha256": info.sha256, **report.to_dict()}
        temporary = arguments.json.with_name(f".{arguments.json.name}.tmp")
        temporary.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
        temporary.replace(arguments.json)
