"""The network's configuration: what is built, checked once, stored with every checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from hand_pose_ros.depth.crop import CROP_CUBE_M, CROP_SIZE

ARCHITECTURES: tuple[str, ...] = ("dense", "deepmodel", "sdnet")
HEADS: tuple[str, ...] = ("hand_model", "direct_joint", "direct_parameter")


@dataclass(frozen=True)
class NetworkConfig:
    """What network is built.

    architecture: ``dense`` (the default network), ``deepmodel`` or ``sdnet`` (the papers' convolutions).
    head: ``hand_model`` (joints through the hand model layer), ``direct_joint`` (joints without a hand
    model) or
        ``direct_parameter`` (parameters, trained on parameters).
    crop_size: pixels along a crop's edge. cube_m: edge of the metric cube that the crop shows, metres.
    widths, blocks, up_blocks, ik_hidden, ik_steps: sizes of the dense network, see
    ``backbones.DenseBackbone`` and
        ``inverse.InverseKinematics``.
    predict_shape: whether the flat networks predict the nine shape scales too; False is the papers' fixed
    hand.
    presence: whether the network also says if there is a hand in the crop at all.
    handedness: whether the network also says if the hand in the crop is a right one, as it must be, or a left one.
    feedback: channels of the image that the dense network's inverse kinematics looks at where it believes the joints
        to be, in every step anew; 0 for none.
    """

    architecture: str = "dense"
    head: str = "hand_model"
    crop_size: int = CROP_SIZE
    cube_m: float = CROP_CUBE_M
    widths: tuple[int, ...] = (32, 64, 128, 192)
    blocks: tuple[int, ...] = (1, 1, 1)
    up_blocks: tuple[int, ...] = (1, 1)
    ik_hidden: int = 256
    ik_steps: int = 2
    predict_shape: bool = True
    presence: bool = False
    handedness: bool = False
    feedback: int = 0

    def __post_init__(self) -> None:
        _one_of("architecture", self.architecture, ARCHITECTURES)
        _one_of("head", self.head, HEADS)
        if self.architecture == "dense" and self.head == "direct_parameter":
            raise ValueError(
                "head is 'direct_parameter', want 'hand_model' or 'direct_joint' with the dense network"
            )
        if not 0.05 <= self.cube_m <= 2.0:
            raise ValueError(f"cube_m is {self.cube_m}, want metres from 0.05 to 2")
        if not 32 <= self.crop_size <= 512 or (self.architecture == "dense" and self.crop_size % 16):
            raise ValueError(f"crop_size is {self.crop_size}, want 32 to 512 (dense: a multiple of 16)")
        for name, count in (("widths", 4), ("blocks", 3), ("up_blocks", 2)):
            value = tuple(int(v) for v in getattr(self, name))
            if len(value) != count or min(value) < (1 if name == "widths" else 0):
                raise ValueError(f"{name} is {value}, want {count} counts")
            object.__setattr__(self, name, value)
        if self.ik_hidden < 1 or self.ik_steps < 1:
            raise ValueError(f"ik_hidden, ik_steps are {self.ik_hidden}, {self.ik_steps}, want at least 1")
        if self.feedback < 0:
            raise ValueError(f"feedback is {self.feedback}, want a number of channels, or 0 for none")

    @property
    def half_m(self) -> float:
        """Half of the cube's edge, metres: the length of one crop unit."""
        return self.cube_m / 2

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as stored in a checkpoint."""
        values = {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(self).items()}
        for name in ("presence", "handedness", "feedback"):
            if not values[name]:
                del values[name]  # as stored before there was one
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> NetworkConfig:
        """The inverse of :meth:`to_dict`; ValueError names an unknown field."""
        unknown = sorted(set(values) - {f.name for f in fields(cls)})
        if unknown:
            raise ValueError(
                f"network has no field '{unknown[0]}', it has {', '.join(f.name for f in fields(cls))}"
            )
        plain: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        return cls(**plain)


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{name} is '{value}', want one of {', '.join(allowed)}")
