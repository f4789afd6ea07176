"""The table: consistent with itself and plausible."""

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
