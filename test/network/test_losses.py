"""The papers' and the default losses against cases worked by hand; gradients finite; nothing leaks."""

from __future__ import annotations

import math
from dataclasses import fields, replace

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
from hand_pose_ros.network.skeleton_difference import SkeletonDifference

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


def test_direct_parameter_loss_counts_log_scales_in_tenths_where_the_network_says_them():
    output, target = hands(1)
    shape = torch.zeros(1, 9)
    shape[0, :2] = torch.tensor([0.1, -0.2])
    wrong = replace(output, shape=shape.requires_grad_())
    assert direct_parameter_loss(wrong, target).item() == pytest.approx(0.5 * (1.0**2 + 2.0**2), rel=1e-5)
    # A fixed hand's shape is no output.
    assert direct_parameter_loss(replace(output, shape=shape.detach()), target).item() == pytest.approx(0.0)


def wrong_hand() -> tuple[HandNetOutput, Target]:
    """One hand; each part of the output is wrong by an amount of its own."""
    _, target = hands(1)
    straight = torch.zeros(1, 23, 3)
    for finger in skeleton.FINGER_JOINTS.values():
        for k, joint in enumerate(finger):
            straight[0, joint, 0] = 0.03 * (k + 1)
    # The index's last bone is twice as long as it should be and bent by a right angle: the others are right.
    joints = straight.clone()
    joints[0, skeleton.JOINT_INDEX["index_tip"]] = torch.tensor([0.09, 0.06, 0.0])
    raw = target.angles.clone()
    raw[0, 0] = LIMITS[0, 1] + 0.3
    raw[0, 1] = LIMITS[1, 0] - 0.2
    wrong = HandNetOutput(
        straight + torch.tensor([0.0, 0.0, 0.02]), joints, torch.full((1, 23), 0.01),
        so3_exp(torch.tensor([[0.0, 0.0, 0.4]])), torch.tensor([[0.0, 0.0, 0.1]]), raw, torch.full((1, 9), 0.05), raw,
        torch.tensor([-1.0]), (straight + torch.tensor([0.0, 0.03, 0.0]), straight + torch.tensor([0.0, 0.0, 0.05])),
        torch.tensor([-2.0]),
    )  # fmt: skip
    return wrong, replace(target, joints=straight)


# The misplaced tip lies 0.06 m across and 0.03 m short of where it should be.
TIP_M = math.hypot(0.06, 0.03)
BENT_0 = float(LIMITS[0, 1] - LIMITS[0, 0]) / 2 + 0.3
BENT_1 = float(LIMITS[1, 1] - LIMITS[1, 0]) / 2 + 0.2
TERMS = {
    "joint": 100 * (TIP_M + 22e-4) / 23,  # the root's 1e-8 m^2 makes 0.1 mm of each joint that is right
    "coarse": 100 * math.sqrt(0.02**2 + 1e-8),
    "earlier": 100 * (0.03 + 0.05) / 2,
    "physical": 0.3 + 0.2,
    "angle": (BENT_0 + BENT_1) / 20,
    "rotation": math.sqrt(8 * math.sin(0.2) ** 2 + 1e-6),
    "shape": 0.05,
    # Turn, move in units of 50 mm, bend.
    "parameter": 0.5 * (0.4**2 + 2.0**2 + BENT_0**2 + BENT_1**2),
    # alpha = beta = omega = 1: tan of half a right angle, no step below the threshold of 1.9; 2/3 instead of 1/2.
    "skeleton": 1.0 + (2 / 3 - 1 / 2),
    "sigma": math.log(0.01) + (TIP_M + 22e-4) / 23 / 0.01,
    "presence": math.log(1 + math.e),
    "handedness": math.log(1 + math.exp(2.0)),
}


def test_every_weight_has_a_term_worked_by_hand():
    others = {f.name for f in fields(LossConfig)} - {"joint_form", "skeleton_difference"}
    assert set(TERMS) == others


@pytest.mark.parametrize("name", TERMS)
@pytest.mark.parametrize("weight", [0.5, 3.0])
def test_a_weight_adds_its_times_the_term_and_nothing_else(name, weight):
    output, target = wrong_hand()
    nothing = dict.fromkeys(TERMS, 0.0)
    ones = SkeletonDifference(alpha=1.0, beta=1.0, omega1=1.0, omega2=1.0, threshold=1.9)

    def total(**weights: float) -> float:
        config = LossConfig(**{**nothing, **weights}, skeleton_difference=ones)
        return hand_loss(output, target, LIMITS, config)[0].item()

    assert total() == 0.0
    assert total(**{name: weight}) == pytest.approx(weight * TERMS[name], rel=2e-3)
    # Beside another term, too.
    beside = "coarse" if name == "joint" else "joint"
    assert total(**{name: weight, beside: 1.0}) - total(**{beside: 1.0}) == pytest.approx(
        weight * TERMS[name], rel=2e-3
    )


def test_the_skeleton_term_measures_the_prediction_against_the_truth():
    """Eq. 5 is of the predicted angle alone: a true finger that is folded over the threshold costs nothing."""
    output, target = wrong_hand()
    folded = replace(target, joints=output.joints)
    straight = replace(output, joints=target.joints)
    config = LossConfig(
        joint=0.0, coarse=0.0, physical=0.0, angle=0.0, rotation=0.0, shape=0.0, sigma=0.0, presence=0.0,
        handedness=0.0, skeleton=1.0, skeleton_difference=SkeletonDifference(0.2, 0.0, 0.0, 1.0, threshold=1.0),
    )  # fmt: skip
    assert hand_loss(output, target, LIMITS, config)[0].item() == pytest.approx(0.2)
    assert hand_loss(straight, folded, LIMITS, config)[0].item() == 0.0


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
