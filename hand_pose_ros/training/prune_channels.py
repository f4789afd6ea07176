"""A narrower network that begins with what a wider one has learnt: the channels that matter most are kept.

In: the weights of a dense network and two configurations that differ in nothing but smaller ``widths``. Out: weights of
the narrower network. What a channel matters is read off the normalisations that scale it, summed over all that write
to it: skip connections tie the channels of a stride together, those inside a residual block are their block's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from hand_pose_ros.hand import skeleton
from hand_pose_ros.network.config import NetworkConfig

Weights = dict[str, Tensor]

_STAGES = ("stem", "down4", "down8", "down16")


def prune_channels(weights: Mapping[str, Tensor], wide: NetworkConfig, narrow: NetworkConfig) -> Weights:
    """The weights of ``wide`` with as many channels as ``narrow`` has. ValueError when more than the widths differ, or
    one is larger."""
    if wide.architecture != "dense" or replace(narrow, widths=wide.widths) != wide:
        raise ValueError("only a dense network can be narrowed, and nothing but its widths may change")
    if any(n > w for n, w in zip(narrow.widths, wide.widths, strict=True)):
        raise ValueError(f"widths are {list(narrow.widths)}, want at most {list(wide.widths)}")
    kept = {
        stage: _most_important(_importance(weights, stage, wide), count)
        for stage, count in zip(_STAGES, narrow.widths, strict=True)
    }
    result = dict(weights)
    _take(result, "backbone.stem.1.0.weight", kept["stem"], None)
    _take_norm(result, "backbone.stem.1.1", kept["stem"])
    before = kept["stem"]
    for stage, blocks in zip(_STAGES[1:], wide.blocks, strict=True):
        own = kept[stage]
        _take(result, f"backbone.{stage}.0.0.weight", own, before)
        _take_norm(result, f"backbone.{stage}.0.1", own)
        for block in range(1, blocks + 1):
            _prune_block(result, f"backbone.{stage}.{block}", own)
        before = own
    for level, blocks, below in (("8", wide.up_blocks[0], "down16"), ("4", wide.up_blocks[1], "down8")):
        own = kept[f"down{level}"]
        _take(result, f"backbone.reduce{level}.weight", own, kept[below])
        _take(result, f"backbone.reduce{level}.bias", own, None)
        for block in range(blocks):
            _prune_block(result, f"backbone.up{level}.{block}", own)
    _prune_heads(result, wide, kept)
    return result


def _importance(weights: Mapping[str, Tensor], stage: str, config: NetworkConfig) -> Tensor:
    """(C,): the summed scales of all normalisations that write to the channels of a stride."""
    if stage == "stem":
        return weights["backbone.stem.1.1.weight"].abs()
    index = _STAGES.index(stage) - 1
    names = [f"backbone.{stage}.0.1"]
    names += [f"backbone.{stage}.{block}.norm" for block in range(1, config.blocks[index] + 1)]
    if stage != "down16":
        names += [f"backbone.up{stage[4:]}.{block}.norm" for block in range(config.up_blocks[1 - index])]
    return torch.stack([weights[f"{name}.weight"].abs() for name in names]).sum(0)


def _most_important(importance: Tensor, count: int) -> Tensor:
    """The indices of the ``count`` largest, in their old order."""
    return importance.topk(count).indices.sort().values


def _take(weights: Weights, key: str, outputs: Tensor | None, inputs: Tensor | None) -> None:
    value = weights[key]
    if outputs is not None:
        value = value[outputs]
    if inputs is not None:
        value = value[:, inputs]
    weights[key] = value.contiguous()


def _take_norm(weights: Weights, name: str, channels: Tensor) -> None:
    for part in ("weight", "bias", "running_mean", "running_var"):
        _take(weights, f"{name}.{part}", channels, None)


def _prune_block(weights: Weights, name: str, channels: Tensor) -> None:
    """A residual block; inside it as many channels are kept as outside."""
    inner = _most_important(weights[f"{name}.first.1.weight"].abs(), len(channels))
    _take(weights, f"{name}.first.0.weight", inner, channels)
    _take_norm(weights, f"{name}.first.1", inner)
    _take(weights, f"{name}.second.weight", channels, inner)
    _take_norm(weights, f"{name}.norm", channels)


def _prune_heads(weights: Weights, wide: NetworkConfig, kept: Mapping[str, Tensor]) -> None:
    """What reads the backbone: votes, image feedback, the inverse kinematics' first step or the heads without one."""
    _, at4, _, at16 = wide.widths
    surface = torch.cat(
        [kept["down4"], torch.tensor([at4, at4 + 1])]
    )  # two more channels: depth, and where it is
    _take(weights, "votes.weight", None, surface)
    if wide.head != "hand_model":
        for key in [k for k in weights if k.endswith(".0.weight") and k.split(".")[0] in _CUE_HEADS]:
            _take(weights, key, None, _spliced(weights[key].shape[1], 0, at16, kept["down16"]))
        return
    if wide.image_feedback:
        _take(weights, "image_feedback.weight", None, kept["down4"])
    # Before the context come the joints in the palm's frame, the bones' directions and lengths.
    start = 3 * skeleton.JOINT_COUNT + 4 * len(skeleton.BONES)
    first = "inverse.trunks.0.0.weight"
    _take(weights, first, None, _spliced(weights[first].shape[1], start, at16, kept["down16"]))


_CUE_HEADS = ("sigma_head", "presence_head", "handedness_head")


def _spliced(columns: int, start: int, count: int, kept: Tensor) -> Tensor:
    """All columns, but of the ``count`` from ``start`` on only those kept."""
    every = torch.arange(columns)
    return torch.cat([every[:start], start + kept, every[start + count :]])
