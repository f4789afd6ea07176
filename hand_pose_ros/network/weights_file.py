"""What a file of the pose network's weights says about itself, checked without torch: where inference runs elsewhere,
torch, which takes most of a second to load, is not needed.

In: a safetensors file, or the metadata of an ONNX file made from one. Out: :class:`CheckpointInfo`. A file that is
missing, damaged, of another architecture or with other joints is a :class:`CheckpointError` that names the file, what
is wrong and what is right.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.config_files import require_mapping
from hand_pose_ros.hand import skeleton
from hand_pose_ros.network.config import ARCHITECTURES, NetworkConfig
from hand_pose_ros.network.migration import migrate_calibration
from hand_pose_ros.resources import SHIPPED_WEIGHTS
from hand_pose_ros.validation import shown

FORMAT = "hand_pose_ros-weights-1"
MOST_WEIGHTS_BYTES = 2**30
"""A larger file is not read. Guessed: the largest network that can be trained here has some 300 MB."""
_MOST_HEADER_BYTES = 100_000_000
"""As the safetensors library has it."""
_TYPE_NAMES = {
    "F64": "torch.float64", "F32": "torch.float32", "F16": "torch.float16", "BF16": "torch.bfloat16",
    "I64": "torch.int64", "I32": "torch.int32", "I16": "torch.int16", "I8": "torch.int8", "U8": "torch.uint8",
    "BOOL": "torch.bool",
}  # fmt: skip
"""safetensors' names of types -> those that the content hash is taken over."""
_ARRAY_TYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1", "U8": "u1",
    "BOOL": "?",
}  # fmt: skip
"""safetensors' names of types -> numpy's, which has no BF16."""


class CheckpointError(ValueError):
    """A weights file that cannot be used; the message names the file, what is wrong and what would be
    right.
    """


@dataclass(frozen=True)
class CheckpointInfo:
    """The metadata of a weights file."""

    path: Path
    """The file."""
    name: str
    """The model's name."""
    architecture: str
    """One of ARCHITECTURES."""
    network: NetworkConfig
    """What was built."""
    normalisation: Mapping[str, Any]
    """How an input must be made, as :func:`normalisation`."""
    training: Mapping[str, Any]
    """The run: seed, samples, minutes, errors."""
    sha256: str
    """Of the tensors as they are stored, see ``checkpoint.content_hash``."""
    calibration: Mapping[str, Any] = field(default_factory=dict)
    """What ``hand-pose calibrate`` fitted for these weights, empty before that."""


def normalisation(config: NetworkConfig) -> dict[str, Any]:
    """How an input must be made for this network."""
    return {
        "crop_size": config.crop_size,
        "cube_m": config.cube_m,
        "depth": "(z - centre) / half",
        "empty": 1.0,
    }


def checked_info(path: Path, metadata: Mapping[str, str]) -> CheckpointInfo:
    """A file's metadata as :class:`CheckpointInfo`; CheckpointError where they are not for this hand model, this input
    or a network that can be built."""
    if metadata.get("format") != FORMAT:
        raise CheckpointError(f"{path}: format is '{shown(metadata.get('format'))}', want '{FORMAT}'")
    architecture = metadata.get("architecture")
    if architecture not in ARCHITECTURES:
        raise CheckpointError(
            f"{path}: architecture is '{shown(architecture)}', want one of {', '.join(ARCHITECTURES)}"
        )
    for names, expected in (
        ("joint_names", skeleton.JOINT_NAMES),
        ("parameter_names", skeleton.PARAMETER_NAMES),
    ):
        _check_names(path, names, metadata, expected)
    info = described(path, metadata)
    if info.normalisation != normalisation(info.network):
        raise CheckpointError(
            f"{path}: input normalisation is {shown(info.normalisation)}, want {normalisation(info.network)}"
        )
    if info.network.architecture != architecture:
        raise CheckpointError(
            f"{path}: architecture is '{architecture}', want '{info.network.architecture}', its network's"
        )
    return info


def require_hash(path: Path, found: str, metadata: Mapping[str, str]) -> None:
    """CheckpointError unless the tensors of the file have the hash that its metadata name."""
    if found != metadata.get("sha256"):
        raise CheckpointError(
            f"{path}: content hash is {found[:12]}, want {shown(metadata.get('sha256'), 12)}: damaged"
        )


def require_file(path: Path) -> None:
    """CheckpointError unless a file of weights can be there: what has no ending may be a misspelt name."""
    want = "want a weights file (.safetensors)"
    if not path.suffix:
        want += f" or one of {', '.join(SHIPPED_WEIGHTS)}"
    try:
        here = path.is_file()
    except OSError as error:  # a name too long for any file, a folder that may not be looked into
        raise CheckpointError(f"{shown(path)}: {error.strerror}, {want}") from error
    if not here:
        raise CheckpointError(f"{shown(path)}: no such file, {want}")
    size = path.stat().st_size
    if size > MOST_WEIGHTS_BYTES:
        raise CheckpointError(f"{path}: {size} bytes, want at most {MOST_WEIGHTS_BYTES}")


