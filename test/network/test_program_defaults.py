"""Weights are loaded alike whatever a program has set as torch's defaults, which stay as they are meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from hand_pose_ros.detection.detector_checkpoint import load_detector
from hand_pose_ros.network.checkpoint import load_checkpoint, network_with_weights
from hand_pose_ros.resources import model_file


@pytest.fixture
def restored() -> Iterator[None]:
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("name", ["small", "detector"])
@pytest.mark.parametrize("kind", [torch.float64, torch.bfloat16])
def test_all_numbers_of_a_network_are_the_same_to_the_bit(name: str, kind: torch.dtype, restored: None):
    def load() -> dict[str, torch.Tensor]:
        path = model_file(name)
        network: nn.Module = load_detector(path)[0] if name == "detector" else load_checkpoint(path)[0]
        return {**dict(network.named_parameters()), **dict(network.named_buffers())}

    want = load()
    torch.set_default_dtype(kind)
    found = load()
    assert want.keys() == found.keys()
    for key, value in found.items():
        assert value.dtype == want[key].dtype
        assert torch.equal(value, want[key]), key


def test_other_threads_keep_the_programs_default_while_a_network_is_made(restored: None):
    """It is one for all threads: two that set it and set it back leave either's."""
    seen = []

    def build() -> nn.Linear:
        seen.append(torch.get_default_dtype())
        return nn.Linear(2, 3)

    torch.set_default_dtype(torch.float64)
    tensors = {"weight": torch.rand(3, 2, dtype=torch.float16), "bias": torch.rand(3, dtype=torch.float16)}
    network = network_with_weights(Path("x"), tensors, build, "this", 1)
    assert seen == [torch.float64]
    assert network.weight.dtype == torch.float32
