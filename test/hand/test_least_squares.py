"""Batched Levenberg-Marquardt: exact hands are found, limits hold, and frames do not disturb one another."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from hand_pose_ros.hand.hand_state import HandState, hand_frames, random_hands
from hand_pose_ros.hand.least_squares import solve
from hand_pose_ros.hand.rotations import so3_exp
from hand_pose_ros.hand.skeleton import ANGLE_LIMITS

LIMITS = torch.tensor(ANGLE_LIMITS)
MATRIX = torch.eye(23, dtype=torch.float64)


def disturbed(state: HandState) -> HandState:
    turn = so3_exp(torch.full((len(state.rotation), 3), 0.1, dtype=torch.float64))
    angles = state.angles + 0.3 * (LIMITS.mean(-1) - state.angles)
    return replace(state, rotation=turn @ state.rotation, translation=state.translation + 0.01, angles=angles)


def fitted(truth: HandState, start: HandState, **options) -> HandState:
    target = hand_frames(truth, "right").joints
    options = {"iterations": 12} | options
    return solve(start, target, torch.ones(target.shape[:2]).double(), MATRIX, LIMITS, **options)


def distance(a: HandState, b: HandState) -> float:
    return float((hand_frames(a, "right").joints - hand_frames(b, "right").joints).norm(dim=-1).max())


def test_exact_joints_are_reached_from_nearby() -> None:
    truth = random_hands(4, seed=3)
    start = disturbed(truth)
    assert distance(start, truth) > 0.01
    assert distance(fitted(truth, start), truth) < 1e-4


def test_frames_are_fitted_as_if_each_were_alone() -> None:
    truth = random_hands(3, seed=3)
    together = fitted(truth, disturbed(truth))
    for index in (2,):
        one = HandState(
            *(getattr(truth, name)[index : index + 1] for name in ("rotation", "translation", "angles")),
            torch.tensor([0]),
            truth.shape[index : index + 1],
            truth.offsets[index : index + 1],
        )
        alone = fitted(one, disturbed(one))
        torch.testing.assert_close(alone.angles[0], together.angles[index], atol=1e-4, rtol=0.0)


def test_angles_stay_within_the_limits_when_the_target_is_beyond() -> None:
    truth = random_hands(2, seed=7)
    beyond = replace(truth, angles=LIMITS[:, 1].expand(2, -1) + 0.3)
    angles = fitted(beyond, truth).angles
    assert ((angles >= LIMITS[:, 0]) & (angles <= LIMITS[:, 1])).all()


@pytest.mark.slow
def test_frames_of_one_group_give_one_hand() -> None:
    truth = random_hands(3, seed=8, shape_spread=0.15)
    truth = HandState.start(
        truth.rotation, truth.translation, truth.angles, torch.zeros(3).long(), truth.shape[:1]
    )
    start = HandState.start(
        truth.rotation, truth.translation, truth.angles, truth.group, torch.zeros_like(truth.shape)
    )
    assert distance(start, truth) > 0.005
    assert distance(fitted(truth, start, geometry="scales"), truth) < 1e-3


def test_unknown_geometry_is_refused() -> None:
    truth = random_hands(1)
    with pytest.raises(ValueError, match="geometry"):
        fitted(truth, truth, geometry="rubber")
