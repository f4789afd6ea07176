"""SDNet's losses against cases worked by hand, and their gradients."""

from __future__ import annotations

import math

import pytest
import torch

from hand_pose_ros.network.skeleton_difference import (
    PARTS,
    SkeletonDifference,
    bone_angles,
    bone_ratios,
    euclidean_joint_loss,
    half_angle_tangent,
    over_threshold,
    part_bones,
    skeleton_difference_loss,
)

ONE_FINGER = ((0, 1, 2),)


def bent(angle: float, second: float = 1.0) -> torch.Tensor:
    """(1, 3, 3): a bone of length 1 along x, then one of length ``second`` turned by ``angle`` about z."""
    end = [1 + second * math.cos(angle), second * math.sin(angle), 0.0]
    return torch.tensor([[[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], end]], dtype=torch.float64)


def test_eq1_is_the_sum_of_squared_distances():
    joints = torch.tensor([[[0.0, 0, 0], [1, 2, 2]], [[0, 0, 0], [0, 0, 0]]])
    truth = torch.zeros(2, 2, 3)
    assert euclidean_joint_loss(joints, truth).item() == pytest.approx((9 + 0) / 2)


@pytest.mark.parametrize("angle", [0.3, 1.0, math.pi / 2, 2.5, 3.1])
def test_eq4_angle_between_bones(angle):
    assert bone_angles(part_bones(bent(angle), ONE_FINGER)).item() == pytest.approx(angle, abs=1e-5)


def test_eq4_is_finite_for_straight_folded_and_missing_bones():
    for joints in (bent(0.0), bent(math.pi), torch.zeros(1, 3, 3, dtype=torch.float64)):
        joints.requires_grad_()
        bone_angles(part_bones(joints, ONE_FINGER)).sum().backward()
        assert torch.isfinite(joints.grad).all()


def test_eq3_tangent_of_half_the_difference():
    a, b = torch.tensor([1.7, 0.2]), torch.tensor([0.2, 1.7])
    assert half_angle_tangent(a, b, 1.2).tolist() == pytest.approx([math.tan(0.75)] * 2)
    assert half_angle_tangent(a, a, 1.2).tolist() == [0.0, 0.0]


def test_eq3_goes_on_along_its_tangent_before_the_pole():
    limit = 1.2
    at = half_angle_tangent(torch.tensor([2 * limit, 3.0, math.pi]), torch.zeros(3), limit)
    slope = 1 + math.tan(limit) ** 2
    expected = [math.tan(limit) + slope * extra for extra in (0.0, 1.5 - limit, math.pi / 2 - limit)]
    assert at.tolist() == pytest.approx(expected, rel=1e-5)
    angle = torch.tensor([math.pi], requires_grad=True)
    half_angle_tangent(angle, torch.zeros(1), limit).sum().backward()
    assert angle.grad.item() == pytest.approx(slope / 2, rel=1e-5)


def test_eq5_value_is_the_step_and_gradient_pushes_back():
    angle = torch.tensor([1.0, 1.9, 2.5], requires_grad=True)
    value = over_threshold(angle, 1.9)
    assert value.tolist() == pytest.approx([0.0, 1.0, 1.0])
    value.sum().backward()
    assert angle.grad[0].item() == 0
    assert angle.grad[2].item() == 1


def test_eq7_ratio_of_the_further_bone():
    assert bone_ratios(part_bones(bent(0.4, second=3.0), ONE_FINGER)).item() == pytest.approx(0.75)


def test_eq2_sums_angle_and_bone_terms_of_a_hand_worked_case():
    config = SkeletonDifference(alpha=2.0, beta=3.0, omega1=0.5, omega2=0.25, threshold=1.9)
    joints, truth = bent(2.0, second=3.0), bent(1.0)
    angle_term = 0.5 * math.tan(0.5) + 0.25 * 1
    bone_term = abs(0.75 - 0.5)
    loss = skeleton_difference_loss(joints, truth, config, ONE_FINGER)
    assert loss.item() == pytest.approx(2 * angle_term + 3 * bone_term, rel=1e-5)


def test_every_part_counts_and_the_batch_is_averaged():
    generator = torch.Generator().manual_seed(1)
    truth = torch.randn(1, 23, 3, dtype=torch.float64, generator=generator)
    joints = truth + 0.1 * torch.randn(1, 23, 3, dtype=torch.float64, generator=generator)
    config = SkeletonDifference(omega2=0.0)
    parts = [skeleton_difference_loss(joints, truth, config, (part,)) for part in PARTS]
    assert min(parts) > 0
    whole = skeleton_difference_loss(joints, truth, config)
    assert whole.item() == pytest.approx(sum(parts).item())
    both = skeleton_difference_loss(torch.cat([joints, truth]), torch.cat([truth, truth]), config)
    assert both.item() == pytest.approx(whole.item() / 2)


def test_loss_ignores_place_orientation_and_size():
    generator = torch.Generator().manual_seed(2)
    truth = torch.randn(4, 23, 3, dtype=torch.float64, generator=generator)
    joints = truth + 0.2 * torch.randn(4, 23, 3, dtype=torch.float64, generator=generator)
    turn = torch.linalg.qr(torch.randn(3, 3, dtype=torch.float64, generator=generator))[0]
    before = skeleton_difference_loss(joints, truth)
    after = skeleton_difference_loss(2.5 * joints @ turn.T + 1.0, truth)
    assert after.item() == pytest.approx(before.item(), rel=1e-6)
    assert skeleton_difference_loss(truth, truth, SkeletonDifference(omega2=0)).item() == 0


@pytest.mark.slow
def test_gradcheck_away_from_kinks():
    generator = torch.Generator().manual_seed(3)
    truth = torch.randn(2, 23, 3, dtype=torch.float64, generator=generator)
    joints = (truth + 0.3 * torch.randn(2, 23, 3, dtype=torch.float64, generator=generator)).requires_grad_()
    config = SkeletonDifference(omega2=0.0)
    assert torch.autograd.gradcheck(lambda j: skeleton_difference_loss(j, truth, config), (joints,))


def test_gradients_are_finite_at_the_worst_inputs():
    for joints in (
        torch.zeros(1, 23, 3),
        torch.ones(1, 23, 3),
        torch.linspace(0, 1, 23)[None, :, None].expand(1, 23, 3),
    ):
        joints = joints.clone().requires_grad_()
        skeleton_difference_loss(joints, torch.zeros(1, 23, 3)).backward()
        assert torch.isfinite(joints.grad).all()


def test_parts_are_the_palm_and_each_finger_to_its_tip():
    assert PARTS == (
        (0, 3, 4, 5, 6),
        (0, 7, 8, 9, 10),
        (0, 11, 12, 13, 14),
        (0, 15, 16, 17, 18),
        (0, 19, 20, 21, 22),
    )


@pytest.mark.parametrize(
    "field, value",
    [("alpha", -1.0), ("threshold", 4.0), ("tan_limit", math.pi / 2), ("omega2", float("nan"))],
)
def test_settings_out_of_range_are_refused(field, value):
    with pytest.raises(ValueError, match=field):
        SkeletonDifference(**{field: value})
