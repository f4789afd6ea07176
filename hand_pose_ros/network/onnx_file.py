"""The ONNX file of a network's weights: what it says about itself, read without onnx, without torch, before anything
runs it.

In: a file that ``hand-pose export --onnx`` wrote beside a weights file, and these weights' content hash. Out:
:class:`OnnxFile`, with an example: inputs that every reader can make, and what torch's float32 made of them. A file
that is missing, damaged, or of other weights is an :class:`OnnxError` in one line.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.network.protobuf import fields
from hand_pose_ros.resources import MOST_SHIPPED_BYTES
from hand_pose_ros.validation import shown

Array32 = NDArray[np.float32]

FORMAT = "hand_pose_ros-onnx-1"
_MOST_ONNX_BYTES = 4 * MOST_SHIPPED_BYTES
"""A larger file is not read. Guessed: a network of the user's own may be larger than a shipped one."""
_MOST_INPUTS = 2**24
"""Numbers of one input. Guessed: twenty times a whole picture of 1280x720."""
_METADATA = 14  # field of ModelProto in onnx.proto; a StringStringEntryProto has key 1 and value 2
_MAKE = "make it with: hand-pose export --onnx"


class OnnxError(ValueError):
    """An ONNX file that cannot be used; one line with its name, what is wrong and what to do."""


@dataclass(frozen=True, eq=False)
class OnnxFile:
    """A file that is of the weights it is wanted for."""

    path: Path
    """The file."""
    data: bytes
    """All of it: what was checked is what is run."""
    metadata: Mapping[str, str]
    """As stored in it."""
    input_shapes: tuple[tuple[int, ...], ...]
    """Of each input, without the batch."""
    example_output: Array32
    """(1, ...): of :meth:`example_inputs`, by torch in float32."""

    def example_inputs(self) -> tuple[Array32, ...]:
        """A batch of one, each input (1, ...)."""
        return example_inputs(self.input_shapes)


def example_inputs(shapes: Sequence[Sequence[int]]) -> tuple[Array32, ...]:
    """Numbers of order 1 for inputs of these shapes, without the batch: waves for pictures, 0.6 for single numbers (a
    distance, metres)."""
    inputs: list[Array32] = []
    for shape in shapes:
        count = int(np.prod(shape, dtype=np.int64))
        wave = np.sin(0.07 * np.arange(count)) if shape else np.array([0.6])
        inputs.append(wave.astype(np.float32).reshape(1, *shape))
    return tuple(inputs)


def stored_example(output: Array32, shapes: Sequence[Sequence[int]]) -> dict[str, str]:
    """The metadata that :func:`read_onnx_file` makes an example of."""
    return {
        "input_shapes": json.dumps([list(shape) for shape in shapes]),
        "example_shape": json.dumps(list(output.shape)),
        "example_output": base64.b64encode(np.asarray(output, "<f4").tobytes()).decode("ascii"),
    }


def read_onnx_file(path: Path, sha256: str) -> OnnxFile:
    """The file, when it was made of weights with this content hash; OnnxError when not."""
    try:
        size = path.stat().st_size
        if size > _MOST_ONNX_BYTES:
            raise OnnxError(f"{path}: {size} bytes, want at most {_MOST_ONNX_BYTES}")
        data = path.read_bytes()
    except FileNotFoundError:
        raise OnnxError(f"{path}: no such file, {_MAKE}") from None
    except OSError as error:
        raise OnnxError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        metadata = read_metadata(data)
    except (ValueError, IndexError) as error:
        raise OnnxError(f"{path}: not a readable ONNX file ({shown(error)}), {_MAKE}") from error
    if metadata.get("format") != FORMAT:
        raise OnnxError(f"{path}: format is '{shown(metadata.get('format'))}', want '{FORMAT}', {_MAKE}")
    if metadata.get("sha256") != sha256:
        raise OnnxError(
            f"{path}: made of weights {shown(metadata.get('sha256'), 12)}, want {sha256[:12]}: stale, {_MAKE}"
        )
    try:
        shapes = tuple(tuple(int(n) for n in shape) for shape in json.loads(metadata["input_shapes"]))
        values = np.frombuffer(base64.b64decode(metadata["example_output"], validate=True), "<f4")
        example = values.astype(np.float32).reshape([int(n) for n in json.loads(metadata["example_shape"])])
        if not shapes or any(n < 1 or n > 4096 for shape in shapes for n in shape):
            raise ValueError("its inputs have no size")
        if any(math.prod(shape) > _MOST_INPUTS for shape in shapes):
            raise ValueError(f"an input has more than {_MOST_INPUTS} numbers")
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise OnnxError(f"{path}: metadata cannot be used ({shown(error)}), {_MAKE}") from error
    return OnnxFile(path, data, metadata, shapes, example)


def read_metadata(data: bytes) -> dict[str, str]:
    """``metadata_props`` of a model; ValueError where the bytes are not protobuf's."""
    found: dict[str, str] = {}
    for field in fields(memoryview(data)):
        if field.number == _METADATA and isinstance(field.value, memoryview):
            entry = {part.number: bytes(part.text).decode() for part in fields(field.value)}
            found[entry.get(1, "")] = entry.get(2, "")
    return found
