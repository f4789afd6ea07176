"""The full-frame detector's network: coarse depth in, maps of hands out.

In: cells z (B, 72, 96) float32 m, 0 = no reading, and the tangent that a cell spans. Out, at a quarter of that
resolution: how likely a hand's middle is there, whether it is a left one, where it is from the surface seen there, how
large the hand is. A hand's middle is the mean of its 23 joints.

The input is made by :mod:`hand_pose_ros.detection.detector_input`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from hand_pose_ros.detection.detector_input import CHANNELS
from hand_pose_ros.network.backbones import ConvNormRelu, ResidualBlock, initialise
from hand_pose_ros.network.config import MOST_CHANNELS
from hand_pose_ros.validation import counts, not_negative, positive

_SIDE_LOGIT = 4.0
"""Logit of a side that three perfect axes give. Guessed; the weights were trained with it."""
_FIRST_HEAT_LOGIT = -4.0
"""Logit of the heat before training, which is a share of 0.018: hands are rare. Guessed, after the prior of 0.01 of
Lin et al. 2017, Focal Loss, section 4.1."""


@dataclass(frozen=True)
class DetectorConfig:
    """The network's size. ValueError when a field makes no sense."""

    widths: tuple[int, int, int, int] = (24, 32, 40, 40)
    """Channels at strides 2, 4, 8 and 16 of the cells. Guessed."""

    def __post_init__(self) -> None:
        counts(self, "widths", 4, 1, MOST_CHANNELS, section="detector")

    @property
    def least_weights(self) -> int:
        """So many weights has the network, at least: those of its 3 x 3 convolutions downwards."""
        return 9 * sum(a * b for a, b in pairwise(self.widths)) + 18 * sum(w * w for w in self.widths[1:])

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as stored with the weights."""
        return {key: list(value) for key, value in asdict(self).items()}


class DetectorMaps(NamedTuple):
    """The network's output for each cell, directions in the cell's view (see :func:`views_along`)."""

    heat: Tensor
    """(B, h, w): logit of a hand's middle."""
    left: Tensor
    """(B, h, w): logit of its being a left one."""
    offset: Tensor
    """(B, 3, h, w): from the cell's anchor to the middle, in OFFSET_M."""
    size: Tensor
    """(B, h, w): log of the hand's radius in SIZE_M."""
    axes: Tensor
    """(B, 9, h, w): unit vectors to the fingers, to the thumb's side and out of the hand's back."""


class DetectorNet(nn.Module):
    """An hourglass with skips, strides 2 to 16 and up again to 4; about 145 k parameters."""

    def __init__(self, config: DetectorConfig | None = None) -> None:
        super().__init__()
        self.config = config or DetectorConfig()
        w2, w4, w8, w16 = self.config.widths
        self.stem = nn.Sequential(nn.PixelUnshuffle(2), ConvNormRelu(4 * CHANNELS, w2))
        self.down4 = nn.Sequential(ConvNormRelu(w2, w4, stride=2), ResidualBlock(w4))
        self.down8 = nn.Sequential(ConvNormRelu(w4, w8, stride=2), ResidualBlock(w8))
        self.down16 = nn.Sequential(ConvNormRelu(w8, w16, stride=2), ResidualBlock(w16))
        self.reduce8 = nn.Conv2d(w16, w8, 1)
        self.up8 = ConvNormRelu(w8, w8)
        self.reduce4 = nn.Conv2d(w8, w4, 1)
        self.up4 = ConvNormRelu(w4, w4)
        self.out = nn.Conv2d(w4, 15, 1)
        initialise(self)
        nn.init.normal_(self.out.weight, std=0.01)
        with torch.no_grad():
            self.out.bias.copy_(torch.tensor([_FIRST_HEAT_LOGIT] + 14 * [0.0]))  # type: ignore[union-attr]

    def forward(self, features: Tensor) -> DetectorMaps:
        """(B, CHANNELS, ROWS, COLUMNS) -> maps."""
        at4 = self.down4(self.stem(features))
        at8 = self.down8(at4)
        at16 = self.down16(at8)
        up8 = self.up8(functional.relu(at8 + self._enlarge(self.reduce8(at16), at8)))
        up4 = self.up4(functional.relu(at4 + self._enlarge(self.reduce4(up8), at4)))
        out = self.out(up4)
        axes = out[:, 6:]
        return DetectorMaps(
            out[:, 0], out[:, 1] - _SIDE_LOGIT * handedness(axes), out[:, 2:5], out[:, 5], axes
        )

    @staticmethod
    def _enlarge(x: Tensor, to: Tensor) -> Tensor:
        """Twice as large, cut to the size of ``to`` (9 rows become 5 and 10 again)."""
        return functional.interpolate(x, scale_factor=2.0, mode="nearest")[..., : to.shape[2], : to.shape[3]]


