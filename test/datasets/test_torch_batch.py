"""Numpy batches as tensors, with mirrored hands at their end."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import torch

from hand_pose_ros.datasets.torch_batch import to_torch


def labelled(count: int) -> SimpleNamespace:
    rng = np.random.default_rng(3)
    shapes = {"crop": (1, 8, 8), "distance": (), "joints": (23, 3), "translation": (3,), "angles": (20,),
              "rotation": (3, 3), "shape": (9,)}  # fmt: skip
    return SimpleNamespace(**{name: rng.normal(size=(count, *shape)) for name, shape in shapes.items()})


def test_every_field_becomes_a_float32_tensor_of_the_same_values() -> None:
    made = labelled(3)
    batch = to_torch(made, torch.device("cpu"))
    assert batch.crop.dtype == batch.distance.dtype == torch.float32
    assert batch.target.mirrored == 0
    np.testing.assert_array_equal(batch.crop.numpy(), made.crop.astype(np.float32))
    for name in ("joints", "translation", "angles", "rotation", "shape"):
        np.testing.assert_array_equal(
            getattr(batch.target, name).numpy(), getattr(made, name).astype(np.float32)
        )


def test_the_first_hands_come_again_mirrored_at_the_end_without_labels() -> None:
    made = labelled(4)
    batch = to_torch(made, torch.device("cpu"), mirrored=2)
    assert len(batch.crop) == len(batch.distance) == 6
    assert len(batch.target.joints) == 4
    assert batch.target.mirrored == 2
    assert torch.equal(batch.crop[4:], batch.crop[:2].flip(-1))
    assert torch.equal(batch.distance[4:], batch.distance[:2])
