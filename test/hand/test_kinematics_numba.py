"""The quick hand is the hand model layer's hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.kinematics import HandModelLayer
from hand_pose_ros.hand.kinematics_numba import forward_kinematics


@pytest.mark.parametrize("side", ["right", "left"])
def test_joints_and_frames_are_the_layers(side):
    rng = np.random.default_rng(1)
    layer = HandModelLayer(side).double()
    for _ in range(20):
        low, high = skeleton.ANGLE_LIMITS.T
        angles = low + rng.random(20) * (high - low)
        rotation = Rotation.random(random_state=rng).as_matrix()
        values = (rotation, rng.normal(0, 0.3, 3), angles, rng.normal(0, 0.1, 9))
        placed = forward_kinematics(side, *values)
        frames = layer.frames_from_rotation(*(torch.from_numpy(v) for v in values))
        np.testing.assert_allclose(placed.joints, frames.joints.numpy(), atol=1e-7)
        np.testing.assert_allclose(placed.segment_positions, frames.segment_positions.numpy(), atol=1e-7)
        np.testing.assert_allclose(placed.segment_rotations, frames.segment_rotations.numpy(), atol=1e-6)


def test_an_unknown_side_is_named():
    with pytest.raises(ValueError, match="side is 'both'"):
        forward_kinematics("both", np.eye(3), np.zeros(3), np.zeros(20), np.zeros(9))
