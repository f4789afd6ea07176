"""A joint can be on the skin or behind it, not before it and not beside the hand: by hand-made pictures."""

from __future__ import annotations

import numpy as np
import pytest

from hand_pose_ros.depth.crop import CropFrame
from hand_pose_ros.tracking.config import VisibilityConfig
from hand_pose_ros.tracking.visibility import depth_below_surface, occluded_share, visibility_score

FRAME = CropFrame(np.array([0.0, 0.0, 0.5]), 0.30, 96)
JOINTS = 23
CONFIG = VisibilityConfig()


def wall(depth_m: float) -> np.ndarray:
    """A crop with one surface over all of it, in local metres."""
    return np.full((96, 96), depth_m / FRAME.half, np.float32)


def joints_at(depth_m: float, spread_m: float = 0.03) -> np.ndarray:
    """(23, 3) local m about the middle, all at one depth."""
    xy = np.random.default_rng(0).uniform(-spread_m, spread_m, (JOINTS, 2))
    return np.concatenate([xy, np.full((JOINTS, 1), depth_m)], axis=1)


@pytest.mark.parametrize("surface_m", [-0.05, 0.0, 0.04])
@pytest.mark.parametrize("below_m", [-0.02, 0.01, 0.08])
def test_depth_below_the_surface_is_the_difference(surface_m: float, below_m: float) -> None:
    below, inside = depth_below_surface(FRAME, wall(surface_m), joints_at(surface_m + below_m))
    np.testing.assert_allclose(below, below_m, atol=1e-6)
    assert inside.all()


@pytest.mark.parametrize(
    ("below_m", "score"),
    [(-0.03, 0.0), (-0.013, 0.0), (-0.011, 1.0), (0.0, 1.0), (0.029, 1.0), (0.031, 0.6), (0.1, 0.6)],
)
def test_the_score_is_full_within_the_flesh_less_behind_it_none_before_it(
    below_m: float, score: float
) -> None:
    assert visibility_score(FRAME, wall(0.0), joints_at(below_m), CONFIG) == pytest.approx(score)


def test_the_score_counts_joints() -> None:
    joints = joints_at(0.01)
    joints[:5, 2] = -0.05
    joints[5:9, 2] = 0.06
    assert visibility_score(FRAME, wall(0.0), joints, CONFIG) == pytest.approx((14 + 0.6 * 4) / 23)


def test_an_empty_crop_shows_no_joint_and_its_depths_are_infinite() -> None:
    empty, joints = np.ones((96, 96), np.float32), joints_at(0.0)
    assert visibility_score(FRAME, empty, joints, CONFIG) == 0.0
    assert np.isneginf(depth_below_surface(FRAME, empty, joints)[0]).all()
    assert occluded_share(FRAME, empty, joints, CONFIG) == 0.0


def test_the_nearest_surface_about_the_pixel_counts() -> None:
    crop = np.ones((96, 96), np.float32)
    joint = np.zeros((1, 3))
    column, row = np.rint(FRAME.crop_to_pixel(FRAME.local_to_crop(joint)[:, :2])).astype(int)[0]
    crop[row + 1, column + 1] = 0.1
    assert depth_below_surface(FRAME, crop, joint)[0][0] == pytest.approx(-0.1 * FRAME.half)
    crop[row - 1, column] = -0.2
    assert depth_below_surface(FRAME, crop, joint)[0][0] == pytest.approx(0.2 * FRAME.half)
    crop[row + 2, column] = -0.9
    assert depth_below_surface(FRAME, crop, joint)[0][0] == pytest.approx(0.2 * FRAME.half)


def test_joints_beside_the_crop_do_not_count_and_too_few_in_it_score_nothing() -> None:
    joints = joints_at(0.01)
    joints[:4, 0] = 0.5
    below, inside = depth_below_surface(FRAME, wall(0.0), joints)
    assert inside.tolist() == [False] * 4 + [True] * 19
    assert below.shape == (JOINTS,)
    assert visibility_score(FRAME, wall(0.0), joints, CONFIG) == 1.0
    joints[:13, 0] = 0.5
    assert visibility_score(FRAME, wall(0.0), joints, CONFIG) == 0.0


def test_occluded_is_what_lies_far_behind_a_surface() -> None:
    joints = joints_at(0.05)
    joints[:12, 2] = 0.07
    assert occluded_share(FRAME, wall(0.0), joints, CONFIG) == pytest.approx(12 / 23)
    assert occluded_share(FRAME, wall(0.05), joints, CONFIG) == 0.0
    joints[:, 0] = 0.5
    assert occluded_share(FRAME, wall(0.0), joints, CONFIG) == 0.0
