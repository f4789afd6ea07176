"""The state of a training run on disk: one safetensors file with its counters as JSON metadata, no pickle.

In and out: the model, its average, the optimiser, the step and the seconds used.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import Tensor, nn

from hand_pose_ros.network.checkpoint import content_hash, read_tensors, write_tensors
from hand_pose_ros.network.migration import migrate_weights
from hand_pose_ros.network.weights_file import CheckpointError

FORMAT = "hand_pose_ros-training-state-1"


def save_state(
    path: Path,
    model: nn.Module,
    average: nn.Module,
    optimiser: torch.optim.Optimizer,
    step: int,
    used_s: float,
) -> None:
    """Write everything a run needs to go on, atomically."""
    tensors: dict[str, Tensor] = {}
    for prefix, module in (("model.", model), ("average.", average)):
        tensors.update({prefix + key: _plain(value) for key, value in module.state_dict().items()})
    for index, slots in optimiser.state_dict()["state"].items():
        tensors.update({f"optimiser.{index}.{key}": _plain(value) for key, value in slots.items()})
    counters = json.dumps({"step": step, "used_s": used_s})
    write_tensors(path, tensors, {"format": FORMAT, "counters": counters, "sha256": content_hash(tensors)})


def load_state(
    path: Path, model: nn.Module, average: nn.Module, optimiser: torch.optim.Optimizer
) -> tuple[int, float]:
    """Read what :func:`save_state` wrote into the same objects -> step, seconds used.

    :raises CheckpointError: when the file is missing, damaged or of another network.
    """
    tensors, metadata = read_tensors(path)
    if metadata.get("format") != FORMAT:
        raise CheckpointError(f"{path}: format is '{metadata.get('format')}', want '{FORMAT}'")
    if content_hash(tensors) != metadata.get("sha256"):
        raise CheckpointError(f"{path}: content hash does not match: damaged")
    slots: dict[int, dict[str, Tensor]] = {}
    parts: dict[str, dict[str, Tensor]] = {"model": {}, "average": {}}
    for key, value in tensors.items():
        kind, rest = key.split(".", 1)
        if kind == "optimiser":
            index, slot = rest.split(".", 1)
            slots.setdefault(int(index), {})[slot] = value
        else:
            parts[kind][rest] = value
    try:
        model.load_state_dict(migrate_weights(parts["model"]))
        average.load_state_dict(migrate_weights(parts["average"]))
        optimiser.load_state_dict({**optimiser.state_dict(), "state": slots})
        _match_layout(optimiser)
        counters = json.loads(metadata["counters"])
        return int(counters["step"]), float(counters["used_s"])
    except (RuntimeError, ValueError, KeyError) as error:
        first = str(error).splitlines()[0]
        raise CheckpointError(f"{path}: does not fit the configured network: {first}") from error


def _match_layout(optimiser: torch.optim.Optimizer) -> None:
    """Give every slot its parameter's strides: the fused step walks raw memory, files hold the plain order."""
    for parameter, slots in optimiser.state.items():
        for key, value in slots.items():
            if value.shape == parameter.shape:
                slots[key] = torch.empty_like(parameter, memory_format=torch.preserve_format).copy_(value)


def _plain(value: Tensor) -> Tensor:
    return torch.as_tensor(value).detach().cpu().clone(memory_format=torch.contiguous_format)
