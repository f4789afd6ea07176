"""A bank of people: joints and skinning agree, the nearest shape explains the bones, splits never meet."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.kinematics import HandModelLayer, HandOffsets, scale_offsets, template_offsets
from hand_pose_ros.synthetic.bank import IdentityBank, load_bank, nearest_shape
from hand_pose_ros.synthetic.poses import sample_angles, sample_view_rotations, sample_wrist_bends


@pytest.fixture(scope="module")
def bank() -> IdentityBank:
    return load_bank(("makehuman", "webxr"), 2, 5)


def test_skinning_of_rest_segment_origins_gives_the_posed_joints(bank):
    rng = np.random.default_rng(0)
    person = np.array([0, 1, 2, 3])
    posed = bank.pose(
        person,
        sample_angles(4, rng),
        sample_view_rotations(4, rng),
        rng.normal(size=(4, 3)),
        sample_wrist_bends(4, rng),
    )
    for segment, joint in enumerate(skeleton.SEGMENT_JOINTS):
        matrix = posed.skinning[:, segment]
        moved = (
            np.einsum("nij,nj->ni", matrix[..., :3], bank.rest_positions[person, segment]) + matrix[..., 3]
        )
        assert np.allclose(moved, posed.joints[:, joint], atol=1e-6)


def test_wrist_bends_turn_the_forearm_and_leave_the_hand(bank):
    rng = np.random.default_rng(0)
    person, angles, rotation = np.array([0]), sample_angles(1, rng), sample_view_rotations(1, rng)
    straight = bank.pose(person, angles, rotation, np.zeros((1, 3)), np.zeros((1, 2)))
    bent = bank.pose(person, angles, rotation, np.zeros((1, 3)), np.array([[0.5, 0.1]]))
    assert np.array_equal(straight.joints, bent.joints)
    assert np.array_equal(straight.skinning[:, :-1], bent.skinning[:, :-1])
    assert not np.allclose(straight.skinning[:, -1], bent.skinning[:, -1])


def test_the_nearest_shape_of_a_scaled_template_is_its_shape():
    shape = torch.randn(9, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 0.1
    shape[1:] -= shape[1:].mean()
    offsets = scale_offsets(template_offsets(torch.float64), shape)
    assert np.allclose(nearest_shape(offsets), shape.numpy(), atol=1e-9)


def test_the_shape_label_explains_a_persons_joints_within_millimetres(bank):
    rng = np.random.default_rng(1)
    person = np.arange(len(bank))
    angles, rotation = sample_angles(4, rng), sample_view_rotations(4, rng)
    truth = bank.pose(person, angles, rotation, np.zeros((4, 3))).joints
    layer = HandModelLayer().double()
    values = [torch.from_numpy(v) for v in (rotation, np.zeros((4, 3)), angles, bank.shape)]
    joints = layer.frames_from_rotation(*values).joints.numpy()
    assert np.linalg.norm(joints - truth, axis=-1).mean() < 0.006


def test_other_splits_have_other_people(bank):
    other = load_bank(("makehuman", "webxr"), 2, 6)
    assert not np.allclose(other.shape, bank.shape)


def test_ranges_cover_all_vertices_and_faces(bank):
    assert bank.vertex_range[0, 0] == 0
    assert bank.vertex_range[-1, 1] == len(bank.vertices) == len(bank.bone_index) == len(bank.along_forearm)
    for person, family in enumerate(bank.family):
        faces = bank.faces[slice(*bank.face_range[family])]
        assert faces.max() < np.diff(bank.vertex_range[person])[0]
    assert isinstance(bank.offsets, HandOffsets)
