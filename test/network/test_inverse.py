"""Inverse kinematics: the palm's frame from joints, features at joints, and an untrained network's answer."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from hand_pose_ros.hand.hand_state import hand_frames, random_hands
from hand_pose_ros.hand.kinematics import HandModelLayer
from hand_pose_ros.network.inverse import InverseKinematics, JointFeatures, palm_frame
from hand_pose_ros.network.units import RESTING_ANGLES


@pytest.fixture(scope="module")
def joints() -> Tensor:
    """(8, 23, 3) m of valid right hands about the origin."""
    state = random_hands(8, seed=1, shape_spread=0.1)
    return (hand_frames(state, "right").joints - state.translation[:, None]).float()


def test_palm_frame_turns_and_moves_with_the_joints(joints: Tensor) -> None:
    turn = random_hands(1, seed=2).rotation[0].float()
    moved = joints @ turn.mT + torch.tensor([0.1, -0.2, 0.5])
    torch.testing.assert_close(palm_frame(moved), turn @ palm_frame(joints), atol=1e-5, rtol=0.0)


def test_palm_frame_is_near_to_the_palms_own_rotation(joints: Tensor) -> None:
    rotation = random_hands(8, seed=1, shape_spread=0.1).rotation.float()
    cosine = ((palm_frame(joints).mT @ rotation).diagonal(dim1=1, dim2=2).sum(-1) - 1.0) / 2.0
    assert torch.rad2deg(torch.acos(cosine.clamp(-1.0, 1.0))).max() < 15.0


def test_joints_in_one_point_give_a_finite_frame() -> None:
    assert torch.isfinite(palm_frame(torch.zeros(1, 23, 3))).all()


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_untrained_network_starts_near_the_geometric_palm_and_the_resting_hand(
    joints: Tensor, steps: int
) -> None:
    torch.manual_seed(0)
    network = InverseKinematics(context=5, hidden=16, steps=steps)
    with torch.no_grad():
        pose, hidden, earlier = network(joints, torch.zeros(8, 5), HandModelLayer("right"))
    torch.testing.assert_close(pose.rotation, palm_frame(joints), atol=0.1, rtol=0.0)
    torch.testing.assert_close(pose.translation, joints[:, 0], atol=0.005, rtol=0.0)
    torch.testing.assert_close(pose.angles, torch.tensor(RESTING_ANGLES).expand(8, -1), atol=0.1, rtol=0.0)
    assert hidden.shape == (8, 16)
    assert [step.shape for step in earlier] == [(8, 23, 3)] * (steps - 1)


def test_features_are_sampled_where_the_joint_is_seen() -> None:
    cells, half_m, distance = 8, 0.15, 0.6
    columns = ((2 * torch.arange(cells) + 1) / cells - 1).expand(1, 1, cells, cells)
    surface = torch.full((1, 1, cells, cells), 0.2)
    features = JointFeatures(columns, surface, torch.ones_like(surface), torch.tensor([distance]), half_m)
    joints = torch.zeros(1, 23, 3)
    joints[0, 1] = torch.tensor([0.03, 0.0, 0.06])
    column, behind, seen = features.at(joints).unflatten(1, (3, 23))[0]
    # A joint that is farther away is seen nearer to the crop's middle.
    assert column[1] == pytest.approx(0.03 / (half_m * (1 + 0.06 / distance)), abs=1e-6)
    assert behind[0] == pytest.approx(0.2 * half_m / 0.05, rel=1e-5)
    assert behind[1] == pytest.approx((0.2 * half_m - 0.06) / 0.05, rel=1e-5)
    assert seen.tolist() == [1.0] * 23
