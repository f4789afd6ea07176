"""Joint sets are affine maps of our joints and what their users expect."""

from __future__ import annotations

import numpy as np
import pytest

from hand_pose_ros.hand.joint_sets import JOINT_SETS, convert_joints


@pytest.mark.parametrize("name, count", [("mediapipe21", 21), ("icvl16", 16), ("nyu14", 14), ("msra21", 21)])
def test_joint_sets_are_affine_maps_of_the_right_size(name, count):
    joint_set = JOINT_SETS[name]
    assert joint_set.matrix.shape == (count, 23)
    assert np.allclose(joint_set.matrix.sum(axis=1), 1.0)


@pytest.mark.parametrize("name", sorted(JOINT_SETS))
def test_joint_sets_commute_with_rigid_motion(name):
    rng = np.random.default_rng(0)
    joints, shift = rng.normal(size=(5, 23, 3)), rng.normal(size=3)
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    before = convert_joints(joints, name) @ rotation.T + shift
    assert np.allclose(convert_joints(joints @ rotation.T + shift, name), before)


def test_mediapipe_order_starts_at_the_wrist_and_ends_at_the_pinky_tip():
    joint_set = JOINT_SETS["mediapipe21"]
    assert joint_set.names[:5] == ("wrist", "thumb_cmc", "thumb_mcp", "thumb_ip", "thumb_tip")
    assert joint_set.names[-1] == "pinky_tip"


def test_an_unknown_joint_set_is_named_with_the_known_ones():
    with pytest.raises(ValueError, match="joint_set is 'hands19', want one of icvl16, mediapipe21"):
        convert_joints(np.zeros((23, 3)), "hands19")
