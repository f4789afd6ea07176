"""Segment frames, rest poses and linear blend skinning: the arithmetic below the hand meshes.

In: joints (23, 3) m of a right hand in its palm frame, frames of the hand model. Out: angles (rad), segment frames,
maps (17, 3, 4) and moved vertices (V, 3) m.

The 17 segments are the 16 of ``skeleton.SEGMENT_NAMES`` and the forearm (``FOREARM``), whose frame sits in the middle
of the wrist, x to the palm. Skinning: a vertex moves by the weighted mean of its segments' maps (Magnenat-Thalmann
et al. 1988; Lewis et al. 2000, eq. 1).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.kinematics import HandOffsets, forward_kinematics
from hand_pose_ros.hand.rotations import rotation_y, rotation_z
from hand_pose_ros.kernel_cache import njit

Array = NDArray[np.floating]
Array32 = NDArray[np.float32]

FOREARM = skeleton.SEGMENT_COUNT
SEGMENT_COUNT = FOREARM + 1

_SEGMENT_JOINTS = np.array(skeleton.SEGMENT_JOINTS)


def _as_numpy(about: Callable[[torch.Tensor], torch.Tensor], angle: ArrayLike) -> Array:
    """The hand model's own rotations (..., 3, 3) by angles (...) rad, as numpy."""
    return np.asarray(about(torch.as_tensor(np.asarray(angle, np.float64))).numpy())


def rest_angles(joints: Array) -> Array:
    """Joints (23, 3) in the palm frame -> the 20 angles (rad) at which our fingers point as these do.

    Exact for the first bone of each finger; the hinges take the part of a bend that lies in the finger's plane.
    """
    angles = np.zeros((5, 4))
    for i, places in enumerate(skeleton.FINGER_JOINT_TABLE):
        bones = np.diff(joints[places].astype(np.float64), axis=0)
        frame = skeleton.THUMB_REST_ROTATION if i == 0 else np.eye(3)
        local = bones[0] @ frame
        angles[i, 0] = np.arctan2(local[1], local[0])
        angles[i, 1] = -np.arctan2(local[2], np.hypot(local[0], local[1]))
        frame = frame @ _as_numpy(rotation_z, angles[i, 0]) @ _as_numpy(rotation_y, angles[i, 1])
        for k in (1, 2):
            local = bones[k] @ frame
            angles[i, k + 1] = -np.arctan2(local[2], local[0])
            frame = frame @ _as_numpy(rotation_y, angles[i, k + 1])
    return angles.reshape(-1)


def rest_rotations(angles: Array) -> Array:
    """Angles (20,) rad -> (17, 3, 3) axes of the segments in the palm frame, the forearm in line with the palm.

    They do not depend on a person's lengths.
    """
    one = torch.ones(5, 3, dtype=torch.float64)
    anyone = HandOffsets(wrist=one[:2], bases=one, lengths=one)
    frames = forward_kinematics(torch.eye(3).double(), torch.zeros(3).double(), torch.tensor(angles), anyone)
    return np.concatenate([frames.segment_rotations.numpy(), np.eye(3)[None]])


def along_bones(joints: Array, rotations: Array, lengths: Array) -> Array:
    """Joints (23, 3) with the fingers rebuilt from their bases, along the segments' x, with lengths (5, 3)."""
    moved = joints.copy()
    steps = rotations[1:FOREARM, :, 0].reshape(5, 3, 3) * lengths[..., None]
    fingers = skeleton.FINGER_JOINT_TABLE
    moved[fingers[:, 1:]] = joints[fingers[:, :1]] + steps.cumsum(axis=1)
    return moved


def segment_origins(joints: Array) -> Array:
    """Joints (..., 23, 3) -> origins of the 17 segments (..., 17, 3)."""
    wrist = joints[..., skeleton.WRIST_JOINTS, :].mean(axis=-2, keepdims=True)
    return np.concatenate([joints[..., _SEGMENT_JOINTS, :], wrist], axis=-2)


def add_forearm(
    joints: Array,
    positions: Array,
    rotations: Array,
    flexion: ArrayLike = 0.0,
    deviation: ArrayLike = 0.0,
) -> tuple[Array, Array]:
    """Append the forearm to frames of the hand model: positions (N, 17, 3) and rotations (N, 17, 3, 3).

    joints (N, 23, 3), positions (N, 16, 3), rotations (N, 16, 3, 3); flexion and deviation (N,) or scalar, rad: the
    hand is the forearm turned by deviation about z (to the thumb), then by flexion about y (to the palm).
    """
    bends = _as_numpy(rotation_z, deviation) @ _as_numpy(rotation_y, flexion)
    forearm = rotations[:, 0] @ bends.swapaxes(-1, -2)
    wrist = joints[:, skeleton.WRIST_JOINTS].mean(axis=1)
    return (
        np.concatenate([positions, wrist[:, None]], axis=1),
        np.concatenate([rotations, forearm[:, None]], axis=1),
    )


def affine_maps(linear: Array, start: Array, end: Array) -> Array:
    """Maps (..., 17, 3, 4) that apply linear (..., 17, 3, 3) and bring the points start to end (..., 17, 3)."""
    offset = end - (linear @ start[..., None])[..., 0]
    return np.concatenate([linear, offset[..., None]], axis=-1)


def vertex_normals(vertices: Array, faces: NDArray[np.integer]) -> Array:
    """(V, 3) f32 unit normals, outward, weighted by the faces' areas."""
    corner = vertices[faces]
    face_normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    normals = np.zeros_like(vertices)
    for k in range(3):
        np.add.at(normals, faces[:, k], face_normal)
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return (normals / np.maximum(length, 1e-12)).astype(np.float32)


@njit(nogil=True, cache=True)
def skin_vertices(
    vertices: Array32, bone_index: NDArray[np.int32], bone_weight: Array32, matrices: Array32, out: Array32
) -> None:
    """Move one hand: vertices (V, 3) f32, bone_index (V, 4) i32, bone_weight (V, 4) f32, matrices (17, 3, 4) f32.

    Writes out (V, 3) f32. Can be called inside other compiled loops.
    """
    for v in range(vertices.shape[0]):
        x, y, z = vertices[v, 0], vertices[v, 1], vertices[v, 2]
        for i in range(3):
            total = np.float32(0.0)
            for k in range(4):
                weight = bone_weight[v, k]
                if weight > 0.0:
                    m = matrices[bone_index[v, k]]
                    total += weight * (m[i, 0] * x + m[i, 1] * y + m[i, 2] * z + m[i, 3])
            out[v, i] = total
