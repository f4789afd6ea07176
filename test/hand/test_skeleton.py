"""The table: consistent with itself, plausible, and joint sets that are what their users expect."""

from __future__ import annotations

import numpy as np
import pytest

from hand_pose_ros.hand import skeleton


def test_counts_are_those_of_the_papers():
    assert skeleton.JOINT_COUNT == 23
    assert skeleton.PARAMETER_COUNT == 26
    assert len(set(skeleton.JOINT_NAMES)) == 23
    assert len(set(skeleton.PARAMETER_NAMES)) == 26
    assert len(skeleton.SEGMENT_NAMES) == len(skeleton.SEGMENT_JOINTS) == len(skeleton.SEGMENT_PARENTS) == 16


def test_every_bone_leads_from_an_earlier_joint_and_within_one_finger():
    for parent, child in skeleton.BONES:
        assert parent < child
        if parent:
            finger = skeleton.JOINT_NAMES[parent].split("_")[0]
            assert skeleton.JOINT_NAMES[child].startswith(finger)


def test_segment_parents_follow_the_joint_tree():
    for segment, parent in enumerate(skeleton.SEGMENT_PARENTS[1:], start=1):
        assert parent < segment
        assert skeleton.JOINT_PARENTS[skeleton.SEGMENT_JOINTS[segment]] == skeleton.SEGMENT_JOINTS[parent]


def test_limits_are_ordered_and_contain_the_flat_hand():
    limits = skeleton.ANGLE_LIMITS
    assert (limits[:, 0] < 0).all()
    assert (limits[:, 1] > 0).all()


def test_thumb_rest_rotation_is_a_rotation():
    rotation = skeleton.THUMB_REST_ROTATION
    assert np.allclose(rotation @ rotation.T, np.eye(3))
    assert np.linalg.det(rotation) == pytest.approx(1.0)


@pytest.mark.parametrize("name, count", [("mediapipe21", 21), ("icvl16", 16), ("nyu14", 14), ("msra21", 21)])
def test_joint_sets_are_affine_maps_of_the_right_size(name, count):
    joint_set = skeleton.JOINT_SETS[name]
    assert joint_set.matrix.shape == (count, 23)
    assert np.allclose(joint_set.matrix.sum(axis=1), 1.0)


@pytest.mark.parametrize("name", sorted(skeleton.JOINT_SETS))
def test_joint_sets_commute_with_rigid_motion(name):
    rng = np.random.default_rng(0)
    joints, shift = rng.normal(size=(5, 23, 3)), rng.normal(size=3)
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    before = skeleton.convert_joints(joints, name) @ rotation.T + shift
    assert np.allclose(skeleton.convert_joints(joints @ rotation.T + shift, name), before)


def test_mediapipe_order_starts_at_the_wrist_and_ends_at_the_pinky_tip():
    joint_set = skeleton.JOINT_SETS["mediapipe21"]
    assert joint_set.names[:5] == ("wrist", "thumb_cmc", "thumb_mcp", "thumb_ip", "thumb_tip")
    assert joint_set.names[-1] == "pinky_tip"


def test_an_unknown_joint_set_is_named_with_the_known_ones():
    with pytest.raises(ValueError, match="unknown joint set 'hands19', want one of icvl16, mediapipe21"):
        skeleton.convert_joints(np.zeros((23, 3)), "hands19")
