"""Labelled hands as tensors on the training device.

In: a numpy batch of any source of labelled hands (``datasets.synthetic.Batch``). Out: :class:`TorchBatch`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from hand_pose_ros.network.losses import Target

TRUTH: tuple[str, ...] = ("joints", "translation", "angles", "rotation", "shape")
"""The tensors of a :class:`~hand_pose_ros.network.losses.Target`, one row a hand."""


class Source(Protocol):
    """Anything that makes labelled hands from a seed."""

    def batch(self, seed: int, count: int) -> Any:
        """``count`` crops with the fields of ``datasets.synthetic.Batch``; a pure function of both."""


@dataclass(frozen=True, eq=False)
class TorchBatch:
    """B crops on the training device, float32; the first show the right hands of ``target``, the last mirrored ones."""

    crop: Tensor
    """(B, 1, S, S) in [-1, 1]."""
    distance: Tensor
    """(B,) m from the camera to the cube's centre."""
    target: Target
    """The truth of those that show a right hand."""


def to_torch(batch: Any, device: torch.device, mirrored: int = 0) -> TorchBatch:
    """A source's batch of arrays or tensors -> tensors on the device, the first ``mirrored`` hands again as left hands
    at the end."""

    def tensor(values: Any) -> Tensor:
        return torch.as_tensor(values).to(device=device, dtype=torch.float32, non_blocking=True)

    target = Target(**{name: tensor(getattr(batch, name)) for name in TRUTH}, mirrored=mirrored)
    crop, distance = tensor(batch.crop), tensor(batch.distance)
    if mirrored:
        crop = torch.cat([crop, crop[:mirrored].flip(-1)])
        distance = torch.cat([distance, distance[:mirrored]])
    return TorchBatch(crop, distance, target)
