"""One person's hand, drawn at random from a mesh family: sizes and proportions, soft shape, the length of the arm.

In: a :class:`~hand_pose_ros.synthetic.mesh.HandMesh`, a random generator, an :class:`IdentityConfig`. Out: an
:class:`Identity`, a right hand at rest in the palm frame (``hand.skeleton``), metres.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from hand_pose_ros.hand.kinematics import HandOffsets
from hand_pose_ros.hand.skeleton import FINGER_BONE_TABLE, FINGER_JOINT_TABLE, WRIST_JOINTS, bone_lengths
from hand_pose_ros.synthetic.mesh import HandMesh
from hand_pose_ros.synthetic.skinning import (
    FOREARM,
    SEGMENT_COUNT,
    affine_maps,
    along_bones,
    segment_origins,
    skin_vertices,
)
from hand_pose_ros.validation import between, require, require_type

Array = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Identity:
    """One person's right hand at rest, in the palm frame.

    vertices (V, 3) f32 m; joints (23, 3) f32 m; rest_rotations (17, 3, 3) and rest_positions (17, 3) f32: the segments'
    frames; rest_angles (20,) rad: our forward kinematics at these angles with ``offsets`` gives ``joints``; offsets:
    lengths for ``hand.kinematics.forward_kinematics``, float32 tensors without batch dimensions.
    """

    mesh: HandMesh
    vertices: Array
    joints: Array
    rest_rotations: Array
    rest_positions: Array
    rest_angles: Array
    offsets: HandOffsets


@dataclass(frozen=True)
class IdentityConfig:
    """How widely hands vary; ValueError names a field that makes no sense.

    A number r means a factor drawn evenly in its logarithm from 1 / (1 + r) to 1 + r, a pair the factor's limits, drawn
    alike. All spreads are guesses, wide on purpose: that no person's hand lies outside them matters more than that
    rare hands are drawn rarely.
    """

    size: tuple[float, float] = (0.8, 1.2)
    """Everything, against the family's template: children to big men."""
    fingers: float = 0.08
    """The length of all fingers together, against the palm."""
    finger: float = 0.12
    """The length of each finger."""
    phalanx: float = 0.06
    """The length of each phalanx."""
    finger_thickness: tuple[float, float] = (0.8, 1.25)
    """Width and thickness of all fingers."""
    finger_thickness_each: float = 0.08
    """Width and thickness of each finger; half of it again for each phalanx and for the ratio of the two."""
    palm: float = 0.12
    """The palm's length, width and thickness, each."""
    knuckle_m: float = 0.0015
    """m, standard deviation of each mcp's place in the palm, cut off at twice that."""
    forearm_thickness: tuple[float, float] = (0.8, 1.3)
    """Of the middle of the forearm, against the wrist."""
    forearm_thickness_each: float = 0.1
    """Its width and its thickness."""
    forearm_length: tuple[float, float] = (0.01, 0.22)
    """m at size 1, drawn evenly: from the crease of the wrist to where the arm is cut off."""
    blend: float = 1.2
    """Largest sum of the blendshapes' amounts."""
    skin_m: float = 0.0008
    """m, standard deviation of smooth dents and bumps."""

    def __post_init__(self) -> None:
        for name in ("size", "finger_thickness", "forearm_thickness", "forearm_length"):
            require_type(name, getattr(self, name), "tuple[float, float]")
            low, high = getattr(self, name)
            require(0.0 < low <= high, "", name, (low, high), "0 < low <= high")
        ratios = (
            "fingers",
            "finger",
            "phalanx",
            "finger_thickness_each",
            "palm",
            "forearm_thickness_each",
            "blend",
        )
        between(self, 0.0, 2.0, *ratios)
        between(self, 0.0, 0.01, "knuckle_m", "skin_m", unit="m")


@dataclass(frozen=True, eq=False)
class _Scales:
    """What turns a template into a person: factors along the axes of each segment.

    palm (3,): length, width, thickness; lengths (5, 3): along each finger's bones; thickness (5, 3, 2): each phalanx's
    width and thickness; knuckles (5, 3) m: shift of each finger's base.
    """

    palm: Array
    lengths: Array
    thickness: Array
    knuckles: Array
    size: float


def identity_of(mesh: HandMesh, vertices: Array, joints: Array) -> Identity:
    """The person with these vertices (V, 3) and joints (23, 3) m of a family's mesh at rest; with the mesh's own, the
    template with its whole forearm."""
    constant = (
        joints[list(WRIST_JOINTS)],
        joints[FINGER_JOINT_TABLE[:, 0]],
        bone_lengths(joints)[FINGER_BONE_TABLE],
    )
    return Identity(
        mesh=mesh,
        vertices=np.ascontiguousarray(vertices, dtype=np.float32),
        joints=joints.astype(np.float32),
        rest_rotations=mesh.rest_rotations,
        rest_positions=segment_origins(joints).astype(np.float32),
        rest_angles=mesh.rest_angles,
        offsets=HandOffsets(*(torch.tensor(value, dtype=torch.float32) for value in constant)),
    )


