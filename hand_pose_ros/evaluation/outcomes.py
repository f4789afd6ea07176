"""What the parts of ``hand-pose evaluate`` share: one method's figures, files and networks by name."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.evaluation.metrics import Evaluation
from hand_pose_ros.network.checkpoint import CheckpointInfo, load_checkpoint
from hand_pose_ros.network.device import pick_device
from hand_pose_ros.network.model import HandNet

CHUNK = 128
"""Frames that are read or made and judged at a time."""


class Outcome(NamedTuple):
    """One method's figures, the facts about where they come from, and its joints as the data set's (N, K, 3) m."""

    evaluation: Evaluation
    source: dict[str, Any]
    joints: NDArray[np.float64]


def named_files(values: Sequence[str]) -> list[tuple[str, Path]]:
    """[NAME=]FILE arguments -> names (the file's stem by default) and paths. ValueError when two names are equal."""
    pairs = []
    for value in values:
        name, equals, rest = value.partition("=")
        named = bool(equals and name and rest) and not Path(value).exists()
        path = Path(rest if named else value)
        pairs.append((name if named else path.stem, path))
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two methods are named '{name}': tell them apart with NAME=FILE")
    return pairs


def checkpoints(a: argparse.Namespace) -> Iterator[tuple[str, HandNet, CheckpointInfo, dict[str, Any]]]:
    """The networks that the arguments name: name, network, what its file says, where it is from."""
    device = pick_device(a.device)
    for name, path in named_files(a.checkpoint):
        model, info = load_checkpoint(path, device)
        yield name, model, info, {"file": path.name, "model": info.name, "sha256": info.sha256}
