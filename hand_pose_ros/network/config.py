"""The network's configuration: what is built, checked once, stored with every checkpoint.

In: plain values, as a YAML file or a checkpoint's metadata holds them. Out: :class:`NetworkConfig`; ValueError names
the field that is unknown or wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from hand_pose_ros.config_files import build, require_mapping
from hand_pose_ros.depth.crop import CROP_CUBE_M, CROP_SIZE
from hand_pose_ros.network.migration import migrate_section
from hand_pose_ros.validation import not_negative, one_of, require, whole

ARCHITECTURES: tuple[str, ...] = ("dense", "deepmodel", "sdnet")
HEADS: tuple[str, ...] = ("hand_model", "direct_joint", "direct_parameter")
_SECTION = "network"


@dataclass(frozen=True)
class NetworkConfig:
    """What network is built; ValueError names a field that makes no sense."""

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
        require(0.05 <= self.cube_m <= 2.0, _SECTION, "cube_m", self.cube_m, "metres from 0.05 to 2")
        sized = 32 <= self.crop_size <= 512 and not (dense and self.crop_size % 16)
        require(sized, _SECTION, "crop_size", self.crop_size, "32 to 512 (dense: a multiple of 16)")
        for name, count in (("widths", 4), ("blocks", 3), ("up_blocks", 2)):
            value = tuple(int(v) for v in getattr(self, name))
            right = len(value) == count and min(value) >= (1 if name == "widths" else 0)
            require(right, _SECTION, name, value, f"{count} counts")
            object.__setattr__(self, name, value)
        whole(self, "ik_hidden", "ik_steps", section=_SECTION)
        not_negative(self, "image_feedback", section=_SECTION)

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
