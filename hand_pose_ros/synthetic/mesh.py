"""Hand meshes in many shapes, posed by our hand model.

In: the assets built by tools/build_hand_mesh.py; segment frames of the hand model. Out: vertices, metres.
All meshes are right hands; rest meshes lie in the palm frame (see ``hand.skeleton``).

A mesh is skinned to 17 segments: the 16 of ``skeleton.SEGMENT_NAMES`` and the forearm (``FOREARM``), whose frame sits in
the middle of the wrist. A segment moves its vertices by T_posed(segment) inverse(T_rest(segment)). The rest frames are
those of our forward kinematics at ``rest_angles``, so the rest mesh is one of the poses that the model can make, and
posed joints are the model's joints, whatever the angles.

Skinning: linear blend skinning (Magnenat-Thalmann et al. 1988; Lewis et al. 2000, eq. 1).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import torch
from numba import njit

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.kinematics import HandOffsets, forward_kinematics
from hand_pose_ros.resources import resource

MESH_NAMES: tuple[str, ...] = ("makehuman", "webxr")
FOREARM = skeleton.SEGMENT_COUNT
SEGMENT_COUNT = FOREARM + 1

_FINGER_JOINTS = np.array([skeleton.FINGER_JOINTS[finger] for finger in skeleton.FINGERS])  # (5, 4)
_SEGMENT_JOINTS = np.array(skeleton.SEGMENT_JOINTS)


@dataclass(frozen=True)
class HandMesh:
    """A family of hands: a template and its blendshapes.

    vertices (V, 3) f32 m; faces (F, 3) i32, seen anticlockwise from outside; bone_index (V, 4) i32 and bone_weight (V, 4)
    f32; joints (23, 3) f32 m; blendshapes (B, V, 3) and joint_blendshapes (B, 23, 3) f32 m, differences from the
    template in the same pose and of the same hand length; blendshape_names (B,); rest_angles (20,) rad: the pose of
    the rest mesh; rest_rotations (17, 3, 3): its segments' axes as columns; normals (V, 3), outward.
    """

    name: str
    vertices: np.ndarray
    faces: np.ndarray
    bone_index: np.ndarray
    bone_weight: np.ndarray
    joints: np.ndarray
    blendshapes: np.ndarray
    joint_blendshapes: np.ndarray
    blendshape_names: tuple[str, ...]
    rest_angles: np.ndarray
    rest_rotations: np.ndarray
    normals: np.ndarray
    has_forearm: bool = True


@dataclass(frozen=True)
class Identity:
    """One person's right hand at rest, in the palm frame.

    vertices (V, 3) f32 m; joints (23, 3) f32 m; rest_rotations (17, 3, 3) and rest_positions (17, 3) f32: segment frames;
    rest_angles (20,) rad: our forward kinematics at these angles with ``offsets`` gives ``joints``; offsets: lengths
    for ``hand.kinematics.forward_kinematics``, float32 tensors without batch dimensions.
    """

    mesh: HandMesh
    vertices: np.ndarray
    joints: np.ndarray
    rest_rotations: np.ndarray
    rest_positions: np.ndarray
    rest_angles: np.ndarray
    offsets: HandOffsets


@dataclass(frozen=True)
class IdentityConfig:
    """How widely hands vary. Scale factors are drawn evenly in their logarithm between 1 / (1 + r) and 1 + r."""

    size: tuple[float, float] = (0.8, 1.2)
    """Hand length over the template's: children to big men."""
    fingers: float = 0.08
    """All fingers together, against the palm."""
    finger: float = 0.12
    """Each finger's length."""
    phalanx: float = 0.06
    """Each phalanx's length."""
    finger_thickness: tuple[float, float] = (0.8, 1.25)
    """All fingers' width and thickness."""
    finger_thickness_each: float = 0.08
    """Each finger's width and thickness, and the ratio of the two."""
    palm: float = 0.12
    """The palm's length, width and thickness, each."""
    knuckle: float = 0.0015
    """m, standard deviation of each mcp's place in the palm."""
    forearm_thickness: tuple[float, float] = (0.8, 1.3)
    forearm_length: tuple[float, float] = (0.01, 0.22)
    """m from the crease of the wrist to where the arm is cut off."""
    blend: float = 1.2
    """Largest sum of the blendshapes' amounts."""
    skin: float = 0.0008
    """m, standard deviation of smooth dents and bumps."""

    def __post_init__(self) -> None:
        for name in ("size", "finger_thickness", "forearm_thickness", "forearm_length"):
            low, high = getattr(self, name)
            if not 0.0 < low <= high:
                raise ValueError(f"{name} is {(low, high)}, want 0 < low <= high")
        for name in (
            "fingers",
            "finger",
            "phalanx",
            "finger_thickness_each",
            "palm",
            "knuckle",
            "blend",
            "skin",
        ):
            value = getattr(self, name)
            if not 0.0 <= value <= 2.0:
                raise ValueError(f"{name} is {value}, want 0 to 2")


