"""Poses of many frames: groups share their hand, random hands are valid."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from hand_pose_ros.hand.hand_state import hand_frames, random_hands
from hand_pose_ros.hand.skeleton import ANGLE_LIMITS, bone_lengths

LIMITS = torch.tensor(ANGLE_LIMITS)


@pytest.mark.slow
def test_random_hands_are_valid_and_before_the_camera() -> None:
    state = random_hands(200, seed=4, shape_spread=0.2)
    assert ((state.angles >= LIMITS[:, 0]) & (state.angles <= LIMITS[:, 1])).all()
    assert state.translation[:, 2].min() >= 0.3
    assert state.translation[:, 2].max() <= 0.7
    assert state.shape.abs().max() <= 0.2
    torch.testing.assert_close(torch.linalg.det(state.rotation), torch.ones(200, dtype=torch.float64))


def test_seed_decides_the_hands() -> None:
    one, same, other = (random_hands(5, seed) for seed in (1, 1, 2))
    assert torch.equal(one.angles, same.angles)
    assert not torch.equal(one.angles, other.angles)


@pytest.mark.slow
def test_frames_of_a_group_show_one_hand() -> None:
    state = random_hands(6, seed=5, shape_spread=0.2)
    shared = replace(state, group=torch.tensor([0, 0, 0, 3, 3, 3]))
    lengths = torch.tensor(bone_lengths(hand_frames(shared, "right").joints.numpy()))
    torch.testing.assert_close(lengths[0].expand(3, -1), lengths[:3])
    torch.testing.assert_close(lengths[3].expand(3, -1), lengths[3:])
    assert (lengths[0] - lengths[3]).abs().max() > 1e-3
