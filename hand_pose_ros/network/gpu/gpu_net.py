"""The pose network as it runs on a GPU: torch's convolutions, one kernel for everything behind them.

In: crop (N, 1, S, S), distance (N,) m. Out: rows of ``network/packing.py``, as :class:`PackedNet`'s to rounding. Behind
the convolutions the network is three hundred operations on a few numbers each, which a GPU cannot do faster than one
after the other: each costs two microseconds, together half of the network's time (measured: docs/experiments/speed.md).
"""

from __future__ import annotations

import logging

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from hand_pose_ros.network import packing
from hand_pose_ros.network.gpu.cuda_kernels import CudaKernels, KernelError, Launcher
from hand_pose_ros.network.gpu.head_source import THREADS, head_source
from hand_pose_ros.network.head_row import unsupported
from hand_pose_ros.network.packed_net import PackedNet
from hand_pose_ros.network.packing import unpack
from hand_pose_ros.validation import shown

_LOGGER = logging.getLogger(__name__)

MOST_APART_M = 0.002
"""How far joints may lie from torch's own before the kernel is left out: TF32, with which torch convolves, moves them
by up to 0.33 mm (measured: docs/experiments/speed.md); a kernel that does something else is off by centimetres."""


class GpuNet(nn.Module):
    """crop, distance -> ``packing.PACKED_COLUMNS`` columns; its parts are those of the network that it is made of."""

    def __init__(self, packed: PackedNet, launcher: Launcher, shared_bytes: int, weights: Tensor) -> None:
        """launcher: of the kernel of :func:`head_source`, whose weights these are."""
        super().__init__()
        self._launcher, self._shared_bytes = launcher, shared_bytes
        self.backbone = packed.net.backbone
        votes = packed.net.votes.weight.detach()[:, : packed.net.config.widths[1]]
        self.register_buffer("votes", votes.contiguous(memory_format=torch.channels_last), persistent=False)
        self.register_buffer("weights", weights, persistent=False)

    votes: Tensor
    weights: Tensor

    def forward(self, crop: Tensor, distance: Tensor) -> Tensor:
        """On the device and the stream that are current."""
        features, bottleneck = self.backbone(crop)
        maps = functional.conv2d(features, self.votes)
        out = torch.empty(len(crop), packing.PACKED_COLUMNS, dtype=torch.float32, device=crop.device)
        # Rows of cells follow each other without a gap in both of torch's layouts.
        self._launcher.launch(
            "head", len(crop), THREADS, self._shared_bytes,
            [
                maps, maps.stride(0), maps.stride(1), maps.stride(3),
                bottleneck, bottleneck.stride(0), bottleneck.stride(1), bottleneck.stride(3),
                crop, crop.stride(0), distance, distance.stride(0), self.weights, out, out.stride(0),
            ],
        )  # fmt: skip
        return out


def gpu_net(packed: PackedNet, device: torch.device) -> GpuNet:
    """The network on a CUDA device. KernelError where there can be none."""
    problem = "its convolutions are in bfloat16" if packed.net.autocast else unsupported(packed.net.config)
    if problem:
        raise KernelError(problem)
    source, weights = head_source(packed.net)
    kernels = CudaKernels(source, ["head"])
    shared_bytes = kernels.constants("SIZES", 1)[0]
    kernels.allow_shared_memory("head", shared_bytes)
    net = GpuNet(packed, kernels, shared_bytes, weights).to(device)
    require_same_joints(net, packed.to(device), packed.net.config.crop_size, device)
    return net


@torch.no_grad()
def require_same_joints(net: nn.Module, reference: nn.Module, size: int, device: torch.device) -> None:
    """KernelError when the joints of two networks differ by more than ``MOST_APART_M`` in a crop (1, 1, S, S) that
    shows a bump: what a compiler or a driver made of the kernel is tried before it is relied on."""
    across = torch.linspace(-1.0, 1.0, size, device=device)
    squared = across[:, None].square() + across.square()
    crop = torch.where(squared < 0.25, squared - 0.1, 1.0)[None, None]
    distance = torch.full((1,), 0.6, device=device)
    ours, theirs = (unpack(one(crop, distance).cpu().numpy()).joints for one in (net, reference))
    apart = float(np.abs(ours - theirs).max())
    if not apart <= MOST_APART_M:
        raise KernelError(
            f"its joints lie {1000 * apart:.1f} mm from torch's, want {1000 * MOST_APART_M:g} at most"
        )


def on_gpu(module: nn.Module, device: torch.device) -> nn.Module:
    """A network on a CUDA device: a :class:`GpuNet` where there can be one, else the module itself, to the same numbers
    but for rounding, which is logged in one line."""
    if isinstance(module, PackedNet):
        try:
            return gpu_net(module, device)
        except KernelError as error:
            _LOGGER.warning(
                "hand_pose_ros: the network runs on the GPU without its own kernel: %s", shown(error)
            )
    return module.to(device)
