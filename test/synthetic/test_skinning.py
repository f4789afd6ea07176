"""Skinning: posed meshes agree with the hand model, and the compiled loop with plain arithmetic."""

from __future__ import annotations

import numpy as np
import torch

from hand_pose_ros.hand.kinematics import forward_kinematics
from hand_pose_ros.hand.skeleton import (
    ANGLE_LIMITS,
    FINGER_JOINTS,
    FINGERS,
)
from hand_pose_ros.synthetic.identity import Identity, identity_of
from hand_pose_ros.synthetic.skinning import FOREARM, add_forearm, affine_maps, skin_vertices


def skin_matrices(identity: Identity, rotations: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Segment frames (N, 17, 3, 3) and (N, 17, 3) m -> maps (N, 17, 3, 4) f32 from the rest mesh to the pose."""
    linear = rotations @ identity.rest_rotations.transpose(0, 2, 1)
    return affine_maps(linear, identity.rest_positions, positions).astype(np.float32)


def skin(identity: Identity, rotations: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Segment frames as of :func:`skin_matrices` -> posed vertices (N, V, 3) f32 m: linear blend skinning, plainly."""
    maps = skin_matrices(identity, rotations, positions)
    mesh = identity.mesh
    blended = np.einsum("vk,nvkij->nvij", mesh.bone_weight, maps[:, mesh.bone_index])
    return np.einsum("nvij,vj->nvi", blended[..., :3], identity.vertices) + blended[..., 3]


def _pose(identity: Identity, angles: np.ndarray, rotation=None, translation=None):
    """(vertices (N, V, 3), joints (N, 23, 3), rotations (N, 17, 3, 3), positions (N, 17, 3)) at angles (N, 20)."""
    count = len(angles)
    rotation = np.eye(3) if rotation is None else rotation
    translation = np.zeros(3) if translation is None else translation
    frames = forward_kinematics(
        torch.tensor(rotation).float().expand(count, 3, 3),
        torch.tensor(translation).float().expand(count, 3),
        torch.tensor(angles).float(),
        identity.offsets,
    )
    joints, positions, rotations = (value.numpy() for value in frames)
    positions, rotations = add_forearm(joints, positions, rotations)
    return skin(identity, rotations, positions), joints, rotations, positions


def _random_angles(count: int) -> np.ndarray:
    rng = np.random.default_rng(5)
    return rng.uniform(ANGLE_LIMITS[:, 0], ANGLE_LIMITS[:, 1], (count, 20))


def test_posing_at_rest_angles_gives_the_rest_mesh(identities):
    for identity in identities:
        vertices, joints, *_ = _pose(identity, identity.rest_angles[None])
        np.testing.assert_allclose(vertices[0], identity.vertices, atol=1e-5)
        np.testing.assert_allclose(joints[0], identity.joints, atol=1e-5)


def test_skinning_carries_rest_joints_to_the_hand_models_joints(identities):
    angles = _random_angles(20)
    for identity in identities[:3]:
        _, joints, rotations, positions = _pose(identity, angles)
        maps = skin_matrices(identity, rotations, positions)
        for finger in range(5):
            for k in range(3):
                near, far = FINGER_JOINTS[FINGERS[finger]][k : k + 2]
                segment = 1 + 3 * finger + k
                for joint in (near, far):
                    moved = maps[:, segment, :, :3] @ identity.joints[joint] + maps[:, segment, :, 3]
                    np.testing.assert_allclose(moved, joints[:, joint], atol=1e-5)


def test_vertices_stay_near_the_joints_that_move_them(mesh):
    identity = identity_of(mesh, mesh.vertices, mesh.joints)
    vertices, joints, *_ = _pose(identity, _random_angles(40))
    for finger in FINGERS:
        tip = FINGER_JOINTS[finger][3]
        nearest = np.linalg.norm(vertices - joints[:, None, tip], axis=-1).min(axis=1)
        assert nearest.max() < 0.010


def test_rigid_motion_of_the_palm_moves_the_whole_mesh(identities):
    identity = identities[1]
    angles = _random_angles(3)
    turn, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))
    turn *= np.sign(np.linalg.det(turn))
    shift = np.array([0.1, -0.2, 0.7])
    still = _pose(identity, angles)[0]
    moved = _pose(identity, angles, turn, shift)[0]
    np.testing.assert_allclose(moved, still @ turn.T + shift, atol=2e-6)


def test_compiled_skinning_equals_the_reference(mesh, identities):
    identity = identities[1]
    vertices, _, rotations, positions = _pose(identity, _random_angles(2))
    maps = skin_matrices(identity, rotations, positions)
    out = np.empty_like(identity.vertices)
    for n in range(2):
        skin_vertices(identity.vertices, mesh.bone_index, mesh.bone_weight, maps[n], out)
        np.testing.assert_allclose(out, vertices[n], atol=1e-6)


def test_forearm_bends_about_the_wrist_alone(mesh):
    identity = identity_of(mesh, mesh.vertices, mesh.joints)
    *_, rotations, positions = _pose(identity, np.zeros((1, 20)))
    joints = _pose(identity, np.zeros((1, 20)))[1]
    straight = skin(identity, rotations, positions)[0]
    positions, rotations = add_forearm(joints, positions[:, :FOREARM], rotations[:, :FOREARM], 0.8, 0.3)
    bent = skin(identity, rotations, positions)[0]
    weight = np.where(mesh.bone_index == FOREARM, mesh.bone_weight, 0.0).sum(axis=1)
    np.testing.assert_allclose(bent[weight == 0.0], straight[weight == 0.0], atol=1e-7)
    elbow = identity.vertices[:, 0].argmin()
    # A hand that bends to its palm and to its thumb closes the angle on those sides.
    assert bent[elbow, 2] < straight[elbow, 2] - 0.1
    assert bent[elbow, 1] > straight[elbow, 1] + 0.04