@dataclass
class _Scales:
    """What turns a template into a person. Lengths scale along a segment's x, thickness along its y and z."""

    palm: np.ndarray = field(default_factory=lambda: np.ones(3))
    lengths: np.ndarray = field(default_factory=lambda: np.ones((5, 3)))
    thickness: np.ndarray = field(default_factory=lambda: np.ones((5, 2)))
    knuckles: np.ndarray = field(default_factory=lambda: np.zeros((5, 3)))
    forearm: np.ndarray = field(default_factory=lambda: np.ones(2))
    size: float = 1.0


# ------------------------------------------------------------------------------------------------ rest pose


def rest_angles(joints: np.ndarray) -> np.ndarray:
    """Joints (23, 3) in the palm frame -> the 20 angles (rad) at which our fingers point as these do.

    Exact for the first bone of each finger; the hinges take the part of a bend that lies in the finger's plane.
    """
    angles = np.zeros((5, 4))
    for i, places in enumerate(_FINGER_JOINTS):
        bones = np.diff(joints[places].astype(np.float64), axis=0)
        frame = skeleton.THUMB_REST_ROTATION if i == 0 else np.eye(3)
        local = bones[0] @ frame
        angles[i, 0] = np.arctan2(local[1], local[0])
        angles[i, 1] = -np.arctan2(local[2], np.hypot(local[0], local[1]))
        frame = frame @ _rotation_z(angles[i, 0]) @ _rotation_y(angles[i, 1])
        for k in (1, 2):
            local = bones[k] @ frame
            angles[i, k + 1] = -np.arctan2(local[2], local[0])
            frame = frame @ _rotation_y(angles[i, k + 1])
    return angles.reshape(20)


def _rotation_y(angle: float) -> np.ndarray:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])


def _rotation_z(angle: float) -> np.ndarray:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def _offsets(joints: np.ndarray) -> HandOffsets:
    bones = np.diff(joints[_FINGER_JOINTS], axis=1)
    lengths = np.linalg.norm(bones, axis=-1)
    values = (joints[1:3], joints[_FINGER_JOINTS[:, 0]], lengths)
    return HandOffsets(*(torch.tensor(np.asarray(value, dtype=np.float32)) for value in values))


def _rest_rotations(angles: np.ndarray) -> np.ndarray:
    """(17, 3, 3) segment axes at these angles; they do not depend on the lengths. The forearm is in line with the palm."""
    unit = HandOffsets(torch.zeros(2, 3), torch.zeros(5, 3), torch.ones(5, 3))
    unit = HandOffsets(*(value.double() for value in unit))
    frames = forward_kinematics(torch.eye(3).double(), torch.zeros(3).double(), torch.tensor(angles), unit)
    return np.concatenate([frames.segment_rotations.numpy(), np.eye(3)[None]])


