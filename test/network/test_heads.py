"""The last layers of a network: shapes, units, and where training starts."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hand_pose_ros.hand.skeleton import ANGLE_LIMITS
from hand_pose_ros.network.heads import JointHead, PoseHead
from hand_pose_ros.network.units import LENGTH_SCALE_M, RESTING_ANGLES

FEATURES = torch.linspace(-1.0, 1.0, 4 * 7).reshape(4, 7)


@pytest.mark.parametrize("shape", [False, True])
def test_rotations_are_proper_whatever_the_features(shape: bool) -> None:
    rotation = PoseHead(7, shape)(100.0 * FEATURES).rotation
    torch.testing.assert_close(rotation @ rotation.mT, torch.eye(3).expand(4, 3, 3), atol=1e-5, rtol=0.0)
    torch.testing.assert_close(torch.linalg.det(rotation), torch.ones(4))


def test_head_starts_at_an_upright_half_relaxed_hand() -> None:
    pose = PoseHead(7, True)(torch.zeros(1, 7))
    torch.testing.assert_close(pose.angles[0], torch.tensor(RESTING_ANGLES))
    assert not pose.translation.any()
    assert not pose.shape.any()
    # The fingers point up, which is the image's -y.
    torch.testing.assert_close(pose.rotation[0, :, 0], torch.tensor([0.0, -1.0, 0.0]))


def test_head_without_shape_gives_the_template_hand() -> None:
    assert not PoseHead(7, False)(FEATURES).shape.any()
    assert PoseHead(7, True)(FEATURES).shape.any()


def test_translation_is_in_the_unit_of_lengths() -> None:
    head = PoseHead(7, False)
    with torch.no_grad():
        head.linear.weight.zero_()
        head.linear.bias[:3] = torch.tensor([1.0, 2.0, 3.0])
    torch.testing.assert_close(
        head(FEATURES).translation, LENGTH_SCALE_M * torch.tensor([1.0, 2.0, 3.0]).expand(4, 3)
    )


def test_joints_are_in_half_cubes() -> None:
    near, far = JointHead(7, 0.1), JointHead(7, 0.2)
    far.load_state_dict(near.state_dict())
    assert near(FEATURES).shape == (4, 23, 3)
    torch.testing.assert_close(far(FEATURES), 2.0 * near(FEATURES))


def test_resting_hand_is_within_the_limits() -> None:
    angles = RESTING_ANGLES
    assert np.all((ANGLE_LIMITS[:, 0] <= angles) & (angles <= ANGLE_LIMITS[:, 1]))
