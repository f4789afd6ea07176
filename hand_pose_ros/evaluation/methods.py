"""The methods that one evaluation compares: networks and prediction files by name, and the result of each.

In: ``[NAME=]FILE`` as on the command line. Out: names with paths, or with networks; :class:`MethodResult`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.evaluation.metrics import Evaluation
from hand_pose_ros.network.checkpoint import load_checkpoint
from hand_pose_ros.network.device import pick_device
from hand_pose_ros.network.model import HandNet
from hand_pose_ros.network.weights_file import read_info
from hand_pose_ros.resources import model_file

CHUNK = 128
"""Frames that are read or made and evaluated at a time. Chosen by hand."""


class MethodResult(NamedTuple):
    """What one method reached on a data set."""

    evaluation: Evaluation
    """Its figures."""
    source: dict[str, Any]
    """Where they come from: file, weights, seed, and figures that not every method has."""
    joints: NDArray[np.float64]
    """(N, K, 3) m: its joints as the data set has them."""


class NamedNetwork(NamedTuple):
    """A network that is evaluated."""

    name: str
    """Its name in tables and figures."""
    model: HandNet
    """The network, on the device where it runs."""
    source: dict[str, Any]
    """file, model and sha256 of its weights."""


def named_files(values: Sequence[str], located: Callable[[str], Path] = Path) -> list[tuple[str, Path]]:
    """[NAME=]FILE arguments -> names (the file's stem by default) and paths, as ``located`` makes them of FILE.
    ValueError when two names are equal."""
    pairs = []
    for value in values:
        name, equals, rest = value.partition("=")
        named = bool(equals and name and rest) and not Path(value).exists()
        path = located(rest if named else value)
        pairs.append((name if named else path.stem, path))
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two methods are named '{name}': tell them apart with NAME=FILE")
    return pairs


def load_networks(values: Sequence[str], device: str = "auto") -> Iterator[NamedNetwork]:
    """The networks of [NAME=]FILE arguments, one after the other, on ``device`` (auto, cpu or cuda). FILE may be the
    name of shipped weights.

    ValueError when two names are equal, the device is absent or a file holds no weights; OSError when it is not there.
    """
    where, named = pick_device(device), named_files(values, model_file)
    for _, path in named:  # all of them, before the first one is evaluated
        read_info(path)
    for name, path in named:
        model, info = load_checkpoint(path, where)
        yield NamedNetwork(name, model, {"file": path.name, "model": info.name, "sha256": info.sha256})