def _along_bones(joints: np.ndarray, rotations: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Joints (23, 3) with the fingers rebuilt from their bases along the segments' x with lengths (5, 3)."""
    moved = joints.copy()
    steps = rotations[1:FOREARM, :, 0].reshape(5, 3, 3) * lengths[..., None]
    moved[_FINGER_JOINTS[:, 1:]] = joints[_FINGER_JOINTS[:, :1]] + steps.cumsum(axis=1)
    return moved


def segment_origins(joints: np.ndarray) -> np.ndarray:
    """Joints (..., 23, 3) -> origins of the 17 segments (..., 17, 3): the forearm's is the middle of the wrist."""
    wrist = joints[..., 1:3, :].mean(axis=-2, keepdims=True)
    return np.concatenate([joints[..., _SEGMENT_JOINTS, :], wrist], axis=-2)


def _bone_lengths(joints: np.ndarray) -> np.ndarray:
    return np.linalg.norm(np.diff(joints[_FINGER_JOINTS], axis=1), axis=-1)


def _matrices(linear: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Maps (..., 17, 3, 4) that apply linear (..., 17, 3, 3) about start and bring start to end (..., 17, 3)."""
    offset = end - (linear @ start[..., None])[..., 0]
    return np.concatenate([linear, offset[..., None]], axis=-1)


# --------------------------------------------------------------------------------------------------- loading


@lru_cache(maxsize=None)
def load_hand_mesh(name: str) -> HandMesh:
    """A family of MESH_NAMES, at rest in a pose of our hand model. ValueError on an unknown name."""
    if name not in MESH_NAMES:
        raise ValueError(f"unknown hand mesh '{name}', want one of {', '.join(MESH_NAMES)}")
    with np.load(resource(f"assets/hand_mesh_{name}.npz"), allow_pickle=False) as asset:
        data = {key: asset[key] for key in asset.files}
    vertices, joints = data["vertices"].astype(np.float64), data["joints"].astype(np.float64)
    faces = data["faces"].astype(np.int32)
    bone_index, bone_weight = data["bone_index"].astype(np.int32), data["bone_weight"].astype(np.float32)
    frames = data["frames"].astype(np.float64)
    angles = rest_angles(joints)
    rotations = _rest_rotations(angles)
    linear = rotations @ frames.transpose(0, 2, 1)

    def straighten(shape: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        moved = _along_bones(points, rotations, _bone_lengths(points))
        maps = _matrices(linear, segment_origins(points), segment_origins(moved))
        out = np.empty((len(shape), 3), np.float32)
        skin_vertices(shape.astype(np.float32), bone_index, bone_weight, maps.astype(np.float32), out)
        return out, moved

    rest, rest_joints = straighten(vertices, joints)
    shapes, joint_shapes = [], []
    for delta, joint_delta in zip(data["blendshapes"].astype(np.float64), data["joint_blendshapes"]):
        shape, points = straighten(vertices + delta, joints + joint_delta)
        shapes.append(shape - rest)
        joint_shapes.append(points - rest_joints)
    return HandMesh(
        name=name,
        vertices=rest,
        faces=faces,
        bone_index=bone_index,
        bone_weight=bone_weight,
        joints=rest_joints.astype(np.float32),
        blendshapes=np.array(shapes, np.float32).reshape(-1, len(rest), 3),
        joint_blendshapes=np.array(joint_shapes, np.float32).reshape(-1, skeleton.JOINT_COUNT, 3),
        blendshape_names=tuple(str(n) for n in data["blendshape_names"]),
        rest_angles=angles.astype(np.float32),
        rest_rotations=rotations.astype(np.float32),
        normals=vertex_normals(rest, faces),
    )


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(V, 3) f32 unit normals, outward, weighted by the faces' areas."""
    corner = vertices[faces]
    face_normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    normals = np.zeros_like(vertices)
    for k in range(3):
        np.add.at(normals, faces[:, k], face_normal)
    return (normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)).astype(np.float32)


# -------------------------------------------------------------------------------------------------- identities


def template_identity(mesh: HandMesh) -> Identity:
    """The family's template with its whole forearm."""
    return _identity(mesh, mesh.vertices, mesh.joints)


def sample_identity(
    mesh: HandMesh, rng: np.random.Generator, config: IdentityConfig = IdentityConfig()
) -> Identity:
    """A random person's hand: blendshapes, then each part scaled along its own axes, then dents, size and arm length."""
    vertices, joints = mesh.vertices, mesh.joints
    count = len(mesh.blendshapes)
    if count:
        chosen = rng.choice(count, min(4, count), replace=False)
        amount = (rng.dirichlet(np.ones(len(chosen))) * rng.uniform(0.0, config.blend)).astype(np.float32)
        vertices = vertices + np.tensordot(amount, mesh.blendshapes[chosen], 1)
        joints = joints + np.tensordot(amount, mesh.joint_blendshapes[chosen], 1)

    def factor(r: float, shape: tuple[int, ...] = ()) -> np.ndarray:
        return np.exp(rng.uniform(-np.log1p(r), np.log1p(r), shape))

    def between(limits: tuple[float, float]) -> float:
        return float(np.exp(rng.uniform(np.log(limits[0]), np.log(limits[1]))))

    each = config.finger_thickness_each
    scales = _Scales(
        palm=factor(config.palm, (3,)),
        lengths=factor(config.fingers) * factor(config.finger, (5, 1)) * factor(config.phalanx, (5, 3)),
        thickness=between(config.finger_thickness) * factor(each, (5, 1)) * factor(0.5 * each, (5, 2)),
        knuckles=rng.normal(0.0, config.knuckle, (5, 3)).clip(-2 * config.knuckle, 2 * config.knuckle),
        forearm=between(config.forearm_thickness) * factor(0.1, (2,)),
        size=between(config.size),
    )
    if config.skin:
        vertices = vertices + mesh.normals * _bumps(mesh.vertices, rng, config.skin)[:, None]
    vertices, joints = _scaled(mesh, vertices, joints, scales)
    low, high = config.forearm_length
    return _identity(mesh, cut_forearm(vertices, joints, rng.uniform(low, high) * scales.size), joints)


def _bumps(vertices: np.ndarray, rng: np.random.Generator, size: float) -> np.ndarray:
    """(V,) m: a smooth random field over space with waves of 2 to 8 cm and the given standard deviation."""
    waves = 8
    direction = rng.normal(size=(waves, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    number = 2 * np.pi / rng.uniform(0.02, 0.08, waves)
    phase = vertices @ (direction * number[:, None]).T.astype(np.float32) + rng.uniform(0, 2 * np.pi, waves)
    return (np.sin(phase).sum(axis=1) * (size * np.sqrt(2.0 / waves))).astype(np.float32)


def _scaled(
    mesh: HandMesh, vertices: np.ndarray, joints: np.ndarray, scales: _Scales
) -> tuple[np.ndarray, np.ndarray]:
    """Scale every segment along its rest axes; joints move with their segments, vertices by their weights.

    The palm frame stays what it is: the points that define it lie on its axes and scale along them. (A knuckle's own
    shift moves that joint alone, so the definition then holds to within that shift.)
    """
    joints = joints.astype(np.float64)
    moved = joints * scales.palm
    moved[_FINGER_JOINTS[:, 0]] += scales.knuckles
    moved = _along_bones(moved, mesh.rest_rotations, _bone_lengths(joints) * scales.lengths)
    stretch = np.ones((SEGMENT_COUNT, 3))
    stretch[0] = scales.palm
    stretch[1:FOREARM, 0] = scales.lengths.reshape(15)
    stretch[1:FOREARM, 1:] = np.repeat(scales.thickness, 3, axis=0)
    stretch[FOREARM, 1:] = scales.forearm
    rotations = mesh.rest_rotations.astype(np.float64)
    linear = (rotations * stretch[:, None, :]) @ rotations.transpose(0, 2, 1)
    maps = scales.size * _matrices(linear, segment_origins(joints), segment_origins(moved))
    out = np.empty_like(mesh.vertices)
    skin_vertices(
        vertices.astype(np.float32), mesh.bone_index, mesh.bone_weight, maps.astype(np.float32), out
    )
    return out, moved * scales.size


def cut_forearm(vertices: np.ndarray, joints: np.ndarray, length: float) -> np.ndarray:
    """Rest vertices with the arm cut flat at ``length`` m behind the wrist: what lies beyond is pressed into the cut."""
    cut = joints[1:3, 0].mean() - length
    vertices = vertices.copy()
    vertices[:, 0] = np.maximum(vertices[:, 0], np.float32(cut))
    return vertices


def _identity(mesh: HandMesh, vertices: np.ndarray, joints: np.ndarray) -> Identity:
    return Identity(
        mesh=mesh,
        vertices=np.ascontiguousarray(vertices, dtype=np.float32),
        joints=joints.astype(np.float32),
        rest_rotations=mesh.rest_rotations,
        rest_positions=segment_origins(joints).astype(np.float32),
        rest_angles=mesh.rest_angles,
        offsets=_offsets(joints),
    )


# ------------------------------------------------------------------------------------------------------ posing


def add_forearm(
    joints: np.ndarray,
    positions: np.ndarray,
    rotations: np.ndarray,
    flexion: np.ndarray | float = 0.0,
    deviation: np.ndarray | float = 0.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Append the forearm to frames of the hand model: positions (N, 17, 3) and rotations (N, 17, 3, 3).

    joints (N, 23, 3), positions (N, 16, 3), rotations (N, 16, 3, 3); flexion and deviation (N,) or scalar, rad: the hand
    is the forearm turned by deviation about z (to the thumb), then by flexion about y (to the palm).
    """
    count = len(positions)
    d, f = (np.broadcast_to(np.asarray(a, np.float32), (count,)) for a in (deviation, flexion))
    bend = np.stack([_rotation_z(a) @ _rotation_y(b) for a, b in zip(d, f)])
    forearm = rotations[:, 0] @ bend.transpose(0, 2, 1)
    wrist = joints[:, 1:3].mean(axis=1)
    return (
        np.concatenate([positions, wrist[:, None]], axis=1).astype(np.float32),
        np.concatenate([rotations, forearm[:, None]], axis=1).astype(np.float32),
    )


def skin_matrices(
    identity: Identity, segment_rotations: np.ndarray, segment_positions: np.ndarray
) -> np.ndarray:
    """Segment frames (N, 17, 3, 3) and (N, 17, 3) m -> maps (N, 17, 3, 4) f32 from the rest mesh to the pose."""
    linear = segment_rotations @ identity.rest_rotations.transpose(0, 2, 1)
    return _matrices(linear, identity.rest_positions, segment_positions).astype(np.float32)


def skin(identity: Identity, segment_rotations: np.ndarray, segment_positions: np.ndarray) -> np.ndarray:
    """Segment frames (N, 17, 3, 3) and (N, 17, 3) m -> posed vertices (N, V, 3) f32 m; the plain reference."""
    maps = skin_matrices(identity, segment_rotations, segment_positions)
    rest = np.concatenate([identity.vertices, np.ones_like(identity.vertices[:, :1])], axis=1)
    blended = np.einsum("vk,nvkij->nvij", identity.mesh.bone_weight, maps[:, identity.mesh.bone_index])
    return np.einsum("nvij,vj->nvi", blended, rest)


@njit(nogil=True, cache=True)
def skin_vertices(vertices, bone_index, bone_weight, matrices, out):  # type: ignore[no-untyped-def]
    """One hand: vertices (V, 3) f32, bone_index (V, 4) i32, bone_weight (V, 4) f32, matrices (17, 3, 4) f32 -> out (V, 3)."""
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
