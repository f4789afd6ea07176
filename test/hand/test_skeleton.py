"""The table: consistent with itself and plausible."""

from __future__ import annotations

import itertools

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


def test_tables_of_fingers_agree_with_names():
    for finger, joints, angles, segments, bones in zip(
        skeleton.FINGERS,
        skeleton.FINGER_JOINT_TABLE,
        skeleton.FINGER_ANGLE_TABLE,
        skeleton.FINGER_SEGMENT_TABLE,
        skeleton.FINGER_BONE_TABLE,
        strict=True,
    ):
        assert all(skeleton.JOINT_NAMES[j].startswith(f"{finger}_") for j in joints)
        assert all(skeleton.ANGLE_NAMES[a].startswith(f"{finger}_") for a in angles)
        assert all(skeleton.SEGMENT_NAMES[s].startswith(f"{finger}_") for s in segments)
        assert [skeleton.BONES[b] for b in bones] == list(itertools.pairwise(joints))
        assert [skeleton.SEGMENT_JOINTS[s] for s in segments] == list(joints[:3])


def test_depth_counts_the_bones_of_the_finger():
    for joint, (finger, depth) in enumerate(zip(skeleton.JOINT_FINGER, skeleton.JOINT_DEPTH, strict=True)):
        if finger < 0:
            assert depth == 0
        else:
            assert skeleton.FINGER_JOINT_TABLE[finger, depth] == joint


def test_lengths_are_those_between_the_ends_of_the_bones():
    joints = np.random.default_rng(0).normal(size=(2, 4, 23, 3))
    lengths = skeleton.bone_lengths(joints)
    assert lengths.shape == (2, 4, 22)
    for bone, (near, far) in enumerate(skeleton.BONES):
        expected = np.linalg.norm(joints[..., far, :] - joints[..., near, :], axis=-1)
        np.testing.assert_allclose(lengths[..., bone], expected)
    assert skeleton.bone_lengths(joints, [(0, 5)]).shape == (2, 4, 1)


def test_the_templates_lengths_are_those_of_its_tables():
    lengths = skeleton.TEMPLATE_BONE_LENGTHS
    assert lengths.shape == (22,)
    table = [skeleton.BONE_LENGTHS[finger] for finger in skeleton.FINGERS]
    np.testing.assert_array_equal(lengths[skeleton.FINGER_BONE_TABLE], table)