def sample_identity(
    mesh: HandMesh, rng: np.random.Generator, config: IdentityConfig | None = None
) -> Identity:
    """A random person's hand: blendshapes, dents, each part scaled along its own axes, arm cut; about 1 ms."""
    config = config or IdentityConfig()
    vertices, joints = mesh.vertices, mesh.joints
    if len(mesh.blendshapes):
        chosen = rng.choice(len(mesh.blendshapes), min(4, len(mesh.blendshapes)), replace=False)
        amount = (rng.dirichlet(np.ones(len(chosen))) * rng.uniform(0.0, config.blend)).astype(np.float32)
        vertices = vertices + np.tensordot(amount, mesh.blendshapes[chosen], 1)
        joints = joints + np.tensordot(amount, mesh.joint_blendshapes[chosen], 1)

    def factor(ratio: float, *shape: int) -> Array:
        return np.exp(rng.uniform(-np.log1p(ratio), np.log1p(ratio), shape))

    def within(limits: tuple[float, float]) -> float:
        return float(np.exp(rng.uniform(np.log(limits[0]), np.log(limits[1]))))

    each = config.finger_thickness_each
    scales = _Scales(
        palm=factor(config.palm, 3),
        lengths=factor(config.fingers, 1) * factor(config.finger, 5, 1) * factor(config.phalanx, 5, 3),
        thickness=within(config.finger_thickness)
        * factor(each, 5, 1, 1)
        * factor(0.5 * each, 5, 3, 1)
        * factor(0.5 * each, 5, 1, 2),
        knuckles=config.knuckle_m * rng.normal(size=(5, 3)).clip(-2.0, 2.0),
        size=within(config.size),
    )
    vertices = vertices + mesh.normals * _bumps(mesh.vertices, rng, config.skin_m)[:, None]
    vertices = _thicken_forearm(
        vertices, joints, within(config.forearm_thickness) * factor(config.forearm_thickness_each, 2)
    )
    vertices, joints = _scaled(mesh, vertices, joints, scales)
    low, high = config.forearm_length
    return identity_of(mesh, cut_forearm(vertices, joints, rng.uniform(low, high) * scales.size), joints)


def _bumps(vertices: Array, rng: np.random.Generator, deviation: float) -> Array:
    """(V,) m: a smooth random field over space, waves of 2 to 10 cm, the longer the higher."""
    waves = 10
    direction = rng.normal(size=(waves, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    length = rng.uniform(0.02, 0.10, waves)
    phase = vertices @ (direction * (2 * np.pi / length)[:, None]).T + rng.uniform(0.0, 2 * np.pi, waves)
    height = deviation * length * np.sqrt(2.0 / np.sum(length**2))
    return np.asarray(np.sin(phase) @ height, dtype=np.float32)


def _thicken_forearm(vertices: Array, joints: Array, factors: Array) -> Array:
    """Vertices with the arm's width and thickness times ``factors`` (2,), reached 8 cm behind the wrist."""
    wrist = joints[list(WRIST_JOINTS)].mean(axis=0)
    share = np.clip((wrist[0] - vertices[:, :1]) / 0.08, 0.0, 1.0)
    share = share * share * (3.0 - 2.0 * share)
    vertices = vertices.copy()
    vertices[:, 1:] += (vertices[:, 1:] - wrist[1:]) * (share * (factors - 1.0))
    return vertices


def _scaled(mesh: HandMesh, vertices: Array, joints: Array, scales: _Scales) -> tuple[Array, Array]:
    """Scale every segment along its rest axes; joints move with their segments, vertices by their weights.

    The palm frame stays what it is, because the points that define it lie on its axes and scale along them. Only the
    knuckles' own shifts, 1 or 2 mm, are not followed by it.
    """
    joints = np.asarray(joints, dtype=np.float64)
    rotations = np.asarray(mesh.rest_rotations, dtype=np.float64)
    moved: Array = joints * scales.palm
    moved[FINGER_JOINT_TABLE[:, 0]] += scales.knuckles
    moved = along_bones(moved, rotations, bone_lengths(joints)[FINGER_BONE_TABLE] * scales.lengths)
    stretch = np.ones((SEGMENT_COUNT, 3))
    stretch[0] = scales.palm
    stretch[1:FOREARM, 0] = scales.lengths.reshape(-1)
    stretch[1:FOREARM, 1:] = scales.thickness.reshape(-1, 2)
    stretch[FOREARM, 1:] = scales.palm[1:]
    linear = (rotations * stretch[:, None, :]) @ rotations.transpose(0, 2, 1)
    maps = scales.size * affine_maps(linear, segment_origins(joints), segment_origins(moved))
    out = np.empty_like(mesh.vertices)
    skin_vertices(
        vertices.astype(np.float32), mesh.bone_index, mesh.bone_weight, maps.astype(np.float32), out
    )
    return out, moved * scales.size


def cut_forearm(vertices: Array, joints: Array, length: float) -> Array:
    """Rest vertices with the arm cut flat ``length`` m behind the wrist; the faces stay and the mesh stays closed.

    What lies beyond is pressed into the cut, nearer to the arm's middle the farther away it was, so that the thicker
    part of the arm leaves no brim.
    """
    cut = joints[list(WRIST_JOINTS), 0].mean() - length
    beyond = cut - vertices[:, 0]
    far = beyond > 0.0
    if not far.any():
        return vertices
    vertices = vertices.copy()
    middle = vertices[far, 1:].mean(axis=0)
    share = np.clip(0.92 - 5.0 * beyond[far, None], 0.0, 1.0)
    vertices[far, 1:] = middle + share * (vertices[far, 1:] - middle)
    vertices[far, 0] = cut
    return vertices
