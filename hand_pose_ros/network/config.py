"""The network's configuration: what is built, checked once, stored with every checkpoint.

In: plain values, as a YAML file or a checkpoint's metadata holds them. Out: :class:`NetworkConfig`; ValueError names
the field that is unknown or wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from hand_pose_ros.config_files import build, require_mapping
from hand_pose_ros.depth.crop import CROP_CUBE_M, CROP_SIZE
from hand_pose_ros.network.migration import migrate_section
from hand_pose_ros.network.units import BOTTLENECK_PX
from hand_pose_ros.validation import between, counts, one_of, require, whole

ARCHITECTURES: tuple[str, ...] = ("dense", "deepmodel", "sdnet")
HEADS: tuple[str, ...] = ("hand_model", "direct_joint", "direct_parameter")
MOST_CHANNELS, MOST_BLOCKS = 4096, 32
"""Bounds of a network's size. Guessed: far above what is of use, and far below what a file of weights could ask for to
fill a machine's memory."""
_SECTION = "network"


@dataclass(frozen=True)
class NetworkConfig:
    """What network is built; ValueError names a field that makes no sense.

    Sizes are chosen by hand; docs/experiments/architecture_sweep.md compares widths, blocks, steps, crop and cube."""

    architecture: str = "dense"
    """``dense`` (the default network), ``deepmodel`` or ``sdnet`` (the papers' convolutions)."""
    head: str = "hand_model"
    """``hand_model``: joints through the hand model layer; ``direct_joint``: joints without a hand model;
    ``direct_parameter``: the hand model's parameters, trained on parameters."""
    crop_size: int = CROP_SIZE
    """Pixels along a crop's edge."""
    cube_m: float = CROP_CUBE_M
    """Edge of the metric cube that the crop shows, metres."""
    widths: tuple[int, ...] = (32, 64, 128, 192)
    """Channels of the dense network at strides 2, 4, 8 and 16, see ``backbones.DenseBackbone``."""
    blocks: tuple[int, ...] = (1, 1, 1)
    """Its residual blocks at strides 4, 8 and 16 on the way down."""
    up_blocks: tuple[int, ...] = (1, 1)
    """Its residual blocks at strides 8 and 4 on the way up."""
    ik_hidden: int = 256
    """Width of the hidden layers of ``inverse.InverseKinematics``."""
    ik_steps: int = 2
    """Its steps."""
    predict_shape: bool = True
    """Flat networks predict the nine shape scales too; False is the papers' fixed hand."""
    presence: bool = False
    """The network also classifies whether the crop shows a hand at all."""
    handedness: bool = False
    """The network also classifies whether the hand in the crop is a right one, as it must be, or a left one."""
    image_feedback: int = 0
    """Channels of the feature map that the dense network's inverse kinematics samples at the estimated joints, in every
    step anew; 0 for none."""

    def __post_init__(self) -> None:
        one_of(self, ARCHITECTURES, "architecture", section=_SECTION)
        one_of(self, HEADS, "head", section=_SECTION)
        dense = self.architecture == "dense"
        wrong = dense and self.head == "direct_parameter"
        require(not wrong, _SECTION, "head", self.head, "hand_model or direct_joint with the dense network")
        between(self, 0.05, 2.0, "cube_m", section=_SECTION, unit="metres")
        whole(self, "crop_size", least=32, most=512, section=_SECTION)
        wanted = f"a multiple of {BOTTLENECK_PX} for the dense network"
        right = not (dense and self.crop_size % BOTTLENECK_PX)
        require(right, _SECTION, "crop_size", self.crop_size, wanted)
        counts(self, "widths", 4, 1, MOST_CHANNELS, section=_SECTION)
        counts(self, "blocks", 3, 0, MOST_BLOCKS, section=_SECTION)
        counts(self, "up_blocks", 2, 0, MOST_BLOCKS, section=_SECTION)
        whole(self, "ik_hidden", most=MOST_CHANNELS, section=_SECTION)
        whole(self, "ik_steps", most=MOST_BLOCKS, section=_SECTION)
        whole(self, "image_feedback", least=0, most=MOST_CHANNELS, section=_SECTION)

    @property
    def least_weights(self) -> int:
        """So many weights has the network, at least: those of its 3 x 3 convolutions and of its inverse kinematics'
        hidden layers. 0 for the papers' architectures, whose size depends on nothing but the crop's."""
        if self.architecture != "dense":
            return 0
        w4, w8, w16 = self.widths[1:]
        steps = sum(a * b for a, b in pairwise(self.widths))
        down = sum(2 * n * w * w for n, w in zip(self.blocks, (w4, w8, w16), strict=True))
        up = sum(2 * n * w * w for n, w in zip(self.up_blocks, (w8, w4), strict=True))
        if self.head != "hand_model":
            return 9 * (steps + down + up)
        later = self.ik_steps * self.image_feedback + (self.ik_steps - 1) * self.ik_hidden
        return 9 * (steps + down + up) + self.ik_hidden * later

    @property
    def half_m(self) -> float:
        """Half of the cube's edge, metres: the length of one crop unit."""
        return self.cube_m / 2

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as stored in a checkpoint."""
        values = {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(self).items()}
        for name in ("presence", "handedness", "image_feedback"):
            if not values[name]:
                del values[name]  # as stored before there was one
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> NetworkConfig:
        """The inverse of :meth:`to_dict`, older names included; ValueError names an unknown field."""
        require_mapping(_SECTION, values)
        return build(cls, _SECTION, migrate_section(_SECTION, values))
