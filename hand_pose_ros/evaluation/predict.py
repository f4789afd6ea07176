"""A network's predictions on crops, as numpy arrays.

In: a :class:`HandNet`, crops (N, 1, S, S) float32 in [-1, 1] and distances (N,) in metres, any N. Out:
:class:`Predictions` in local metres (origin at the crop's centre, axes of the look-at view) and radians.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hand_pose_ros.network.model import HandNet


class Predictions(NamedTuple):
    """A network's output for N crops, in each crop's local frame."""

    joints: NDArray[np.float32]
    """(N, 23, 3) m: as published."""
    coarse: NDArray[np.float32]
    """(N, 23, 3) m: before the hand model."""
    sigma: NDArray[np.float32]
    """(N, 23) m: expected joint errors."""
    angles: NDArray[np.float32] | None
    """(N, 20) rad: as published; None for a network without a hand model."""
    raw_angles: NDArray[np.float32] | None
    """(N, 20) rad: before they are clamped to their limits; None likewise."""


def predict(
    model: HandNet, crop: NDArray[np.float32], distance: NDArray[np.float32], batch: int = 64
) -> Predictions:
    """Run the model as at runtime (evaluation mode, angles clamped) in batches; its mode is restored."""
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    parts: list[Predictions] = []
    try:
        for start in range(0, len(crop), batch):
            part = slice(start, start + batch)
            with torch.inference_mode():
                pictures = (
                    torch.from_numpy(crop[part]).to(device).contiguous(memory_format=torch.channels_last)
                )
                out = model(pictures, torch.from_numpy(distance[part]).to(device))
            parts.append(
                Predictions(
                    _array(out.joints),
                    _array(out.coarse),
                    _array(out.joint_sigma),
                    None if out.angles is None else _array(out.angles),
                    None if out.raw_angles is None else _array(out.raw_angles),
                )
            )
    finally:
        model.train(was_training)
    return join(parts)


def join(parts: Iterable[Predictions]) -> Predictions:
    """Predictions one after the other. ValueError when there are none."""
    columns = list(zip(*parts, strict=True))
    if not columns:
        raise ValueError("no predictions: no crop given")
    joined = [None if any(c is None for c in column) else np.concatenate(column) for column in columns]
    return Predictions(*joined)  # type: ignore[arg-type]


def _array(tensor: Tensor) -> NDArray[np.float32]:
    return tensor.float().cpu().numpy()
