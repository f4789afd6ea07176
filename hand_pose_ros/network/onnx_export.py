"""ONNX files made of trained networks, for the backends that are faster than torch.

In: a module of float32 tensors in, one out, or more of which the first is the network's own (see :func:`with_scales`),
and what its file is to say. Out: an ONNX file with a batch of any size, its weights in 16 bits where that loses nothing
(the shipped weights are stored so), its metadata those of the weights, and an example of its output. Needs onnx and
onnxscript (the extra ``[export]``).
"""

from __future__ import annotations

import contextlib
import copy
import io
import logging
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from hand_pose_ros.files import write_bytes
from hand_pose_ros.network.onnx_file import FORMAT, example_inputs, stored_example
from hand_pose_ros.resources import MOST_SHIPPED_BYTES

Network = TypeVar("Network", bound=nn.Module)

OPSET = 18
"""Chosen: the oldest that the exporter writes by itself, every runtime of the last years reads it."""
OUTPUT = "output"
# Smaller tensors are left alone: a conversion costs more than the bytes it spares. Guessed.
_LEAST_CONVERTED = 256


class ScaleShift(nn.Module):
    """A batch normalisation in evaluation mode as it is: a factor and a summand for each channel."""

    def __init__(self, norm: nn.BatchNorm2d) -> None:
        super().__init__()
        if norm.running_var is None or norm.running_mean is None:
            raise ValueError(f"want a normalisation with statistics, got {norm}")
        scale = norm.weight.detach() * torch.rsqrt(norm.running_var + norm.eps)
        self.register_buffer("scale", scale[:, None, None])
        self.register_buffer("shift", (norm.bias.detach() - norm.running_mean * scale)[:, None, None])

    scale: Tensor
    shift: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w), as the normalisation."""
        return x * self.scale + self.shift


def with_scales(module: Network) -> Network:
    """A copy of a network in evaluation mode with every batch normalisation as :class:`ScaleShift`.

    Exported like that the convolutions keep the weights that they are stored with, to 16 bits; folded into them here,
    they would need 32. Runtimes fold them when they load the file.
    """
    copied = copy.deepcopy(module).eval().requires_grad_(False)
    copied.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    for part in list(copied.modules()):
        for name, child in list(part.named_children()):
            if isinstance(child, nn.BatchNorm2d):
                setattr(part, name, ScaleShift(child))
    return copied


def export_onnx(
    path: Path,
    module: nn.Module,
    inputs: Mapping[str, Sequence[int]],
    metadata: Mapping[str, str],
    inner: Sequence[str] = (),
) -> int:
    """Write the module, in evaluation mode, whose inputs have these names and shapes, without the batch -> the file's
    size in bytes. ValueError when it would be larger than a shipped one may be.

    inner: names of what the module gives behind its output, for whoever goes on from there.

    ModuleNotFoundError where onnx or onnxscript is not installed.
    """
    example = example_inputs(list(inputs.values()))
    with torch.inference_mode():
        found = module(*(torch.from_numpy(array) for array in example))
    output = (found[0] if inner else found).numpy()
    model = _as_half(_exported(module, list(inputs), example, [OUTPUT, *inner]))
    stored = {
        **metadata, **stored_example(output, list(inputs.values())), "format": FORMAT,
    }  # fmt: skip
    for key, value in stored.items():
        model.metadata_props.add(key=key, value=value)
    data: bytes = model.SerializeToString(deterministic=True)
    if len(data) > MOST_SHIPPED_BYTES:
        most = MOST_SHIPPED_BYTES // 2**20
        raise ValueError(f"{path}: {len(data) / 2**20:.1f} MiB, a shipped model has at most {most}")
    write_bytes(path, data)
    return len(data)


def _exported(
    module: nn.Module, names: Sequence[str], example: Sequence[np.ndarray], outputs: Sequence[str]
) -> Any:
    """The model as an onnx.ModelProto."""
    import onnx  # noqa: F401  named here where it is missing; the exporter's own message is longer
    import onnxscript  # noqa: F401

    batch = torch.export.Dim("batch", min=1, max=1024)
    # A batch of two: the exporter takes one for a constant.
    tensors = tuple(torch.from_numpy(np.repeat(array, 2, axis=0)) for array in example)
    quiet = logging.getLogger("torch.onnx")
    level = quiet.level
    quiet.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                module, tensors, dynamo=True, opset_version=OPSET, input_names=list(names), output_names=list(outputs),
                dynamic_shapes=tuple({0: batch} for _ in tensors), optimize=True, external_data=False,
            )  # fmt: skip
    finally:
        quiet.setLevel(level)
    if program is None:
        raise ValueError("torch exported nothing")
    return _named_simply(program.model_proto)


def _named_simply(model: Any) -> Any:
    """Without what tells where in the sources, on the exporting computer, each operation comes from."""
    for node in model.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output, *model.graph.initializer):
        del value.metadata_props[:]
    del model.graph.metadata_props[:]
    del model.metadata_props[:]
    del model.functions[:]
    model.producer_name, model.doc_string = "hand_pose_ros", ""
    return model


def _as_half(model: Any) -> Any:
    """Weights in 16 bits where that loses nothing, each widened again by a Cast that runtimes work out once."""
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT:
            continue
        values = numpy_helper.to_array(tensor)
        half = values.astype(np.float16)
        if values.size < _LEAST_CONVERTED or not np.array_equal(half.astype(np.float32), values):
            continue
        wide = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(half, f"{wide}.half"))
        casts.append(helper.make_node("Cast", [f"{wide}.half"], [wide], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model
