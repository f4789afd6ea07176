"""Angles read off a posed hand's joints are the hand's own."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.closed_form import read_angles
from hand_pose_ros.hand.kinematics_numba import REST_ROTATIONS, SIGNS, forward_joints

LIMITS = np.ascontiguousarray(skeleton.ANGLE_LIMITS)
# Bent further at its first joint, a finger does not show its abduction well.
LOWER, UPPER = np.maximum(LIMITS[:, 0], -1.0), np.minimum(LIMITS[:, 1], 1.0)


def random_hand(side: str, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Palm rotation (3, 3), angles (20,), joints (23, 3)."""
    rng = np.random.default_rng(seed)
    angles = rng.uniform(LOWER, UPPER)
    rotation = Rotation.random(random_state=rng).as_matrix()
    joints, _ = forward_joints(side, rotation, rng.normal(0, 0.3, 3), angles, rng.normal(0, 0.1, 9))
    return rotation, angles, joints


@pytest.mark.parametrize("side", skeleton.SIDES)
def test_angles_within_their_limits_are_read_exactly(side: str) -> None:
    for seed in range(20):
        rotation, angles, joints = random_hand(side, seed)
        found = np.zeros(20)
        read_angles(joints, np.ones(23), rotation, REST_ROTATIONS[side], SIGNS[side], LIMITS, found)
        np.testing.assert_allclose(found, angles, atol=1e-9)


def test_angles_of_unseen_bones_stay() -> None:
    rotation, angles, joints = random_hand("right", 0)
    weights, found = np.ones(23), np.full(20, 0.05)
    weights[skeleton.JOINT_INDEX["index_tip"]] = 0
    read_angles(joints, weights, rotation, REST_ROTATIONS["right"], 1.0, LIMITS, found)
    hidden = skeleton.ANGLE_NAMES.index("index_dip_flexion")
    assert found[hidden] == 0.05
    np.testing.assert_allclose(np.delete(found, hidden), np.delete(angles, hidden), atol=1e-9)


def test_angles_out_of_range_are_clipped() -> None:
    rotation, _, joints = random_hand("right", 1)
    narrow = np.stack([np.full(20, -0.01), np.full(20, 0.01)], axis=1)
    found = np.zeros(20)
    read_angles(joints, np.ones(23), rotation, REST_ROTATIONS["right"], 1.0, narrow, found)
    assert (np.abs(found) <= 0.01).all()