class PackedDetector(nn.Module):
    """The network as one function of arrays: what is traced and exported."""

    def __init__(self, net: DetectorNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, features: Tensor) -> Tensor:
        """(B, CHANNELS, ROWS, COLUMNS) -> (B, 6, h, w), see :func:`pack_maps`."""
        return pack_maps(self.net(features))


def pack_maps(maps: DetectorMaps) -> Tensor:
    """(B, 6, h, w), as ``detector_peaks`` reads them: heat, left, size, then the three of the offset."""
    return torch.cat([torch.stack([maps.heat, maps.left, maps.size], dim=1), maps.offset], dim=1)


def handedness(axes: Tensor) -> Tensor:
    """(B, 9, h, w) as in DetectorMaps -> (B, h, w): 1 where they are a right hand's axes, -1 for a left hand's.

    The thumb's side is back x fingers on a right hand. No single cue separates the sides, only the three directions
    together; each of them alone is quickly learnt.
    """
    fingers, thumb, back = axes.float().unflatten(1, (3, 3)).unbind(1)
    return (torch.linalg.cross(back, fingers, dim=1) * thumb).sum(1)


class DetectorTarget(NamedTuple):
    """What the maps should be."""

    heat: Tensor
    """(B, h, w), 0..1."""
    weight: Tensor
    """(B, h, w): 0 where the heat does not matter."""
    left: Tensor
    """(B, h, w): 0 or 1."""
    offset: Tensor
    """(B, 3, h, w) as in DetectorMaps."""
    size: Tensor
    """(B, h, w) as in DetectorMaps."""
    axes: Tensor
    """(B, 9, h, w) as in DetectorMaps."""
    near: Tensor
    """(B, h, w): how much side, offset, size and axes count."""


@dataclass(frozen=True)
class DetectorLossConfig:
    """Weights of the loss's terms, and the errors beyond which smooth L1 grows linearly.

    All are guessed; the shipped weights were trained with these values. ValueError names a field that makes no sense.
    """

    heat: float = 4.0
    """Weight of the heat."""
    offset: float = 1.0
    """Weight of the offset, in OFFSET_M."""
    size: float = 0.3
    """Weight of the size, the log of the radius."""
    axes: float = 0.5
    """Weight of the axes."""
    side: float = 0.5
    """Weight of the side."""
    metric_beta: float = 0.05
    """Of smooth L1 of offset and size, in their units: 5 mm, and 5 % of the radius."""
    axes_beta: float = 0.1
    """Of smooth L1 of the axes' components."""

    def __post_init__(self) -> None:
        not_negative(self, "heat", "offset", "size", "axes", "side")
        positive(self, "metric_beta", "axes_beta")


_LOSS = DetectorLossConfig()


def detector_loss(
    maps: DetectorMaps, target: DetectorTarget, config: DetectorLossConfig = _LOSS
) -> tuple[Tensor, dict[str, Tensor]]:
    """Quality focal loss of the heat (Li et al. 2020, Generalized Focal Loss, eq. 4, beta 2) over the number of hands,
    plus cross-entropy of the side and smooth L1 of offset, size and axes where a hand is; the terms apart."""
    probability = maps.heat.sigmoid()
    plain = functional.binary_cross_entropy_with_logits(maps.heat, target.heat, reduction="none")
    focal = (target.heat - probability).abs().square() * plain * target.weight
    share = target.near.sum().clamp_min(1.0)
    heat = focal.sum() / share
    apart = functional.smooth_l1_loss(
        maps.offset, target.offset, beta=config.metric_beta, reduction="none"
    ).sum(1)
    offset = (apart * target.near).sum() / share
    wrong = functional.smooth_l1_loss(maps.size, target.size, beta=config.metric_beta, reduction="none")
    size = (wrong * target.near).sum() / share
    turned = functional.smooth_l1_loss(maps.axes, target.axes, beta=config.axes_beta, reduction="none").sum(1)
    axes = (turned * target.near).sum() / share
    sides = functional.binary_cross_entropy_with_logits(maps.left, target.left, reduction="none")
    side = (sides * target.near).sum() / share
    loss = config.heat * heat + config.offset * offset + config.size * size
    loss = loss + config.axes * axes + config.side * side
    terms = {"loss": loss, "heat": heat, "offset": offset, "size": size, "axes": axes, "side": side}
    return loss, {key: value.detach() for key, value in terms.items()}
