"""The last layer of a network: joints directly, or the parameters of the hand model.

In: features (B, F) float32. Out: joints (B, 23, 3) in local metres, or a :class:`PoseParameters`.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.rotations import so3_exp
from hand_pose_ros.network.units import LENGTH_SCALE_M, RESTING_ANGLES, SHAPE_SCALE


class PoseParameters(NamedTuple):
    """Parameters of B hands as a network outputs them, limited to no range."""

    rotation: Tensor
    """(B, 3, 3) of the palm."""
    translation: Tensor
    """(B, 3) m."""
    angles: Tensor
    """(B, 20) rad."""
    shape: Tensor
    """(B, 9) log scales."""


class JointHead(nn.Module):
    """*Direct joint*: one linear layer to 3 J numbers, joint positions in half cubes about the crop's centre."""

    def __init__(self, features: int, half_m: float) -> None:
        super().__init__()
        self.half_m = half_m
        self.linear = _small_linear(features, 3 * skeleton.JOINT_COUNT)

    def forward(self, features: Tensor) -> Tensor:
        """(B, F) -> joints (B, 23, 3) local m."""
        return self.half_m * self.linear(features).unflatten(1, (skeleton.JOINT_COUNT, 3))


class PoseHead(nn.Module):
    """*Direct parameter* and *hand model*: one linear layer to the D = 26 parameters, and on request the shape.

    As in DeepModel the palm's orientation is three numbers; here a rotation vector about the network's own zero, a
    hand with its fingers up and its palm to the camera. Translation is in units of 50 mm, angles are radians about
    a half-relaxed hand. Without ``shape`` every hand is the template hand, the paper's fixed hand.
    """

    resting: Tensor
    upright: Tensor

    def __init__(self, features: int, shape: bool) -> None:
        super().__init__()
        self.shape = shape
        self.linear = _small_linear(features, skeleton.PARAMETER_COUNT + skeleton.SHAPE_COUNT * shape)
        self.register_buffer("resting", torch.tensor(RESTING_ANGLES, dtype=torch.float32), persistent=False)
        upright = torch.tensor([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
        self.register_buffer("upright", upright, persistent=False)

    def forward(self, features: Tensor) -> PoseParameters:
        """(B, F) -> pose."""
        out = self.linear(features)
        parameters = out[:, : skeleton.PARAMETER_COUNT]
        shape = SHAPE_SCALE * out[:, skeleton.PARAMETER_COUNT :]
        if not self.shape:
            shape = out.new_zeros(out.shape[0], skeleton.SHAPE_COUNT)
        rotation = so3_exp(parameters[:, skeleton.ROTATION_PARAMETERS]) @ self.upright
        angles = self.resting + parameters[:, skeleton.FIRST_ANGLE :]
        return PoseParameters(rotation, LENGTH_SCALE_M * parameters[:, :3], angles, shape)


def _small_linear(inputs: int, outputs: int) -> nn.Linear:
    layer = nn.Linear(inputs, outputs)
    nn.init.normal_(layer.weight, std=0.01)
    nn.init.zeros_(layer.bias)
    return layer
