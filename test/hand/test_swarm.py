"""The swarm finds hands without a start, within the limits, the same for the same seed."""

from __future__ import annotations

import torch

from hand_pose_ros.hand.hand_state import hand_frames, random_hands
from hand_pose_ros.hand.skeleton import ANGLE_LIMITS
from hand_pose_ros.hand.swarm import SwarmResult, alignment_weights, search

LIMITS = torch.tensor(ANGLE_LIMITS)
MATRIX = torch.eye(23, dtype=torch.float64)
TARGET = hand_frames(random_hands(2, seed=6), "right").joints
WEIGHTS = torch.ones(2, 23, dtype=torch.float64)


def found(iterations: int = 8, keep: int = 1) -> SwarmResult:
    return search(TARGET, WEIGHTS, MATRIX, LIMITS, particles=16, iterations=iterations, keep=keep)


def test_swarm_comes_near_to_the_hands() -> None:
    start, end = found(iterations=0).cost, found().cost
    assert (end < start).all()
    assert end.max() < 0.03


def test_particles_are_kept_best_first_and_within_the_limits() -> None:
    result = found(keep=3)
    assert (result.cost.diff(dim=1) >= 0).all()
    assert ((result.angles >= LIMITS[:, 0]) & (result.angles <= LIMITS[:, 1])).all()
    assert not result.shape.any()


def test_search_is_a_function_of_its_seed() -> None:
    torch.rand(3)
    assert torch.equal(found().angles, found().angles)


def test_point_without_weight_does_not_count() -> None:
    target, weights = TARGET.clone(), WEIGHTS.clone()
    target[:, 22], weights[:, 22] = 5.0, 0.0
    assert search(target, weights, MATRIX, LIMITS, particles=16, iterations=8).cost.max() < 0.03


def test_palm_decides_the_alignment() -> None:
    weights = alignment_weights(MATRIX)
    assert weights.max() == 1.0
    assert weights[0] == 1.0
    assert weights.min() < 0.2
