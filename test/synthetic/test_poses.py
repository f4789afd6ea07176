"""Random poses: valid, varied, repeatable, free of fingers inside fingers, seen from everywhere."""

from __future__ import annotations

import numpy as np
import pytest

from hand_pose_ros.hand import skeleton
from hand_pose_ros.synthetic import poses


def test_angles_are_in_range_and_repeatable():
    angles = poses.sample_angles(500, np.random.default_rng(3))
    assert angles.shape == (500, 20)
    assert (angles >= skeleton.ANGLE_LIMITS[:, 0]).all()
    assert (angles <= skeleton.ANGLE_LIMITS[:, 1]).all()
    assert np.array_equal(angles, poses.sample_angles(500, np.random.default_rng(3)))
    assert not np.array_equal(angles, poses.sample_angles(500, np.random.default_rng(4)))


def test_poses_reach_from_open_hands_to_fists():
    angles = poses.sample_angles(1000, np.random.default_rng(0))
    curl = angles[:, [i for i, n in enumerate(skeleton.ANGLE_NAMES) if n.endswith("pip_flexion")]].mean(
        axis=1
    )
    assert (curl < 0.3).mean() > 0.1
    assert (curl > 1.2).mean() > 0.1


def test_distal_joints_follow_the_middle_ones_as_in_real_fingers():
    angles = poses.sample_angles(2000, np.random.default_rng(0))
    pip = angles[:, skeleton.ANGLE_NAMES.index("middle_pip_flexion")]
    dip = angles[:, skeleton.ANGLE_NAMES.index("middle_dip_flexion")]
    slope = np.polyfit(pip, dip, 1)[0]
    assert 0.5 < slope < 0.75


@pytest.mark.slow
def test_spread_shrinks_as_the_fingers_flex():
    angles = poses.sample_angles(4000, np.random.default_rng(0))
    flexion = angles[:, skeleton.ANGLE_NAMES.index("index_mcp_flexion")]
    abduction = np.abs(angles[:, skeleton.ANGLE_NAMES.index("index_mcp_abduction")])
    assert abduction[flexion > 1.2].mean() < 0.6 * abduction[flexion < 0.2].mean()


@pytest.mark.slow
def test_sampled_hands_do_not_intersect_themselves():
    assert not poses.self_intersects(poses.sample_angles(300, np.random.default_rng(1))).any()


def test_a_flat_hand_is_free_and_crossed_fingers_are_not():
    flat = np.zeros((1, 20))
    assert not poses.self_intersects(flat)[0]
    crossed = flat.copy()
    crossed[0, skeleton.ANGLE_NAMES.index("index_mcp_abduction")] = -0.25
    crossed[0, skeleton.ANGLE_NAMES.index("middle_mcp_abduction")] = 0.05
    assert poses.self_intersects(crossed)[0]


def test_some_hands_pinch():
    joints = poses.template_joints(poses.sample_angles(2000, np.random.default_rng(5)))
    tips = joints[:, list(skeleton.TIP_JOINTS)]
    gap = np.linalg.norm(tips[:, 1:] - tips[:, :1], axis=-1).min(axis=1)
    assert (gap < 0.025).mean() > 0.08


def test_view_rotations_are_rotations_and_show_the_palm_most_often():
    rotations = poses.sample_view_rotations(4000, np.random.default_rng(0))
    assert np.allclose(rotations @ rotations.swapaxes(1, 2), np.eye(3), atol=1e-9)
    assert np.allclose(np.linalg.det(rotations), 1.0)
    back_away = rotations[:, 2, 2]  # how much the back of the hand points away from the camera
    assert 0.45 < (back_away > 0).mean() < 0.8


def test_views_cover_every_direction_of_the_fingers():
    fingers = poses.sample_view_rotations(4000, np.random.default_rng(0))[:, :, 0]
    for axis in range(3):
        for sign in (-1, 1):
            assert (sign * fingers[:, axis] > 0.8).mean() > 0.02, (axis, sign)