class _Stored(NamedTuple):
    """A tensor as it stands in a file."""

    kind: str
    """safetensors' name of its type."""
    shape: tuple[int, ...]
    data: memoryview


def _read_file(path: Path) -> tuple[dict[str, str], dict[str, _Stored]]:
    """A safetensors file's metadata and tensors, in order of name. CheckpointError when it cannot be read."""
    require_file(path)
    try:
        data = path.read_bytes()
        length = int.from_bytes(data[:8], "little")
        if len(data) < 8 or not 0 < length <= min(len(data) - 8, _MOST_HEADER_BYTES):
            raise ValueError("its header is cut off")
        header = json.loads(data[8 : 8 + length])
        metadata = header.pop("__metadata__", {})
        require_mapping("metadata", metadata)
        body = memoryview(data)[8 + length :]
        tensors = {}
        for key in sorted(header):
            tensor = header[key]
            first, end = (int(offset) for offset in tensor["data_offsets"])
            if not 0 <= first <= end <= len(body):
                raise ValueError(f"tensor '{shown(key)}' lies outside the file")
            kind = tensor["dtype"]
            if kind not in _TYPE_NAMES:
                raise ValueError(f"tensor '{shown(key)}' is of type {shown(kind)}")
            tensors[key] = _Stored(kind, tuple(int(count) for count in tensor["shape"]), body[first:end])
    except (OSError, ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise CheckpointError(f"{path}: not a readable safetensors file ({shown(error)})") from error
    return {str(key): str(value) for key, value in metadata.items()}, tensors


def read_header(path: Path) -> tuple[dict[str, str], str]:
    """A safetensors file's metadata, and the content hash of its tensors. CheckpointError when it cannot be read."""
    metadata, tensors = _read_file(path)
    digest = hashlib.sha256()
    for key, tensor in tensors.items():
        digest.update(f"{key}|{_TYPE_NAMES[tensor.kind]}|{tensor.shape}|".encode())
        digest.update(tensor.data)
    return metadata, digest.hexdigest()


def read_weights(path: Path) -> dict[str, NDArray[Any]]:
    """The tensors of a safetensors file, by name. CheckpointError when they cannot be read, or are of a type that numpy
    has not."""
    arrays = {}
    for key, tensor in _read_file(path)[1].items():
        try:
            arrays[key] = np.frombuffer(tensor.data, _ARRAY_TYPES[tensor.kind]).reshape(tensor.shape)
        except (KeyError, ValueError) as error:
            raise CheckpointError(
                f"{path}: tensor '{shown(key)}' is no array of {tensor.kind} of shape {tensor.shape} ({shown(error)})"
            ) from error
    return arrays


def read_info(path: str | Path) -> CheckpointInfo:
    """As ``checkpoint.load_checkpoint`` without the network: the file is whole and for this hand model; whether its
    tensors are those of its network is not asked."""
    path = Path(path)
    metadata, found = read_header(path)
    info = checked_info(path, metadata)
    require_hash(path, found, metadata)
    return info


def described(path: Path, metadata: Mapping[str, str]) -> CheckpointInfo:
    """The metadata by their meaning; CheckpointError where one lacks or makes no sense."""
    try:
        return CheckpointInfo(
            path=path,
            name=shown(metadata["name"]),
            architecture=metadata["architecture"],
            network=NetworkConfig.from_dict(_json_mapping(metadata, "network")),
            normalisation=_json_mapping(metadata, "normalisation"),
            training=_json_mapping(metadata, "training"),
            sha256=metadata["sha256"],
            calibration=migrate_calibration(_json_mapping({"calibration": "{}", **metadata}, "calibration")),
        )
    except KeyError as error:
        raise CheckpointError(f"{path}: metadata lacks {error}") from error
    except (ValueError, TypeError, OverflowError) as error:
        raise CheckpointError(f"{path}: metadata cannot be used: {error}") from error


def _json_mapping(metadata: Mapping[str, str], field: str) -> dict[str, Any]:
    """A field of the metadata that holds JSON. KeyError without it, ValueError where it is no mapping."""
    text = metadata[field]
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{field} is no JSON: {shown(error)}") from error
    require_mapping(field, value)
    return dict(value)


def _check_names(path: Path, field: str, metadata: Mapping[str, str], expected: tuple[str, ...]) -> None:
    try:
        names = json.loads(metadata.get(field, "null"))
    except (ValueError, RecursionError):
        names = None
    if not isinstance(names, list) or len(names) != len(expected):
        count = len(names) if isinstance(names, list) else "no"
        raise CheckpointError(f"{path}: {field} has {count} names, want {len(expected)}")
    for index, (name, want) in enumerate(zip(names, expected, strict=True)):
        if name != want:
            raise CheckpointError(f"{path}: {field} has '{shown(name)}' at {index}, want '{want}'")
