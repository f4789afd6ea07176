"""The hierarchical regression behind a network: the paper's terms, and a past only where a frame follows another."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hand_pose_ros.depth.crop import CropFrame
from hand_pose_ros.evaluation.hierarchical_regression import PAPER_REGRESSOR, HierarchicalRegression
from hand_pose_ros.evaluation.predict import Predictions
from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.kinematics_numba import forward_joints
from hand_pose_ros.hand.skeleton import bone_lengths
from hand_pose_ros.refine.bone_prior import BonePrior, load_bone_prior
from hand_pose_ros.refine.previous_frame import PreviousFrame
from hand_pose_ros.refine.regressor import regress_joints

TIPS = list(skeleton.TIP_JOINTS)
HAND = forward_joints("right", np.eye(3), np.zeros(3), np.full(skeleton.ANGLE_COUNT, 0.2), np.zeros(9))[0]
# The second crop is taken elsewhere and mirrored: what was before must come over through the camera's frame.
FRAMES = [
    CropFrame(np.array([0.02, 0.0, 0.5]), 0.3, 64),
    CropFrame(np.array([-0.01, 0.03, 0.55]), 0.3, 64, mirrored=True),
]
CROPS = np.full((2, 64, 64), -0.05, np.float32)


def found() -> Predictions:
    """Of two crops the same hand, the second time with fingers that are 4 mm longer but for their last bones."""
    joints = np.stack([HAND, HAND]).astype(np.float32)
    joints[1, [tip - 1 for tip in TIPS], 0] += 0.004
    sigma = np.full((2, 23), 0.006, np.float32)
    angles = np.zeros((2, skeleton.ANGLE_COUNT), np.float32)
    return Predictions(joints, joints, sigma, angles, angles)


def regressed(follows: list[bool] | None) -> Predictions:
    return HierarchicalRegression()(found(), FRAMES, CROPS, follows)


@pytest.mark.parametrize("follows", [None, [False, False], [False, True]])
def test_joints_are_the_regressors_with_the_frame_before_where_one_follows_it(follows):
    network, prior = found(), load_bone_prior()
    sigma = network.sigma[0].astype(np.float64)
    previous = None
    for i in range(2):
        expected = regress_joints(
            FRAMES[i], CROPS[i], network.joints[i], sigma, prior, PAPER_REGRESSOR, previous
        )
        np.testing.assert_allclose(regressed(follows).joints[i], expected, atol=1e-6)
        if follows == [False, True]:
            previous = PreviousFrame(FRAMES[i].local_to_camera(expected), sigma, 1 / 30)


def test_the_past_matters_also_from_one_call_to_the_next():
    network, regression = found(), HierarchicalRegression()
    halves = [
        regression(
            Predictions(*(v[i : i + 1] for v in network)), FRAMES[i : i + 1], CROPS[i : i + 1], [i > 0]
        )
        for i in range(2)
    ]
    whole = regressed([False, True])
    np.testing.assert_array_equal(np.concatenate([half.joints for half in halves]), whole.joints)
    moved = np.linalg.norm(whole.joints - regressed(None).joints, axis=-1)
    assert moved[0].max() == 0.0
    # Eq. 11 is the fingertips'; others follow them a little in the second pass.
    assert moved[1, TIPS].max() > max(1e-4, 3 * np.delete(moved[1], TIPS).max())


def test_what_is_regressed_belongs_to_no_hand_model():
    then = regressed(None)
    assert then.angles is None
    assert then.raw_angles is None
    np.testing.assert_array_equal(then.coarse, found().coarse)
    np.testing.assert_array_equal(then.sigma, found().sigma)


def test_the_mixture_of_bone_lengths_is_the_papers_and_no_term_of_ours_counts():
    ours = ("bone_length", "free_space", "occluded", "prediction")
    assert [getattr(PAPER_REGRESSOR, name) for name in ours] == [0.0] * 4
    for name in ("bone_mixture", "background", "tip_order"):
        assert getattr(PAPER_REGRESSOR, name) > 0.0
    # People whose bones are all a millimetre longer than this hand's pull its joints apart.
    people = BonePrior(
        np.full((22, 5), 0.2), np.tile(bone_lengths(HAND)[:, None] + 0.001, 5), np.full((22, 5), 0.001)
    )
    mean = {}
    for name, config in (("with", PAPER_REGRESSOR), ("without", replace(PAPER_REGRESSOR, bone_mixture=0.0))):
        joints = HierarchicalRegression(config, people)(found(), FRAMES, CROPS).joints[0]
        mean[name] = float((bone_lengths(joints.astype(np.float64)) - bone_lengths(HAND)).mean())
    assert mean["with"] > mean["without"] + 1e-4
