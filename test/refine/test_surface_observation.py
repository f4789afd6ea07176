"""What the fit compares a hand with: the depth map, and points of it within reach of the joints."""

from __future__ import annotations

import numpy as np
import pytest
from surface_scenes import FRAME

from hand_pose_ros.refine.surface_observation import observe

JOINTS = np.array([[-0.03, -0.05, -0.02], [0.04, 0.06, 0.03]])
REACH_M = 0.01


def noisy_crop(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    crop = rng.uniform(-1.2, 1.2, (96, 96)).astype(np.float32)
    crop[rng.random(crop.shape) < 0.3] = 1.0
    crop[rng.random(crop.shape) < 0.01] = np.nan
    return crop


def test_depth_map_is_the_crop_in_metres_and_infinite_where_nothing_is():
    crop = noisy_crop(0)
    observation, _ = observe(FRAME, crop, JOINTS, REACH_M, 256, 3)
    seen = (crop >= -1.0) & (crop < 1.0)
    assert np.isinf(observation.depth[~seen]).all()
    np.testing.assert_array_equal(observation.depth[seen], crop[seen] * np.float32(FRAME.half))


@pytest.mark.parametrize("most", [50, 10_000])
def test_points_are_pixels_within_reach_of_the_joints_box(most: int):
    crop = noisy_crop(1)
    observation, stands_for = observe(FRAME, crop, JOINTS, REACH_M, most, 3)
    row, column = np.nonzero((crop >= -1.0) & (crop < 1.0))
    there = FRAME.crop_to_local(
        np.stack([(2 * column + 1) / 96 - 1, (2 * row + 1) / 96 - 1, crop[row, column]], axis=-1)
    )
    low, high = JOINTS.min(axis=0) - REACH_M, JOINTS.max(axis=0) + REACH_M
    inside = there[((there >= low) & (there <= high)).all(axis=1)]
    assert len(observation.points) == min(most, len(inside))
    assert stands_for == pytest.approx(len(inside) / len(observation.points))
    apart = np.linalg.norm(observation.points[:, None] - inside[None], axis=-1).min(axis=1)
    assert apart.max() < 1e-9
    assert len(np.unique(observation.points, axis=0)) == len(observation.points)
