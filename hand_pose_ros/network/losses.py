"""Losses: DeepModel's, those of the default network, and their weighted sum; SDNet's are in skeleton_difference.

Joints are (B, 23, 3) in metres, angles (B, 20) in radians; every loss returns a scalar, the mean over the batch.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from hand_pose_ros.hand.rotations import so3_log
from hand_pose_ros.network.model import HandNetOutput
from hand_pose_ros.network.skeleton_difference import (
    SkeletonDifference,
    euclidean_joint_loss,
    skeleton_difference_loss,
)
from hand_pose_ros.network.units import LENGTH_SCALE_M
from hand_pose_ros.validation import not_negative, one_of

JOINT_FORMS: tuple[str, ...] = ("distance", "squared", "euclidean")

# Added below square roots, whose gradient at 0 is infinite. Guessed: a distance of 0 then counts as 0.1 mm.
_EPSILON_M2 = 1e-8
_HALF_CUBE_M = 0.15
"""Unit of the euclidean joint loss: half of the crop's cube (``depth.crop.CROP_CUBE_M``). Fixed, because the loss's
weights were chosen with it; a run with another cube keeps them comparable."""
_WEIGHTS = (
    "joint", "coarse", "physical", "angle", "rotation", "shape", "parameter", "skeleton", "sigma", "presence",
    "earlier", "handedness",
)  # fmt: skip


@dataclass(frozen=True)
class LossConfig:
    """Weights of the terms of :func:`hand_loss`; a term of weight 0 is not computed. ValueError names a wrong field.

    The weights are guessed where nothing else is said.
    """

    joint: float = 1.0
    """Joints of the result, in the form ``joint_form``."""
    coarse: float = 1.0
    """Joints before the hand model, of a network that has them; same form."""
    physical: float = 1.0
    """Lambda of DeepModel's physical-constraint loss. The poster gives no value; the 10 of config/train/deepmodel.yaml
    was found in short trials (docs/experiments/paper_tables.md). It agrees with the released code, whose weight is 1
    (github.com/xingyizhou/DeepModel, training/DeepModel.prototxt, commented out there) beside joints summed in half
    cubes of 150 mm: 1e4 * 0.15^2 / 23 = 9.8 beside our ``squared`` ones. Only about: that code has 31 joints, and it
    squares what is out of range, which the poster does not."""
    angle: float = 0.3
    """Mean difference of the angles from the truth, rad."""
    rotation: float = 0.3
    """Difference of the palm's rotation from the truth, Frobenius norm."""
    shape: float = 0.3
    """Mean difference of the log scales from the truth."""
    parameter: float = 0.0
    """DeepModel's *direct parameter*."""
    skeleton: float = 0.0
    """SDNet's skeleton-difference loss, with its own settings in ``skeleton_difference``."""
    sigma: float = 0.1
    """Likelihood of the joints' errors under the predicted scale; it never touches the pose."""
    presence: float = 0.2
    """Cross entropy of "there is a hand", for a network with that head."""
    earlier: float = 0.0
    """Joints of the inverse kinematics' estimates before its last step, mean over these; form as ``joint``."""
    handedness: float = 0.2
    """Cross entropy of "it is a right hand", for a network with that head, on hands and their mirrored crops."""
    joint_form: str = "distance"
    """``distance``: mean Euclidean distance in units of 10 mm (the error that is reported); ``squared``: DeepModel's
    half squared norm in units of 10 mm, per joint; ``euclidean``: SDNet's Eq. 1 in half cubes of 150 mm. SDNet names no
    unit, on which its weights 0.125 to 0.5 depend; this one is guessed: crop coordinates in -1..1, as DeepModel's
    released code has them."""
    skeleton_difference: SkeletonDifference = field(default_factory=SkeletonDifference)
    """Settings of the term that ``skeleton`` weighs."""

    def __post_init__(self) -> None:
        not_negative(self, *_WEIGHTS, section="loss")
        one_of(self, JOINT_FORMS, "joint_form", section="loss")


@dataclass(frozen=True, eq=False)
class Target:
    """Truth for the first B crops of a batch (any after them show no hand, or a left one)."""

    joints: Tensor
    """(B, 23, 3) local m."""
    translation: Tensor
    """(B, 3) local m."""
    angles: Tensor
    """(B, 20) rad."""
    rotation: Tensor
    """(B, 3, 3) of the palm."""
    shape: Tensor
    """(B, 9) log scales."""
    mirrored: int = 0
    """How many crops, the batch's last, are mirrored ones of hands: left hands."""


def joint_location_loss(joints: Tensor, truth: Tensor) -> Tensor:
    """DeepModel's L_jt = 1/2 ||F(Theta) - Y||^2, summed over joints and coordinates, mean over the batch; in m^2."""
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
    below = torch.relu(limits[:, 0] - angles)
    above = torch.relu(angles - limits[:, 1])
    return (below + above).sum(-1).mean()


