"""Families of hand meshes, brought to rest in a pose of our hand model.

In: the name of an asset built by tools/build_hand_mesh.py. Out: a :class:`HandMesh`, metres. All meshes are right
hands; rest meshes lie in the palm frame (``hand.skeleton``): x from the middle of the wrist to the
mean of the middle and ring mcp, y the line from the pinky to the index mcp made orthogonal to x, z = x cross y, origin
0.55 of the way along x.

The rest frames are those of our forward kinematics at ``rest_angles``. So the rest mesh is one of the poses that the
model can make, and posed joints are the model's joints, whatever the angles. A segment moves its vertices by
T_posed(segment) inverse(T_rest(segment)).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.hand.skeleton import FINGER_BONE_TABLE, bone_lengths
from hand_pose_ros.resources import resource
from hand_pose_ros.synthetic.skinning import (
    affine_maps,
    along_bones,
    rest_angles,
    rest_rotations,
    segment_origins,
    skin_vertices,
    vertex_normals,
)
from hand_pose_ros.validation import require

Array = NDArray[np.floating]

MESH_NAMES: tuple[str, ...] = ("makehuman", "webxr")


def require_families(names: Sequence[str]) -> None:
    """ValueError if no family is given or one is not known."""
    known = bool(names) and set(names) <= set(MESH_NAMES)
    require(known, "", "families", names, f"at least one of {', '.join(MESH_NAMES)}")


@dataclass(frozen=True, eq=False)
class HandMesh:
    """A family of hands: a template and its blendshapes.

    vertices (V, 3) f32 m; faces (F, 3) i32, anticlockwise from outside; bone_index (V, 4) i32 and bone_weight
    (V, 4) f32 over the 17 segments; joints (23, 3) f32 m; blendshapes (B, V, 3) and joint_blendshapes (B, 23, 3)
    f32 m: differences from the template in the same pose and at the same hand length;
    rest_angles (20,) rad: the pose of the rest mesh; rest_rotations (17, 3, 3): its segments' axes as columns;
    normals (V, 3), outward.
    """

    name: str
    vertices: Array
    faces: NDArray[np.int32]
    bone_index: NDArray[np.int32]
    bone_weight: Array
    joints: Array
    blendshapes: Array
    joint_blendshapes: Array
    rest_angles: Array
    rest_rotations: Array
    normals: Array


@lru_cache(maxsize=len(MESH_NAMES))
def load_hand_mesh(name: str) -> HandMesh:
    """A family of MESH_NAMES, brought to rest in a pose of our hand model.

    ValueError on an unknown name, FileNotFoundError if the package's assets are missing.
    """
    if name not in MESH_NAMES:
        raise ValueError(f"unknown hand mesh '{name}', want one of {', '.join(MESH_NAMES)}")
    with np.load(resource(f"assets/hand_mesh_{name}.npz"), allow_pickle=False) as asset:
        data = {key: asset[key] for key in asset.files}
    vertices, joints = data["vertices"].astype(np.float64), data["joints"].astype(np.float64)
    faces = data["faces"].astype(np.int32)
    bone_index, bone_weight = data["bone_index"].astype(np.int32), data["bone_weight"].astype(np.float32)
    angles = rest_angles(joints)
    rotations = rest_rotations(angles)
    # From the axes that the drawn hand has to those of the nearest pose of our hand model.
    linear = rotations @ data["frames"].astype(np.float64).transpose(0, 2, 1)

    def to_rest(shape: Array, points: Array) -> tuple[Array, Array]:
        moved = along_bones(points, rotations, bone_lengths(points)[FINGER_BONE_TABLE])
        maps = affine_maps(linear, segment_origins(points), segment_origins(moved))
        out = np.empty(shape.shape, np.float32)
        skin_vertices(shape.astype(np.float32), bone_index, bone_weight, maps.astype(np.float32), out)
        return out, moved

    rest, rest_joints = to_rest(vertices, joints)
    shapes = [
        to_rest(vertices + data["blendshapes"][i], joints + data["joint_blendshapes"][i])
        for i in range(len(data["blendshapes"]))
    ]
    joint_shapes = np.array([j - rest_joints for _, j in shapes], np.float32)
    return HandMesh(
        name=name,
        vertices=rest,
        faces=faces,
        bone_index=bone_index,
        bone_weight=bone_weight,
        joints=rest_joints.astype(np.float32),
        blendshapes=np.array([v - rest for v, _ in shapes], np.float32).reshape(-1, *rest.shape),
        joint_blendshapes=joint_shapes.reshape(-1, *joints.shape),
        rest_angles=angles.astype(np.float32),
        rest_rotations=rotations.astype(np.float32),
        normals=vertex_normals(rest, faces),
    )
