"""Weights on disk: safetensors with metadata that is checked on load; no pickle anywhere.

In and out: a :class:`HandNet`. The file's metadata: format, architecture, network configuration, joint and
parameter names in order, normalisation of the input, the training run, and a SHA-256 over all tensors. A
file that is missing, damaged, of another architecture or with other joints is a :class:`CheckpointError`
that names the file, what is wrong and what is right.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from hand_pose_ros.files import replaced
from hand_pose_ros.hand import skeleton
from hand_pose_ros.network.migration import migrate_weights
from hand_pose_ros.network.model import HandNet
from hand_pose_ros.network.weights_file import (
    FORMAT,
    CheckpointError,
    CheckpointInfo,
    checked_info,
    described,
    normalisation,
    require_file,
    require_hash,
)
from hand_pose_ros.validation import shown

Network = TypeVar("Network", bound=nn.Module)


def save_checkpoint(
    path: str | Path,
    model: HandNet,
    training: Mapping[str, Any] | None = None,
    name: str | None = None,
    half: bool = False,
    calibration: Mapping[str, Any] | None = None,
) -> CheckpointInfo:
    """Write a model's weights; ``half`` stores floats as float16 (they load as float32). Atomic.

    ``training`` and ``calibration`` are stored as JSON; ``name`` is by default the file's stem.
    """
    path = Path(path)
    tensors = {key: _portable(value, half) for key, value in model.state_dict().items()}
    metadata = {
        "format": FORMAT,
        "name": name or path.stem,
        "architecture": model.config.architecture,
        "network": json.dumps(model.config.to_dict()),
        "joint_names": json.dumps(list(skeleton.JOINT_NAMES)),
        "parameter_names": json.dumps(list(skeleton.PARAMETER_NAMES)),
        "normalisation": json.dumps(normalisation(model.config)),
        "training": json.dumps(dict(training or {})),
        "sha256": content_hash(tensors),
    }
    if calibration:
        metadata["calibration"] = json.dumps(dict(calibration))
    write_tensors(path, tensors, metadata)
    return described(path, metadata)


def load_checkpoint(path: str | Path, device: str | torch.device = "cpu") -> tuple[HandNet, CheckpointInfo]:
    """Read and check a weights file -> the model (float32, in evaluation mode, on ``device``) and what it is.

    :raises CheckpointError: with one message naming the file.
    """
    path = Path(path)
    tensors, metadata = read_tensors(path)
    info = checked_info(path, metadata)
    require_hash(path, content_hash(tensors), metadata)
    model = network_with_weights(
        path, migrate_weights(tensors), lambda: HandNet(info.network), f"architecture '{info.architecture}'",
        info.network.least_weights,
    )  # fmt: skip
    model.eval().requires_grad_(False)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return model.to(device), info


def _on_cpu() -> AbstractContextManager[object]:
    """Within the context this thread's tensors are made on the CPU, where networks are made everywhere and moved from,
    whatever device a program has set."""
    return nullcontext() if torch.empty(0).device.type == "cpu" else torch.device("cpu")


def network_with_weights(
    path: Path, tensors: Mapping[str, Tensor], build: Callable[[], Network], network: str, least: int
) -> Network:
    """The network that ``build`` makes with a file's weights, floats as float32, when they are its, and all finite;
    ``network`` is what it is called in messages.

    A file cannot ask for more memory than it holds: the network has at least ``least`` weights, and is made when the
    file has so many. Where 0 of them are known it is first made without memory (torch's device "meta", which loads
    torch's compiler: seconds, too long for the usual start). CheckpointError names the file and the first weight that
    does not fit.
    """
    count = sum(value.numel() for value in tensors.values())
    if count < least:
        raise CheckpointError(f"{path}: it has {count} weights, want at least {least} for {network}")
    try:
        with _on_cpu() if least > 0 else torch.device("meta"):
            model = build()
    except (RuntimeError, TypeError, ValueError, OverflowError, MemoryError) as error:
        raise CheckpointError(f"{path}: its network cannot be built: {shown(error)}") from error
    wanted = {key: _kind(value) for key, value in model.state_dict().items()}
    present = {key: _kind(value) for key, value in tensors.items()}
    if wanted != present:
        key = sorted(set(wanted.items()) ^ set(present.items()))[0][0]
        raise CheckpointError(
            f"{path}: weight '{shown(key)}' has shape {present.get(key)}, want {wanted.get(key)} for {network}"
        )
    floats = {key: value.float() if value.is_floating_point() else value for key, value in tensors.items()}
    for key, value in floats.items():
        if not bool(torch.isfinite(value).all()):
            raise CheckpointError(f"{path}: weight '{key}' holds a value that is not finite")
        if key.endswith("running_var") and bool((value < 0).any()):
            raise CheckpointError(f"{path}: weight '{key}' holds a variance below 0")
    if least == 0:  # this time with memory
        with _on_cpu():
            model = build()
    # The type that a program has set for its floats is that of all its threads: it is left alone, and what was made in
    # it gets ours. Networks give their constants a type of their own, so that these are the same to the bit.
    model.float().load_state_dict(floats)
    return model


def _kind(value: Tensor) -> str:
    return f"{tuple(value.shape)} {'floats' if value.is_floating_point() else value.dtype}"


def store_calibration(path: str | Path, calibration: Mapping[str, Any]) -> None:
    """Write a calibration into a weights file beside its weights, which stay as they are. Atomic."""
    path = Path(path)
    load_checkpoint(path)
    tensors, metadata = read_tensors(path)
    write_tensors(path, tensors, {**metadata, "calibration": json.dumps(dict(calibration))})


def load_model(path: str | Path) -> HandNet:
    """As :func:`load_checkpoint`, the model alone, on the CPU."""
    return load_checkpoint(path)[0]


def content_hash(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over names, types, shapes and bytes of all tensors, in order of name."""
    digest = hashlib.sha256()
    for key in sorted(tensors):
        value = tensors[key].detach().cpu().contiguous()
        digest.update(f"{key}|{value.dtype}|{tuple(value.shape)}|".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write a safetensors file that everybody may read, in one step. OSError as ``files.replaced``."""
    with replaced(path) as temporary:
        try:
            save_file(dict(tensors), str(temporary), metadata=dict(metadata))
        except SafetensorError as error:  # a full disk, a folder that is gone
            number = re.search(r"\(os error (\d+)\)", str(error))
            if number:
                raise OSError(int(number[1]), os.strerror(int(number[1])), str(temporary)) from error
            raise OSError(f"{path} cannot be written: {shown(error)}") from error
        # The library writes files that only their owner may read; shipped weights are for everybody.
        temporary.chmod(0o644)


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """All tensors and the metadata of a safetensors file; CheckpointError when it cannot be read."""
    require_file(path)
    try:
        with safe_open(str(path), framework="pt") as file:
            names = list(file.keys())
            return {name: file.get_tensor(name) for name in names}, dict(file.metadata() or {})
    except (SafetensorError, OSError, ValueError, TypeError, KeyError, RuntimeError) as error:
        raise CheckpointError(f"{path}: not a readable safetensors file ({shown(error)})") from error


def _portable(value: Tensor, half: bool) -> Tensor:
    value = value.detach().cpu().contiguous().clone(memory_format=torch.contiguous_format)
    return value.half() if half and value.dtype == torch.float32 else value
