"""``hand-pose export``: the weights of a run, stored small, as they are shipped in models/."""

from __future__ import annotations

import argparse
from pathlib import Path

from hand_pose_ros.commands.arguments import require_outputs
from hand_pose_ros.network.checkpoint import load_checkpoint, save_checkpoint

MAX_BYTES = 16 * 1024 * 1024
"""A shipped model is at most this large."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``hand-pose export``."""
    parser.add_argument("--checkpoint", type=Path, required=True, help="model.safetensors of a run")
    parser.add_argument(
        "--output", type=Path, required=True, help="file to write, such as models/default.safetensors"
    )
    parser.add_argument(
        "--float32", action="store_true", help="keep 32-bit floats (default: 16-bit, half the size)"
    )


def run(arguments: argparse.Namespace) -> None:
    """Write the weights with their metadata; ValueError when the file would be larger than a shipped one may be."""
    model, info = load_checkpoint(arguments.checkpoint)
    require_outputs(arguments.output)
    size = sum(p.numel() for p in model.state_dict().values()) * (4 if arguments.float32 else 2)
    if size > MAX_BYTES:
        raise ValueError(
            f"{arguments.checkpoint}: {size / 2**20:.1f} MiB of weights, a shipped model has at most 16"
        )
    written = save_checkpoint(
        arguments.output, model, info.training, arguments.output.stem, not arguments.float32, info.calibration
    )
    print(f"{arguments.output}: {arguments.output.stat().st_size / 2**20:.2f} MiB, sha256 {written.sha256}")
