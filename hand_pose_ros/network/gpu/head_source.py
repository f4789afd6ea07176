"""The kernel for all of the pose network behind its convolutions, as text, and its weights in one row.

In: a trained :class:`HandNet`. Out: CUDA C++ with the kernel ``head``, and the numbers that it reads. Needs no GPU.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.gpu.tables import hand_model_source, number, table
from hand_pose_ros.network.heads import LENGTH_SCALE_M, resting_angles
from hand_pose_ros.network.inverse import palm_axes
from hand_pose_ros.network.model import SHAPE_LIMIT, SIGMA_UNIT_M, VOTE_SCALE, HandNet

THREADS = 512
"""Of a block: two for each number of a hidden layer, and as many as read the joints' votes."""
_SHARES = THREADS // skeleton.JOINT_COUNT


def unsupported(net: HandNet) -> str:
    """Why the kernel cannot compute what a network has behind its convolutions; empty when it can."""
    config = net.config
    if (config.architecture, config.head) != ("dense", "hand_model"):
        return f"the network is '{config.architecture}' with head '{config.head}', want 'dense' with 'hand_model'"
    if config.image_feedback:
        return f"image_feedback is {config.image_feedback}, want 0"
    if config.crop_size % 16:
        return f"crop_size is {config.crop_size}, want a multiple of 16"
    return ""


def head_source(net: HandNet) -> tuple[str, Tensor]:
    """The text, and the weights (K,) float32. ValueError where :func:`unsupported` says why."""
    problem = unsupported(net)
    if problem:
        raise ValueError(problem)
    config, inverse, features = net.config, net.inverse, net.config.widths[1]
    weights = _Row()
    votes = net.votes.weight.detach()[:, :, 0, 0]
    places = {"VOTES_AT": weights.add(torch.cat([votes[:, features:], _bias(net.votes)[:, None]], dim=1))}
    steps = []
    widths = []
    for trunk, out in zip(inverse.trunks, inverse.heads, strict=True):
        first, norm, _, second, _ = trunk.children()
        steps.append(
            weights.add(
                _layer(first),
                norm.get_parameter("weight"),
                norm.get_parameter("bias"),
                _layer(second),
                _layer(out),
            )
        )
        widths.append(_linear(first).in_features)
    sigma_head = _linear(net.sigma_head[0])
    for name, of in (
        ("SIGMA_AT", "sigma_head"),
        ("PRESENCE_AT", "presence_head"),
        ("HANDEDNESS_AT", "handedness_head"),
    ):
        cue = getattr(net, of, None)
        places[name] = -1 if cue is None else weights.add(_layer(cue[0]), _layer(cue[2]))
    edge = config.crop_size // 4
    sizes = places | {
        "THREADS": THREADS, "SHARES": _SHARES, "SIZE": config.crop_size, "EDGE": edge, "CELLS": edge * edge,
        "BOTTLENECK": config.widths[3], "BOTTLENECK_CELLS": (config.crop_size // 16) ** 2,
        "HIDDEN": config.ik_hidden, "STEPS": len(steps), "CUES": sigma_head.out_features,
        "BONES": len(skeleton.BONES),
        "WIDEST": max(config.ik_hidden, sigma_head.out_features, _linear(inverse.heads[0]).out_features),
        "MOST_INPUTS": max(*widths, sigma_head.in_features),
    }  # fmt: skip
    lengths = {
        "HALF_M": config.half_m, "UNIT_M": LENGTH_SCALE_M, "SIGMA_UNIT_M": SIGMA_UNIT_M, "VOTE_SCALE": VOTE_SCALE,
        "SHAPE_LIMIT": SHAPE_LIMIT,
    }  # fmt: skip
    parts = [
        *(number(name, value) for name, value in sizes.items()),
        *(f"#define {name} ((float){value!r})" for name, value in lengths.items()),
        table("STEP_AT", np.array(steps)), table("PALM_AXES", palm_axes().double().numpy()),
        table("RESTING", resting_angles().double().numpy()), table("LIMITS", skeleton.ANGLE_LIMITS),
        table("BONE_PARENTS", np.array([a for a, _ in skeleton.BONES])),
        table("BONE_CHILDREN", np.array([b for _, b in skeleton.BONES])),
    ]  # fmt: skip
    text = Path(__file__).with_name("head.cu").read_text(encoding="utf-8")
    return "\n".join([hand_model_source(), *parts, text]), weights.tensor()


class _Row:
    """Arrays one behind the other."""

    def __init__(self) -> None:
        self._parts: list[Tensor] = []

    def add(self, *arrays: Tensor) -> int:
        """Where the first of them begins."""
        start = sum(part.numel() for part in self._parts)
        self._parts += [array.detach().float().reshape(-1) for array in arrays]
        return start

    def tensor(self) -> Tensor:
        return torch.cat(self._parts)


def _linear(layer: nn.Module) -> nn.Linear:
    if not isinstance(layer, nn.Linear):
        raise ValueError(f"want a linear layer, got {layer}")
    return layer


def _layer(layer: nn.Module) -> Tensor:
    """Weights (inputs, outputs), then the biases."""
    linear = _linear(layer)
    return torch.cat([linear.weight.detach().T, _bias(linear)[None]])


def _bias(layer: nn.Linear | nn.Conv2d) -> Tensor:
    if layer.bias is None:
        raise ValueError(f"{layer} has no bias")
    return layer.bias.detach()
