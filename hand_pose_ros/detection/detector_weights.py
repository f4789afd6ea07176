"""What a file of the detector's weights says about itself, checked without torch.

In: a file, or its metadata. Out: the network's widths, the record of its training, the weights' content hash.
CheckpointError names the file and what is wrong.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from hand_pose_ros.detection.detector_input import CHANNELS, COLUMNS, FAR_M, NEAR_M, ROWS
from hand_pose_ros.network.weights_file import CheckpointError, read_header, require_hash
from hand_pose_ros.validation import shown

FORMAT = "hand_pose_ros-detector-1"


class DetectorInfo(NamedTuple):
    """What the metadata hold."""

    training: dict[str, Any]
    """The record of its training."""
    sha256: str
    """Content hash of the tensors."""


def checked_metadata(path: Path, metadata: Mapping[str, str]) -> tuple[Any, dict[str, Any]]:
    """The network's widths, which nobody has checked yet, and the record of its training. CheckpointError where the
    weights are of another format or for another input."""
    if metadata.get("format") != FORMAT:
        raise CheckpointError(f"{path}: format is '{shown(metadata.get('format'))}', want '{FORMAT}'")
    try:
        given = json.loads(metadata["input"])
        widths = json.loads(metadata["network"])["widths"]
        training = dict(json.loads(metadata["training"]))
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: metadata cannot be used: {shown(error)}") from error
    if given != input_record():
        raise CheckpointError(f"{path}: its input is {shown(given)}, want {input_record()}")
    return widths, training


def read_detector_info(path: Path) -> DetectorInfo:
    """As ``detector_checkpoint.load_detector`` without the network."""
    metadata, found = read_header(path)
    _, training = checked_metadata(path, metadata)
    require_hash(path, found, metadata)
    return DetectorInfo(training, found)


def input_record() -> dict[str, Any]:
    """What the input must be for the weights to mean anything."""
    return {"rows": ROWS, "columns": COLUMNS, "channels": CHANNELS, "near_m": NEAR_M, "far_m": FAR_M}
