"""The weights of the pose network behind its convolutions, in one row of numbers, and where each layer begins.

In: a network's weights by name (of a :class:`HandNet`'s ``state_dict``, or of a weights file) and its configuration.
Out: :class:`HeadRow`, which the compiled kernels read: ``cpu/head.py`` on a CPU, ``gpu/head.cu`` on a GPU. Without
torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.hand import skeleton
from hand_pose_ros.network.config import NetworkConfig
from hand_pose_ros.network.units import BOTTLENECK_PX, CELL_PX

Array32 = NDArray[np.float32]

CONVOLVED: tuple[str, ...] = ("maps", "pooled")
"""What an ONNX file gives beside the whole network's output: the votes' maps (N, 4 J, cells, cells) without what
surface and bias add to them, and the bottleneck's means (N, C)."""
CUE_HEADS: tuple[str, ...] = ("sigma_head", "presence_head", "handedness_head")
"""The heads of two layers, in the order of :attr:`HeadRow.cue_at`."""

_JOINTS, _ANGLES, _SHAPE = skeleton.JOINT_COUNT, skeleton.ANGLE_COUNT, skeleton.SHAPE_COUNT
FIRST_INPUTS = 3 * _JOINTS + 4 * len(skeleton.BONES) + _JOINTS
"""Numbers that the first step sees, beside the bottleneck's."""
LATER_INPUTS = 3 * _JOINTS + _ANGLES + _SHAPE
"""Numbers that a later step sees, beside the last hidden layer."""
STEP_OUTPUTS = 6 + 3 + _ANGLES + _SHAPE
"""Numbers that a step gives: a turn, a move, angles, log scales."""


@dataclass(frozen=True, eq=False)
class HeadRow:
    """What a kernel needs to know of a network. A layer is its weights (inputs, outputs), then its biases."""

    weights: Array32
    """(K,): all layers, one behind the other."""
    votes_at: int
    """Where the votes' weights (4 J, 3) of the surface, of its being seen, and their biases begin."""
    step_at: tuple[int, ...]
    """Of each step of the inverse kinematics: a layer, scales and shifts of its normalisation, two layers."""
    cue_at: tuple[int, int, int]
    """Of each of ``CUE_HEADS``: two layers; -1 where the network has no such head."""
    step_inputs: tuple[int, ...]
    """Numbers that go into each step."""
    step_outputs: int
    """Numbers that each step gives."""
    hidden: int
    """Numbers of a step's hidden layers."""
    cues: int
    """Numbers that go into each of ``CUE_HEADS``."""
    cue_hidden: int
    """Numbers of the hidden layer there."""
    bottleneck: int
    """Channels of the coarsest features."""
    crop_size: int
    """Pixels across a crop."""
    half_m: float
    """Half of the edge of the crop's cube, m."""

    @property
    def edge(self) -> int:
        """Cells across the votes' maps."""
        return self.crop_size // CELL_PX


def unsupported(config: NetworkConfig) -> str:
    """Why no kernel can compute what a network has behind its convolutions; empty when they can."""
    if (config.architecture, config.head) != ("dense", "hand_model"):
        return f"the network is '{config.architecture}' with head '{config.head}', want 'dense' with 'hand_model'"
    if config.image_feedback:
        return f"image_feedback is {config.image_feedback}, want 0"
    if config.crop_size % BOTTLENECK_PX:
        return f"crop_size is {config.crop_size}, want a multiple of {BOTTLENECK_PX}"
    return ""


def head_row(weights: Mapping[str, NDArray[Any]], config: NetworkConfig) -> HeadRow:
    """ValueError where :func:`unsupported` says why, or names the first weight that is not there, of another size than
    the configuration gives it, or not finite: kernels read the row by the configuration alone."""
    problem = unsupported(config)
    if problem:
        raise ValueError(problem)
    row, features, hidden = _Row(weights), config.widths[1], config.ik_hidden
    votes = row.named("votes.weight", (4 * _JOINTS, features + 2, 1, 1))[:, features:, 0, 0]
    votes_at = row.add(np.concatenate([votes, row.named("votes.bias", (4 * _JOINTS,))[:, None]], axis=1))
    inputs = (FIRST_INPUTS + config.widths[3], *[LATER_INPUTS + hidden] * (config.ik_steps - 1))
    step_at = tuple(
        row.add(
            row.layer(f"inverse.trunks.{step}.0", count, hidden),
            row.named(f"inverse.trunks.{step}.1.weight", (hidden,)),
            row.named(f"inverse.trunks.{step}.1.bias", (hidden,)),
            row.layer(f"inverse.trunks.{step}.3", hidden, hidden),
            row.layer(f"inverse.heads.{step}", hidden, STEP_OUTPUTS),
        )
        for step, count in enumerate(inputs)
    )
    there = [name == "sigma_head" or getattr(config, name.removesuffix("_head")) for name in CUE_HEADS]
    cues, cue_hidden = hidden + 2 * _JOINTS, row.outputs("sigma_head.0")
    sigma_at, presence_at, handedness_at = (
        row.add(row.layer(f"{name}.0", cues, cue_hidden), row.layer(f"{name}.2", cue_hidden, outputs))
        if wanted else -1
        for name, wanted, outputs in zip(CUE_HEADS, there, (_JOINTS, 1, 1), strict=True)
    )  # fmt: skip
    return HeadRow(
        row.joined(), votes_at, step_at, (sigma_at, presence_at, handedness_at), inputs, STEP_OUTPUTS, hidden,
        cues, cue_hidden, config.widths[3], config.crop_size, config.half_m,
    )  # fmt: skip


class _Row:
    """Arrays one behind the other, taken from named ones."""

    def __init__(self, weights: Mapping[str, NDArray[Any]]) -> None:
        self._weights = weights
        self._parts: list[Array32] = []

    def outputs(self, layer: str) -> int:
        """Numbers that a linear layer gives; ValueError where it is not there."""
        return len(self._found(f"{layer}.bias"))

    def named(self, name: str, shape: tuple[int, ...]) -> Array32:
        """A weight in float32; ValueError where it is not there, of another shape or not finite."""
        values = self._found(name)
        if values.shape != shape:
            raise ValueError(f"weight '{name}' is {values.shape}, want {shape}")
        if not np.isfinite(values).all():
            raise ValueError(f"weight '{name}' holds a value that is not finite")
        return values

    def layer(self, name: str, inputs: int, outputs: int) -> Array32:
        """Weights (inputs, outputs) of a linear layer and, as one more row, its biases."""
        weights = self.named(f"{name}.weight", (outputs, inputs))
        return np.concatenate([weights.T, self.named(f"{name}.bias", (outputs,))[None]])

    def _found(self, name: str) -> Array32:
        if name not in self._weights:
            raise ValueError(f"weight '{name}' is not there")
        return np.atleast_1d(np.asarray(self._weights[name], np.float32))

    def add(self, *arrays: Array32) -> int:
        """Where the first of them begins."""
        start = sum(part.size for part in self._parts)
        self._parts += [array.reshape(-1) for array in arrays]
        return start

    def joined(self) -> Array32:
        """(K,): all that was added."""
        return np.concatenate(self._parts)
