"""The detector's weights on disk: safetensors with metadata that is checked on load.

In and out: a :class:`DetectorNet`. CheckpointError names the file and what is wrong.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from hand_pose_ros.detection.detector_input import CHANNELS, COLUMNS, ROWS
from hand_pose_ros.detection.detector_net import DetectorConfig, DetectorNet
from hand_pose_ros.detection.detector_weights import FORMAT, checked_metadata, input_record
from hand_pose_ros.network.checkpoint import content_hash, network_with_weights, read_tensors, write_tensors
from hand_pose_ros.network.weights_file import require_hash

INPUT_SHAPES: dict[str, tuple[int, ...]] = {"features": (CHANNELS, ROWS, COLUMNS)}
"""Name and shape, without the batch, of the input of a ``PackedDetector``."""


def save_detector(
    path: str | Path, model: DetectorNet, training: Mapping[str, Any] | None = None, half: bool = False
) -> None:
    """Write weights (``half``: floats as float16) with what they need to be used. Atomic."""
    tensors = {}
    for key, value in model.state_dict().items():
        value = value.detach().cpu().clone(memory_format=torch.contiguous_format)
        tensors[key] = value.half() if half and value.is_floating_point() else value
    metadata = {
        "format": FORMAT,
        "network": json.dumps(model.config.to_dict()),
        "input": json.dumps(input_record()),
        "training": json.dumps(dict(training or {})),
        "sha256": content_hash(tensors),
    }
    write_tensors(Path(path), tensors, metadata)


def load_detector(path: str | Path) -> tuple[DetectorNet, dict[str, Any]]:
    """Weights -> the network in evaluation mode and the record of its training in the file. CheckpointError names the
    file and what is wrong."""
    path = Path(path)
    tensors, metadata = read_tensors(path)
    widths, training = checked_metadata(path, metadata)
    require_hash(path, content_hash(tensors), metadata)
    config = DetectorConfig(widths)
    model = network_with_weights(
        path, tensors, lambda: DetectorNet(config), "this detector", config.least_weights
    )
    return model.eval(), training
