"""Convolutional backbones: a depth crop in, features out.

In: crop (B, 1, S, S) float32 in [-1, 1] (+1 = nothing there). Out, dense backbone: a map of features at S/4
and one at S/16; flat backbones (the papers'): one vector of features per crop.

Convolutions run in bfloat16 under autocast in training; everything else of the network stays in float32.
"""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from hand_pose_ros.network.units import CELL_PX, NOTHING_FROM

Network = TypeVar("Network", bound=nn.Module)


class ConvNormRelu(nn.Sequential):
    """Convolution, batch normalisation, ReLU; the normalisation makes a bias of the convolution useless."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with a skip; the last normalisation starts at zero, so the block starts as identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = ConvNormRelu(channels, channels)
        self.second = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(channels)
        nn.init.zeros_(self.norm.weight)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(x + self.norm(self.second(self.first(x))))


class DenseBackbone(nn.Module):
    """Hourglass with skips: strides 2, 4, 8, 16 and up again to 4.

    ``widths`` are the channels at strides 2, 4, 8 and 16; ``blocks`` the residual blocks at strides 4, 8 and
    16 on the way down; ``up_blocks`` those at strides 8 and 4 on the way up. The stem folds 2x2 pixels into
    channels first: a convolution with one input channel at full resolution wastes most of a CPU's vector
    units.

    forward: (B, 1, S, S) -> (features (B, widths[1], S/4, S/4), bottleneck (B, widths[3], S/16, S/16)).
    """

    def __init__(self, widths: tuple[int, ...], blocks: tuple[int, ...], up_blocks: tuple[int, ...]) -> None:
        super().__init__()
        w2, w4, w8, w16 = widths
        self.stem = nn.Sequential(nn.PixelUnshuffle(2), ConvNormRelu(4, w2))
        self.down4 = _stage(w2, w4, blocks[0])
        self.down8 = _stage(w4, w8, blocks[1])
        self.down16 = _stage(w8, w16, blocks[2])
        self.reduce8 = nn.Conv2d(w16, w8, 1)
        self.up8 = nn.Sequential(*[ResidualBlock(w8) for _ in range(up_blocks[0])])
        self.reduce4 = nn.Conv2d(w8, w4, 1)
        self.up4 = nn.Sequential(*[ResidualBlock(w4) for _ in range(up_blocks[1])])

    def forward(self, crop: Tensor) -> tuple[Tensor, Tensor]:
        at4 = self.down4(self.stem(crop))
        at8 = self.down8(at4)
        at16 = self.down16(at8)
        up8 = self.up8(functional.relu(at8 + _double(self.reduce8(at16))))
        up4 = self.up4(functional.relu(at4 + _double(self.reduce4(up8))))
        return up4, at16


def _stage(inputs: int, outputs: int, blocks: int) -> nn.Sequential:
    return nn.Sequential(
        ConvNormRelu(inputs, outputs, stride=2), *[ResidualBlock(outputs) for _ in range(blocks)]
    )


def _double(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2.0, mode="nearest")


def surface_map(crop: Tensor) -> tuple[Tensor, Tensor]:
    """Nearest surface in every 4 x 4 px cell of a crop (B, 1, S, S), and where there is one.

    Returns depth (B, 1, S/4, S/4), 0 where the cell is empty, and a mask of the same shape, 0 or 1.
    """
    nearest = -functional.max_pool2d(-crop, CELL_PX)
    seen = (nearest < NOTHING_FROM).to(crop.dtype)
    return nearest * seen, seen


def fold_normalisation(module: Network) -> Network:
    """A copy of a network in evaluation mode with every batch normalisation folded into the convolution before it.

    The same function to rounding, with fewer passes over memory; for inference alone: it cannot be trained on or
    stored as a checkpoint.
    """
    folded = copy.deepcopy(module).eval()
    for part in folded.modules():
        if isinstance(part, ConvNormRelu):
            part[0], part[1] = _fused(part[0], part[1]), nn.Identity()
        elif isinstance(part, ResidualBlock):
            part.second, part.norm = _fused(part.second, part.norm), nn.Identity()
    return folded


def _fused(convolution: nn.Module, norm: nn.Module) -> nn.Conv2d:
    if not isinstance(convolution, nn.Conv2d) or not isinstance(norm, nn.BatchNorm2d):
        raise ValueError(f"want a convolution and its normalisation, got {convolution} and {norm}")
    return fuse_conv_bn_eval(convolution, norm)


def initialise(module: nn.Module) -> None:
    """He initialisation of convolutions, zero biases."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            if layer.bias is not None:
                torch.nn.init.zeros_(layer.bias)
