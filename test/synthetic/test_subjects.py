"""Packed subjects: joints and skinning agree, the nearest shape explains the bones, splits never meet."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.kinematics import HandModelLayer, HandOffsets, scale_offsets, template_offsets
from hand_pose_ros.synthetic.poses import sample_angles, sample_view_rotations, sample_wrist_bends
from hand_pose_ros.synthetic.subjects import SubjectSet, load_subjects, nearest_shape


@pytest.fixture(scope="module")
def subjects() -> SubjectSet:
    return load_subjects(("makehuman", "webxr"), 2, 5)


def test_skinning_of_rest_segment_origins_gives_the_posed_joints(subjects):
    rng = np.random.default_rng(0)
    subject = np.array([0, 1, 2, 3])
    posed = subjects.pose(
        subject,
        sample_angles(4, rng),
        sample_view_rotations(4, rng),
        rng.normal(size=(4, 3)),
        sample_wrist_bends(4, rng),
    )
    for segment, joint in enumerate(skeleton.SEGMENT_JOINTS):
        matrix = posed.skinning[:, segment]
        moved = (
            np.einsum("nij,nj->ni", matrix[..., :3], subjects.rest_positions[subject, segment])
            + matrix[..., 3]
        )
        assert np.allclose(moved, posed.joints[:, joint], atol=1e-6)


def test_wrist_bends_turn_the_forearm_and_leave_the_hand(subjects):
    rng = np.random.default_rng(0)
    subject, angles, rotation = np.array([0]), sample_angles(1, rng), sample_view_rotations(1, rng)
    straight = subjects.pose(subject, angles, rotation, np.zeros((1, 3)), np.zeros((1, 2)))
    bent = subjects.pose(subject, angles, rotation, np.zeros((1, 3)), np.array([[0.5, 0.1]]))
    assert np.array_equal(straight.joints, bent.joints)
    assert np.array_equal(straight.skinning[:, :-1], bent.skinning[:, :-1])
    assert not np.allclose(straight.skinning[:, -1], bent.skinning[:, -1])


def test_the_nearest_shape_of_a_scaled_template_is_its_shape():
    shape = torch.randn(9, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 0.1
    shape[1:] -= shape[1:].mean()
    offsets = scale_offsets(template_offsets(torch.float64), shape)
    assert np.allclose(nearest_shape(offsets), shape.numpy(), atol=1e-9)


def test_the_shape_label_explains_a_subjects_joints_within_millimetres(subjects):
    rng = np.random.default_rng(1)
    subject = np.arange(len(subjects))
    angles, rotation = sample_angles(4, rng), sample_view_rotations(4, rng)
    truth = subjects.pose(subject, angles, rotation, np.zeros((4, 3))).joints
    layer = HandModelLayer().double()
    values = [torch.from_numpy(v) for v in (rotation, np.zeros((4, 3)), angles, subjects.shape)]
    joints = layer.frames_from_rotation(*values).joints.numpy()
    assert np.linalg.norm(joints - truth, axis=-1).mean() < 0.006


def test_other_splits_have_other_subjects(subjects):
    other = load_subjects(("makehuman", "webxr"), 2, 6)
    assert not np.allclose(other.shape, subjects.shape)


def test_ranges_cover_all_vertices_and_faces(subjects):
    assert subjects.vertex_range[0, 0] == 0
    vertices = (subjects.vertices, subjects.bone_index, subjects.along_forearm)
    assert {len(part) for part in vertices} == {subjects.vertex_range[-1, 1]}
    for subject, family in enumerate(subjects.family):
        faces = subjects.faces[slice(*subjects.face_range[family])]
        assert faces.max() < np.diff(subjects.vertex_range[subject])[0]
    assert isinstance(subjects.offsets, HandOffsets)
