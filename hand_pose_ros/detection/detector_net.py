"""The full-frame detector's network: coarse depth in, maps of hands out.

In: cells z (B, 72, 96) float32 m, 0 = no reading, and the tangent that a cell spans. Out, at a quarter of that
resolution: how likely a hand's middle is there, whether it is a left one, where it is from the surface seen there, how
large the hand is. A hand's middle is the mean of its 23 joints.

The input is what does not depend on the lens: depth's inverse, how many metres a cell spans there, and the relief
against the neighbourhood. So one network serves every resolution and field of view.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from hand_pose_ros.kernel_cache import njit
from hand_pose_ros.network.backbones import ConvNormRelu, ResidualBlock, initialise
from hand_pose_ros.network.config import MOST_CHANNELS
from hand_pose_ros.validation import counts, not_negative, positive

Array32 = NDArray[np.float32]

ROWS, COLUMNS = 72, 96
"""Cells of the input: any image is brought into them by whole pixels a cell, and padded with "no reading"."""
STRIDE = 4
"""Cells of the input along an edge of one cell of the output."""
OUT_ROWS, OUT_COLUMNS = ROWS // STRIDE, COLUMNS // STRIDE
NEAR_M, FAR_M = 0.15, 3.0
"""Depths that the network is shown."""
CHANNELS = 5
OFFSET_M, SIZE_M = 0.1, 0.1
"""Units of the offset and of the size (of its logarithm) in the output."""
# The input's channels. All these numbers are part of what the weights were trained with: another value wants other
# weights. Guessed, so that features are of order 1 for hands between NEAR_M and FAR_M.
_INVERSE_DEPTH_M = 0.3
"""Unit of depth in the inverse depth's channel."""
_CELL_M, _CELL_GAIN = 0.008, 0.5
"""Unit of a cell's width, and the factor of its logarithm."""
_RELIEF_M, _RELIEF_REACH, _SURFACE_M = 0.04, 2, 0.15
"""Unit of the relief; cells that its neighbourhood reaches to each side (5 x 5); readings whose depths differ by less
than the last lie on the same surface."""
_ABOVE_M, _ABOVE_REACH = 0.3, 6
"""Unit of the height over the nearest cell; cells that its neighbourhood reaches to each side (13 x 13)."""
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


def handedness(axes: Tensor) -> Tensor:
    """(B, 9, h, w) as in DetectorMaps -> (B, h, w): 1 where they are a right hand's axes, -1 for a left hand's.

    The thumb's side is back x fingers on a right hand. No single cue separates the sides, only the three directions
    together; each of them alone is quickly learnt.
    """
    fingers, thumb, back = axes.float().unflatten(1, (3, 3)).unbind(1)
    return (torch.linalg.cross(back, fingers, dim=1) * thumb).sum(1)


def views_along(rays: NDArray[np.floating]) -> NDArray[np.float64]:
    """Rays (..., 3) -> rotations (..., 3, 3) camera -> view, the smallest that turn each ray to +z, as CropFrame.view:
    a hand's appearance does then not depend on where in the image it is."""
    # The formula of CropFrame.view over whole arrays, whose rounding differs in the last bit.
    unit = rays / np.linalg.norm(rays, axis=-1, keepdims=True)
    x, y, z = np.moveaxis(unit, -1, 0)
    a = 1.0 / (1.0 + z)
    rows = [[1 - a * x * x, -a * x * y, -x], [-a * x * y, 1 - a * y * y, -y], [x, y, z]]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def detector_features(z: Array32, cell: Array32) -> Array32:
    """Cells z (B, ROWS, COLUMNS) m and the tangents they span (B, ROWS, COLUMNS) -> the network's input
    (B, CHANNELS, ROWS, COLUMNS)."""
    out = np.empty((len(z), CHANNELS, ROWS, COLUMNS), np.float32)
    for n in range(len(z)):
        features_kernel(z[n], cell[n], out[n])
    return out


@njit(nogil=True, cache=True)
def features_kernel(z: Array32, cell: Array32, out: Array32) -> None:
    """Fill out (5, ROWS, COLUMNS): is there a reading, 0.3 m / z, log of metres a cell, relief against the mean of
    5 x 5 cells on the same surface (in 4 cm, clipped), height over the nearest of 13 x 13 cells (in 0.3 m, clipped)."""
    rows, columns = z.shape
    reach, least_k, most_k = _ABOVE_REACH, _ABOVE_REACH - _RELIEF_REACH, _ABOVE_REACH + _RELIEF_REACH + 1
    # One tap of the neighbourhood after the other over whole rows: loops without branches, which become vector code.
    padded = np.full((rows + 2 * reach, columns + 2 * reach), np.float32(np.inf))
    for r in range(rows):
        for c in range(columns):
            padded[r + reach, c + reach] = z[r, c] if z[r, c] > 0.0 else np.float32(np.inf)
    nearest = np.full((rows + 2 * reach, columns), np.float32(np.inf))
    for r in range(reach, rows + reach):
        for k in range(2 * reach + 1):
            for c in range(columns):
                nearest[r, c] = min(nearest[r, c], padded[r, c + k])
    surface, one, none = np.float32(_SURFACE_M), np.float32(1.0), np.float32(0.0)
    total, count, least = np.empty((3, columns), np.float32)
    for r in range(rows):
        total[:], count[:] = none, none
        least[:] = np.float32(np.inf)
        for y in range(r + least_k, r + most_k):
            for k in range(least_k, most_k):
                for c in range(columns):
                    near = abs(padded[y, c + k] - z[r, c]) < surface
                    total[c] += padded[y, c + k] - z[r, c] if near else none
                    count[c] += one if near else none
        for y in range(r, r + 2 * reach + 1):
            for c in range(columns):
                least[c] = min(least[c], nearest[y, c])
        for c in range(columns):
            a = z[r, c]
            if not (a > 0.0 and cell[r, c] > 0.0):
                for k in range(out.shape[0]):
                    out[k, r, c] = 0.0
                continue
            out[0, r, c] = 1.0
            out[1, r, c] = _INVERSE_DEPTH_M / a
            out[2, r, c] = _CELL_GAIN * np.log(a * cell[r, c] / _CELL_M)
            out[3, r, c] = min(max(-total[c] / count[c] / _RELIEF_M, -1.0), 1.0)
            out[4, r, c] = min((a - least[c]) / _ABOVE_M, 1.0)


@njit(nogil=True, cache=True)
def anchors_kernel(z: Array32, out: Array32) -> None:
    """Fill out (OUT_ROWS, OUT_COLUMNS): the nearest reading in each block of STRIDE cells, m, 0 for none."""
    for r in range(out.shape[0]):
        for c in range(out.shape[1]):
            least = np.float32(np.inf)
            for y in range(r * STRIDE, (r + 1) * STRIDE):
                for x in range(c * STRIDE, (c + 1) * STRIDE):
                    if 0.0 < z[y, x] < least:
                        least = z[y, x]
            out[r, c] = least if least < np.inf else 0.0


def anchors(z: Array32) -> Array32:
    """Cells z (B, ROWS, COLUMNS) m -> depth of each output cell's anchor (B, OUT_ROWS, OUT_COLUMNS) m, 0 for none."""
    out = np.empty((len(z), OUT_ROWS, OUT_COLUMNS), np.float32)
    for n in range(len(z)):
        anchors_kernel(z[n], out[n])
    return out


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
