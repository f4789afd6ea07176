"""``hand-pose export``: the weights of a run, stored small, as they are shipped in models/; ONNX files of weights.

In, ``--checkpoint`` and ``--output``: a run's weights. Out: the same with 16-bit floats. In, ``--onnx``: weights of
either network, by default every shipped one. Out: an ONNX file beside each, for the backends faster than torch.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from hand_pose_ros.commands.arguments import real_number, require_all, require_outputs
from hand_pose_ros.detection.detector_checkpoint import INPUT_SHAPES, load_detector
from hand_pose_ros.detection.detector_net import PackedDetector
from hand_pose_ros.detection.detector_weights import FORMAT as DETECTOR_FORMAT
from hand_pose_ros.network.checkpoint import load_checkpoint, save_checkpoint
from hand_pose_ros.network.head_row import CONVOLVED, unsupported
from hand_pose_ros.network.onnx_export import export_onnx, with_scales
from hand_pose_ros.network.packed_net import LayeredNet, PackedNet, input_shapes
from hand_pose_ros.network.weights_file import read_header
from hand_pose_ros.resources import MOST_SHIPPED_BYTES, SHIPPED_WEIGHTS, model_file
from hand_pose_ros.validation import is_finite

WEIGHTS_SUFFIX = ".safetensors"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``hand-pose export``."""
    parser.add_argument(
        "--checkpoint", type=model_file, help="model.safetensors of a run, or the name of shipped weights"
    )
    parser.add_argument("--output", type=Path, help="file to write, such as models/default.safetensors")
    parser.add_argument(
        "--float32", action="store_true", help="keep 32-bit floats (default: 16-bit, half the size)"
    )
    parser.add_argument(
        "--presence-offset",
        type=real_number(-20.0, 20.0),
        default=0.0,
        metavar="LOG_ODDS",
        help="added to the log odds of a hand, so that start_odds means as many false hands as with other weights",
    )
    parser.add_argument(
        "--onnx",
        type=model_file,
        nargs="*",
        metavar="WEIGHTS",
        help="write an ONNX file beside these weights (files, or shipped ones by name), or beside every shipped one "
        "(and beside --output)",
    )


def run(arguments: argparse.Namespace) -> None:
    """Write the weights with their metadata, and ONNX files; ValueError when one would be larger than a shipped file
    may be."""
    checkpoint, output = arguments.checkpoint, arguments.output
    require_all(
        ((checkpoint is None) == (output is None), "--checkpoint and --output go together"),
        (output is not None or arguments.onnx is not None, "want --checkpoint with --output, or --onnx"),
        (
            output is None or output.suffix == WEIGHTS_SUFFIX,
            f"--output is {output}, want a name that ends in {WEIGHTS_SUFFIX}; --onnx writes an ONNX file beside it",
        ),
        *(
            (path.suffix != ".onnx", f"--onnx is {path}, want a weights file ({WEIGHTS_SUFFIX})")
            for path in arguments.onnx or []
        ),
    )
    wanted: list[Path] = list(arguments.onnx or [])
    if output is not None:
        _store(checkpoint, output, arguments.float32, arguments.presence_offset)
        if arguments.onnx is not None:
            wanted.append(output)
    elif not wanted:
        wanted = [model_file(name) for name in SHIPPED_WEIGHTS]
    for path in wanted:
        write_onnx(path)


def _store(checkpoint: Path, output: Path, float32: bool, presence_offset: float) -> None:
    model, info = load_checkpoint(checkpoint)
    training = dict(info.training)
    calibration: Mapping[str, Any] | None = info.calibration
    if presence_offset:
        require_all((info.network.presence, f"{checkpoint}: no presence head, want --presence-offset 0"))
        with torch.no_grad():
            model.get_parameter("presence_head.2.bias").add_(presence_offset)
        before = training.get("presence_offset", 0.0)
        training["presence_offset"] = presence_offset + (before if is_finite(before) else 0.0)
        calibration = None  # it was of other log odds: hand-pose calibrate
    require_outputs(output, read=[checkpoint])
    size = sum(p.numel() for p in model.state_dict().values()) * (4 if float32 else 2)
    if size > MOST_SHIPPED_BYTES:
        most = MOST_SHIPPED_BYTES // 2**20
        raise ValueError(
            f"{checkpoint}: {size / 2**20:.1f} MiB of weights, a shipped model has at most {most}"
        )
    written = save_checkpoint(output, model, training, output.stem, not float32, calibration)
    print(f"{output}: {output.stat().st_size / 2**20:.2f} MiB, sha256 {written.sha256}")


def write_onnx(weights: Path) -> Path:
    """Write the ONNX file of a pose network's or a detector's weights, beside them -> its path. CheckpointError where
    they cannot be used."""
    metadata, _ = read_header(weights)
    path = weights.with_suffix(".onnx")
    require_outputs(path)
    if metadata.get("format") == DETECTOR_FORMAT:
        detector, _ = load_detector(weights)
        size = export_onnx(path, PackedDetector(with_scales(detector)), INPUT_SHAPES, metadata)
    else:
        net, info = load_checkpoint(weights)
        kind, inner = (PackedNet, ()) if unsupported(info.network) else (LayeredNet, CONVOLVED)
        size = export_onnx(path, kind(with_scales(net)), input_shapes(info.network), metadata, inner)
    print(f"{path}: {size / 2**20:.2f} MiB, of weights {metadata['sha256'][:12]}")
    return path
