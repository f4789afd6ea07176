"""Losses: DeepModel's, and those of the default network.

Joints are (B, 23, 3) in metres, angles (B, 20) in radians; every loss returns a scalar, the mean over the
batch.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from hand_pose_ros.network.model import HandNetOutput

_EPSILON_M2 = 1e-8


@dataclass(frozen=True)
class LossConfig:
    """Weights of the terms of :func:`hand_loss`; lengths enter in units of 10 mm, angles in radians.

    joint: joints of the result. coarse: joints before the hand model. physical: lambda of the
    physical-constraint loss. angle: angles against the truth. rotation: palm rotation against the truth.
    shape: log scales against the truth. certainty: likelihood of the error under the predicted scale (does
    not touch the pose). joint_form: ``distance`` (mean Euclidean distance, the error that is reported) or
    ``squared`` (DeepModel's half squared norm).
    """

    joint: float = 1.0
    coarse: float = 1.0
    physical: float = 1.0
    angle: float = 0.3
    rotation: float = 0.3
    shape: float = 0.3
    certainty: float = 0.1
    joint_form: str = "distance"

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name != "joint_form" and not value >= 0:
                raise ValueError(f"loss.{field.name} is {value}, want a weight of at least 0")
        if self.joint_form not in ("distance", "squared"):
            raise ValueError(f"loss.joint_form is '{self.joint_form}', want 'distance' or 'squared'")


@dataclass(frozen=True)
class Target:
    """Truth for B crops: joints (B, 23, 3) local m, angles (B, 20), rotation (B, 3, 3), shape (B, 9)."""

    joints: Tensor
    angles: Tensor
    rotation: Tensor
    shape: Tensor


def joint_location_loss(joints: Tensor, truth: Tensor) -> Tensor:
    """DeepModel's L_jt = 1/2 ||F(Theta) - Y||^2, summed over joints and coordinates, mean over the batch; in
    m^2.
    """
    return 0.5 * (joints - truth).square().flatten(1).sum(1).mean()


def joint_distance_loss(joints: Tensor, truth: Tensor) -> Tensor:
    """Mean Euclidean distance, metres; the root's gradient is kept finite at zero."""
    return ((joints - truth).square().sum(-1) + _EPSILON_M2).sqrt().mean()


def physical_constraint_loss(angles: Tensor, limits: Tensor) -> Tensor:
    """DeepModel's L_phy = sum_i max(lower_i - theta_i, 0) + max(theta_i - upper_i, 0), mean over the batch;
    rad.

    angles (B, A), limits (A, 2). The poster prints the same term twice (the bars over and under theta were
    lost); the paper's two terms are the two sides of the range. Zero, with zero gradient, inside the range.
    """
    below = (limits[:, 0] - angles).clamp_min(0)
    above = (angles - limits[:, 1]).clamp_min(0)
    return (below + above).sum(-1).mean()


def certainty_loss(sigma: Tensor, error: Tensor) -> Tensor:
    """Negative log likelihood of errors (B, 23) m under Laplace scales sigma (B, 23) m; the error is
    detached.
    """
    return (torch.log(sigma) + error.detach() / sigma).mean()


def hand_loss(
    output: HandNetOutput, target: Target, limits: Tensor, config: LossConfig
) -> tuple[Tensor, dict[str, Tensor]]:
    """Weighted sum for a network's output, and its unweighted terms by name (detached)."""
    distance = (output.joints - target.joints).square().sum(-1).add(_EPSILON_M2).sqrt()
    if config.joint_form == "squared":
        joint, coarse = (
            1e4 * joint_location_loss(j, target.joints) / target.joints.shape[1]
            for j in (output.joints, output.coarse)
        )
    else:
        joint = 100 * distance.mean()
        coarse = 100 * joint_distance_loss(output.coarse, target.joints)
    terms = {"joint": joint, "coarse": coarse, "certainty": certainty_loss(output.joint_sigma, distance)}
    if output.angles is not None and output.raw_angles is not None:
        terms["physical"] = physical_constraint_loss(output.raw_angles, limits)
        terms["angle"] = (output.raw_angles - target.angles).abs().mean()
    if output.rotation is not None:
        # Frobenius norm of the difference: 2 sqrt(2) sin(angle / 2).
        terms["rotation"] = ((output.rotation - target.rotation).square().sum((-1, -2)) + 1e-6).sqrt().mean()
    if output.shape is not None:
        terms["shape"] = (output.shape - target.shape).abs().mean()
    total = sum((getattr(config, name) * term for name, term in terms.items()), start=joint.new_zeros(()))
    return total, {name: term.detach() for name, term in terms.items()}
