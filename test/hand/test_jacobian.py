"""The fitter's analytic derivatives are those of the hand model layer, on both sides."""

from __future__ import annotations

import pytest
import torch

from hand_pose_ros.hand.hand_state import random_hands
from hand_pose_ros.hand.jacobian import (
    flatten_offsets,
    offsets_jacobian,
    pose_jacobian,
    scaled_offsets,
    unflatten_offsets,
)
from hand_pose_ros.hand.kinematics import HandModelLayer, forward_kinematics
from hand_pose_ros.hand.rotations import so3_exp


@pytest.fixture(params=["right", "left"])
def side(request) -> str:
    return request.param


@pytest.mark.slow
def test_pose_jacobian_is_the_derivative_of_the_joints(side):
    hand = random_hands(4, seed=1, shape_spread=0.1)
    offsets = unflatten_offsets(hand.offsets)

    def joints(change: torch.Tensor) -> torch.Tensor:
        turn = so3_exp(change[:, 3:6]) @ hand.rotation
        angles = hand.angles + change[:, 6:]
        return forward_kinematics(turn, hand.translation + change[:, :3], angles, offsets, side).joints

    derivative = torch.func.jacfwd(lambda change: joints(change).sum(0))(
        torch.zeros(4, 26, dtype=torch.float64)
    )
    frames = forward_kinematics(hand.rotation, hand.translation, hand.angles, offsets, side)
    found = pose_jacobian(frames, hand.angles, side)
    assert torch.allclose(found, derivative.permute(2, 0, 1, 3), atol=1e-10)


@pytest.mark.slow
def test_offsets_jacobian_is_the_derivative_of_the_joints(side):
    hand = random_hands(3, seed=2, shape_spread=0.1)

    def joints(flat: torch.Tensor) -> torch.Tensor:
        return forward_kinematics(
            hand.rotation, hand.translation, hand.angles, unflatten_offsets(flat), side
        ).joints

    derivative = torch.func.jacfwd(lambda flat: joints(flat).sum(0))(hand.offsets)
    frames = forward_kinematics(
        hand.rotation, hand.translation, hand.angles, unflatten_offsets(hand.offsets), side
    )
    assert torch.allclose(offsets_jacobian(frames, side), derivative.permute(2, 0, 1, 3), atol=1e-10)


def test_flat_offsets_are_the_layers_offsets():
    shape = 0.1 * torch.randn(5, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    layer = HandModelLayer().double().offsets(shape)
    assert torch.allclose(scaled_offsets(shape), flatten_offsets(layer), atol=1e-8)
    for ours, theirs in zip(unflatten_offsets(flatten_offsets(layer)), layer, strict=True):
        assert torch.equal(ours, theirs)
