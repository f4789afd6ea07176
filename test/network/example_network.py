"""A small dense network whose every part does something, crops for it, and when two outputs are the same."""

from __future__ import annotations

import numpy as np
import torch

from hand_pose_ros.network.config import NetworkConfig
from hand_pose_ros.network.model import HandNet
from hand_pose_ros.network.packed_net import PackedNet, inference_net

CONFIG = NetworkConfig(widths=(8, 16, 16, 24), blocks=(0, 0, 0), up_blocks=(0, 0), ik_hidden=48, ik_steps=3,
                       crop_size=64, presence=True, handedness=True)  # fmt: skip


def network(config: NetworkConfig = CONFIG) -> PackedNet:
    """One whose heads do something: as they are made, they correct next to nothing."""
    torch.manual_seed(1)
    net = HandNet(config).eval()
    with torch.no_grad():
        for name, weights in net.named_parameters():
            if "inverse.heads" in name or "votes" in name:
                weights.add_(0.05 * torch.randn_like(weights))
            elif "bias" in name or ".1." in name:
                weights.add_(0.1 * torch.randn_like(weights))
    return inference_net(net, bfloat16=False)


def inputs(count: int, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(count)
    crop = rng.uniform(-0.5, 0.5, (count, 1, size, size)).astype(np.float32)
    crop[:, :, : size // 3] = 1.0  # nothing there
    crop[rng.random(crop.shape) < 0.2] = 1.0
    return torch.from_numpy(crop), torch.from_numpy(rng.uniform(0.3, 0.9, count).astype(np.float32))


def assert_same(found: torch.Tensor, wanted: torch.Tensor) -> None:
    assert torch.equal(torch.isnan(found), torch.isnan(wanted))
    np.testing.assert_allclose(found.numpy(), wanted.numpy(), rtol=2e-4, atol=2e-5)