def sigma_loss(sigma: Tensor, error: Tensor) -> Tensor:
    """Negative log likelihood of errors (B, 23) m under Laplace scales sigma (B, 23) m; the error is detached."""
    return (torch.log(sigma) + error.detach() / sigma).mean()


def direct_parameter_loss(output: HandNetOutput, target: Target) -> Tensor:
    """DeepModel's *direct parameter*: 1/2 ||Theta - Theta_GT||^2, mean over the batch, without any joint.

    The poster does not give how metres and radians are weighed: translation counts in units of 50 mm, angles in
    radians. The orientation counts as the rotation vector between the two orientations, so that its error is an
    angle and does not jump where the vector of a half turn changes sign. Log scales of the shape, when the network
    predicts them, count in units of 0.1.
    """
    if output.rotation is None or output.translation is None or output.angles is None or output.shape is None:
        raise ValueError("loss.parameter is above 0 for a network without parameters, want head hand_model")
    turn = so3_log(output.rotation.transpose(-1, -2) @ target.rotation)
    move = (output.translation - target.translation) / LENGTH_SCALE_M
    bend = output.angles - target.angles
    parts = [turn, move, bend]
    if output.shape.requires_grad:
        parts.append(10 * (output.shape - target.shape))
    return 0.5 * torch.cat(parts, dim=-1).square().sum(-1).mean()


def first_hands(output: HandNetOutput, count: int) -> HandNetOutput:
    """The network's output for the first ``count`` crops."""
    if len(output.joints) == count:
        return output
    values: dict[str, Any] = {f.name: getattr(output, f.name) for f in fields(output)}
    first: dict[str, Any] = {
        name: value if value is None else value[:count] for name, value in values.items()
    }
    first["earlier"] = tuple(joints[:count] for joints in output.earlier)
    return HandNetOutput(**first)


def hand_loss(
    output: HandNetOutput, target: Target, limits: Tensor, config: LossConfig
) -> tuple[Tensor, dict[str, Tensor]]:
    """Weighted sum of the terms for a network's output, and the terms by name (not weighted, detached).

    :raises ValueError: when a term has a weight that the network cannot have (parameters without a hand model).
    """
    truth = target.joints
    whole, output = output, first_hands(output, len(truth))
    distance = (output.joints - truth).square().sum(-1).add(_EPSILON_M2).sqrt()
    terms = {"sigma": sigma_loss(output.joint_sigma, distance)}
    if config.joint:
        terms["joint"] = _joint_term(output.joints, truth, config.joint_form)
    if config.coarse and whole.coarse is not whole.joints:
        terms["coarse"] = _joint_term(output.coarse, truth, config.joint_form)
    if config.earlier and output.earlier:
        steps = [_joint_term(joints, truth, config.joint_form) for joints in output.earlier]
        terms["earlier"] = torch.stack(steps).mean()
    if config.skeleton:
        terms["skeleton"] = skeleton_difference_loss(output.joints, truth, config.skeleton_difference)
    if config.parameter:
        terms["parameter"] = direct_parameter_loss(output, target)
    if output.raw_angles is not None and output.rotation is not None and output.shape is not None:
        if config.physical:
            terms["physical"] = physical_constraint_loss(output.raw_angles, limits)
        if config.angle:
            terms["angle"] = (output.raw_angles - target.angles).abs().mean()
        if config.rotation:
            # Frobenius norm of the difference: 2 sqrt(2) sin(angle / 2).
            difference = (output.rotation - target.rotation).square().sum((-1, -2))
            terms["rotation"] = (difference + 1e-6).sqrt().mean()
        if config.shape:
            terms["shape"] = (output.shape - target.shape).abs().mean()
    if config.presence and whole.presence is not None:
        there = torch.ones_like(whole.presence)
        there[len(truth) : len(there) - target.mirrored] = 0.0
        terms["presence"] = binary_cross_entropy_with_logits(whole.presence, there)
    if config.handedness and whole.handedness is not None:
        left = whole.handedness[len(whole.handedness) - target.mirrored :]
        logits = torch.cat([whole.handedness[: len(truth)], left])
        right = (torch.arange(len(logits), device=truth.device) < len(truth)).to(truth.dtype)
        terms["handedness"] = binary_cross_entropy_with_logits(logits, right)
    total = sum((getattr(config, name) * term for name, term in terms.items()), start=distance.new_zeros(()))
    return total, {name: term.detach() for name, term in terms.items()}


def _joint_term(joints: Tensor, truth: Tensor, form: str) -> Tensor:
    if form == "squared":
        return 1e4 * joint_location_loss(joints, truth) / truth.shape[1]
    if form == "euclidean":
        return euclidean_joint_loss(joints / _HALF_CUBE_M, truth / _HALF_CUBE_M)
    return 100 * joint_distance_loss(joints, truth)
