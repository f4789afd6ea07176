"""The papers' and the default losses against cases worked by hand; gradients finite; nothing leaks."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.rotations import so3_exp
from hand_pose_ros.network.losses import (
    LossConfig,
    Target,
    direct_parameter_loss,
    hand_loss,
    joint_distance_loss,
    joint_location_loss,
    physical_constraint_loss,
    sigma_loss,
)
from hand_pose_ros.network.model import HandNetOutput

LIMITS = torch.tensor(skeleton.ANGLE_LIMITS, dtype=torch.float32)


def hands(count: int = 2) -> tuple[HandNetOutput, Target]:
    """An output that equals its target."""
    joints = torch.linspace(-0.1, 0.1, count * 69).reshape(count, 23, 3)
    rotation = torch.eye(3).expand(count, 3, 3)
    angles = LIMITS.mean(-1).expand(count, 20)
    target = Target(joints, torch.zeros(count, 3), angles, rotation, torch.zeros(count, 9))
    sigma = torch.full((count, 23), 0.01)
    output = HandNetOutput(
        joints.clone(),
        joints.clone(),
        sigma,
        rotation,
        torch.zeros(count, 3),
        angles,
        torch.zeros(count, 9),
        angles,
    )
    return output, target


def test_joint_location_loss_is_half_the_squared_norm():
    joints = torch.zeros(2, 23, 3)
    joints[0, 4] = torch.tensor([0.3, 0.0, 0.4])
    assert joint_location_loss(joints, torch.zeros(2, 23, 3)).item() == pytest.approx(0.5 * 0.25 / 2)
    assert joint_distance_loss(joints, torch.zeros(2, 23, 3)).item() == pytest.approx(0.5 / 46, abs=2e-4)


def test_physical_constraint_loss_sums_both_sides_of_the_range():
    limits = torch.tensor([[-0.5, 1.0], [0.0, 2.0], [0.0, 1.0]])
    angles = torch.tensor([[-0.7, 2.5, 0.5], [0.0, 0.0, 1.0]], requires_grad=True)
    loss = physical_constraint_loss(angles, limits)
    assert loss.item() == pytest.approx((0.2 + 0.5) / 2)
    loss.backward()
    assert angles.grad.tolist() == [[-0.5, 0.5, 0.0], [0.0, 0.0, 0.0]]


def test_certainty_is_best_at_the_error_and_does_not_move_the_pose():
    error = torch.tensor([[0.02]], requires_grad=True)
    sigma = torch.tensor([[0.02]], requires_grad=True)
    sigma_loss(sigma, error).backward()
    assert error.grad is None
    assert sigma.grad.item() == pytest.approx(0.0, abs=1e-3)


def test_direct_parameter_loss_weighs_translation_rotation_and_angles():
    output, target = hands(1)
    turned = so3_exp(torch.tensor([[0.0, 0.3, 0.0]]))
    moved = HandNetOutput(
        output.coarse, output.joints, output.joint_sigma, turned, torch.tensor([[0.05, 0.0, 0.0]]),
        target.angles + 0.1, output.shape, target.angles + 0.1,
    )  # fmt: skip
    assert direct_parameter_loss(output, target).item() == pytest.approx(0.0, abs=1e-9)
    expected = 0.5 * (0.3**2 + 1.0**2 + 20 * 0.1**2)
    assert direct_parameter_loss(moved, target).item() == pytest.approx(expected, rel=1e-4)


def test_a_perfect_hand_costs_nothing_but_its_uncertainty():
    output, target = hands()
    total, terms = hand_loss(output, target, LIMITS, LossConfig(sigma=0.0, skeleton=0.5))
    assert total.item() == pytest.approx(0.0, abs=0.05)
    assert set(terms) == {
        "joint",
        "coarse",
        "physical",
        "angle",
        "rotation",
        "shape",
        "skeleton",
        "sigma",
    }


@pytest.mark.parametrize(
    "form, unit", [("distance", 1.0), ("squared", 0.5), ("euclidean", 23 * (0.01 / 0.15) ** 2)]
)
def test_forms_of_the_joint_loss_at_an_error_of_10_mm(form, unit):
    output, target = hands()
    shifted = HandNetOutput(output.coarse, output.joints + torch.tensor([0.0, 0.0, 0.01]), output.joint_sigma)
    config = LossConfig(joint_form=form, coarse=0.0, sigma=0.0)
    assert hand_loss(shifted, target, LIMITS, config)[0].item() == pytest.approx(unit, rel=1e-3)


def test_gradients_are_finite_at_a_perfect_hand():
    output, target = hands()
    joints, rotation = output.joints.requires_grad_(), output.rotation.clone().requires_grad_()
    exact = HandNetOutput(
        output.coarse, joints, output.joint_sigma, rotation, output.translation, output.angles, output.shape,
        output.raw_angles,
    )  # fmt: skip
    hand_loss(exact, target, LIMITS, LossConfig(skeleton=1.0, parameter=1.0))[0].backward()
    assert torch.isfinite(joints.grad).all()
    assert torch.isfinite(rotation.grad).all()


def test_parameters_without_a_hand_model_are_refused():
    output, target = hands()
    plain = HandNetOutput(output.coarse, output.joints, output.joint_sigma)
    with pytest.raises(ValueError, match="hand_model"):
        hand_loss(plain, target, LIMITS, LossConfig(parameter=1.0))


@pytest.mark.parametrize("field, value", [("joint", -1.0), ("physical", math.nan), ("joint_form", "cubic")])
def test_weights_out_of_range_are_refused(field, value):
    with pytest.raises(ValueError, match=f"loss.{field}"):
        LossConfig(**{field: value})


def test_crops_without_a_hand_count_for_presence_alone():
    torch.manual_seed(0)
    joints = torch.rand(4, 23, 3)
    sigma = torch.full((4, 23), 0.01)
    logits = torch.tensor([2.0, 1.0, -1.0, 3.0])
    output = HandNetOutput(joints, joints, sigma, presence=logits)
    target = Target(
        joints[:2], torch.zeros(2, 3), torch.zeros(2, 20), torch.eye(3).repeat(2, 1, 1), torch.zeros(2, 9)
    )
    _, terms = hand_loss(output, target, LIMITS, LossConfig())
    # Mean of log(1 + exp(-x)) for the hands and log(1 + exp(x)) for the others.
    expected = sum(math.log1p(math.exp(x)) for x in (-2.0, -1.0, -1.0, 3.0)) / 4
    assert terms["presence"].item() == pytest.approx(expected, rel=1e-5)
    assert terms["joint"].item() == pytest.approx(100 * 1e-4, rel=1e-3)


def test_mirrored_crops_are_hands_and_left_ones():
    output, target = hands(2)
    # Two right hands, one crop without a hand, one of the hands mirrored.
    logits = torch.tensor([8.0, 8.0, -8.0, 8.0], requires_grad=True)
    sides = torch.tensor([8.0, 8.0, 0.0, -8.0], requires_grad=True)
    values = {name: getattr(output, name) for name in ("coarse", "joints", "joint_sigma")}
    four = {name: torch.cat([value, value]) for name, value in values.items()}
    config = LossConfig(joint=1.0, coarse=0.0, physical=0.0, angle=0.0, rotation=0.0, shape=0.0)
    whole = HandNetOutput(**four, presence=logits, handedness=sides)
    total, terms = hand_loss(whole, replace(target, mirrored=1), LIMITS, config)
    assert terms["presence"] < 0.001
    assert terms["handedness"] < 0.001
    total.backward()
    assert sides.grad[2] == 0.0  # what is no hand has no side
    wrong = HandNetOutput(**four, presence=logits.detach(), handedness=-sides.detach())
    _, terms = hand_loss(wrong, replace(target, mirrored=1), LIMITS, config)
    assert terms["handedness"] > 5.0
