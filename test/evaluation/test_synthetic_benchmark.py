"""Parts of the synthetic hands: joints that the crop shows, hands that are seen end-on."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from hand_pose_ros.evaluation import synthetic_benchmark


def test_joints_are_seen_where_the_surface_before_them_is_theirs():
    crop = np.ones((2, 1, 96, 96), np.float32)
    crop[0, 0, 44:52, 44:52] = 0.0  # skin in the middle of the cube
    crop[1, 0, 44:52, 44:52] = -0.5  # something far before it
    joints = np.zeros((2, 23, 3), np.float32)
    joints[:, :, 2] = 0.012
    joints[:, 1, 0] = 0.05  # beside what is there
    joints[:, 2, 0] = 0.4  # outside the crop
    batch = SimpleNamespace(crop=crop, distance=np.full(2, 0.6, np.float32), joints=joints)
    seen = synthetic_benchmark.joints_seen(batch, 0.30)
    assert not seen[:, 1:3].any()
    assert not seen[1].any()
    assert seen[0, [0, *range(3, 23)]].all()


def test_a_hand_along_the_viewing_ray_is_seen_end_on():
    turned = [0.0, 20.0, 40.0, 90.0, 170.0]
    rotation = np.zeros((5, 3, 3))
    rotation[:, 2, 0] = np.cos(np.radians(turned))
    seen = synthetic_benchmark.seen_end_on(SimpleNamespace(rotation=rotation))
    assert seen.tolist() == [True, True, False, False, True]
