"""TODO."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from hand_pose_ros.network.losses import Target


class Source(Protocol):
    """Anything that makes labelled hands from a seed."""

    def batch(self, seed: int, count: int) -> Any: ...


@dataclass(frozen=True)
class TorchBatch:
    """crop (B, 1, S, S), distance (B,) m and the truth of the first, those that show a right hand; on the training
    device."""

    crop: Tensor
    distance: Tensor
    target: Target


def to_torch(batch: Any, device: torch.device, mirrored: int = 0) -> TorchBatch:
    """A source's numpy batch -> tensors on the device, with the first ``mirrored`` hands once more as left hands at the
    end."""

    def tensor(values: Any) -> Tensor:
        return torch.from_numpy(values).to(device=device, dtype=torch.float32, non_blocking=True)

    fields = ("joints", "translation", "angles", "rotation", "shape")
    target = Target(**{name: tensor(getattr(batch, name)) for name in fields}, mirrored=mirrored)
    crop, distance = tensor(batch.crop), tensor(batch.distance)
    if mirrored:
        crop = torch.cat([crop, crop[:mirrored].flip(-1)])
        distance = torch.cat([distance, distance[:mirrored]])
    return TorchBatch(crop, distance, target)
