"""What surrounds a hand in a crop: a wall behind it, a body, loose or held objects, now and then something before it.

In: joints (metres) in the hand's local frame (look-at view, origin at the crop centre), shares. Out: :class:`Scenes`
in the same frame, yet without the hand. Nothing passes through it: surfaces keep clear of every joint.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros import validation
from hand_pose_ros.hand import skeleton
from hand_pose_ros.synthetic.rotations import axes_along, facing_normals, random_axes
from hand_pose_ros.synthetic.scene import Scenes
from hand_pose_ros.synthetic.solids import BOX, ELLIPSOID

Array = NDArray[np.float64]
OBJECTS = 8
"""Solids that a crop has room for. Chosen by hand."""
HELD_SLOT = 4
"""Where among them the thing in the hand begins."""
# Flesh between a joint and the skin, plus a gap, metres. Guessed.
_CLEARANCE_M = 0.022
_FINGER_M = 0.008


@dataclass(frozen=True)
class SceneConfig:
    """How often each thing stands in a scene: shares in 0..1, all guessed. ValueError names a field that is none."""

    plane: float = 0.35
    """A wall or a table behind the hand."""
    body: float = 0.30
    """A torso or a head behind it."""
    beside: float = 0.25
    """Each of two loose objects beside or behind it."""
    before: float = 0.10
    """Something before it that hides a part."""
    held: float = 0.0
    """Something between the fingers, as large as the pose leaves room for."""
    grasp: float = 0.0
    """A grasp of ``synthetic.grasp_library``: its pose, its subject and its thing, drawn by
    ``synthetic.scene_sampling``."""
    other_hand: float = 0.0
    """Another hand, or the person's other one, at least 7 cm off: drawn by ``synthetic.scene_sampling``, which
    has the meshes."""
    table: float = 0.0
    """A table 2 to 25 mm behind the hand, instead of a wall: drawn by ``synthetic.scene_sampling``, too."""
    bench: float = 0.0
    """A table whose edge the arm comes over, with things on it close beside the hand (``synthetic.workbench``), instead
    of a wall: drawn by ``synthetic.scene_sampling``, too."""

    def __post_init__(self) -> None:
        validation.share(self, *(field.name for field in fields(self)), section="scene")


def sample_crop_surroundings(joints: Array, config: SceneConfig, rng: np.random.Generator) -> Scenes:
    """Joints (N, 23, 3) m local -> N scenes around them."""
    count = len(joints)
    scenes = Scenes.empty(count, OBJECTS)

    normal = facing_normals(count, 0.45, rng)
    deepest = np.einsum("nji,ni->nj", joints, normal).max(axis=1)
    gap = _CLEARANCE_M + 0.35 * rng.random(count) ** 2
    has_plane = rng.random(count) < config.plane
    scenes.planes[has_plane] = np.concatenate([normal, (deepest + gap)[:, None]], axis=1)[has_plane]

    def put(slot: int, share: float, centre: Array, half_axes: Array) -> None:
        chosen = rng.random(count) < share
        scenes.put(slot, chosen, centre, half_axes, random_axes(count, rng))

    # A torso or a head behind the hand.
    half = rng.uniform(0.08, 0.22, (count, 3))
    far = joints[..., 2].max(axis=1) + _CLEARANCE_M + half.max(axis=1) + 0.25 * rng.random(count) ** 2
    side = rng.normal(0, 0.14, (count, 2))
    put(0, config.body, np.concatenate([side, far[:, None]], axis=1), half)

    # Two loose objects beside or behind the hand, as near as they can be without touching it.
    for slot in (1, 2):
        half = rng.uniform(0.012, 0.07, (count, 3))
        centre = rng.uniform(-0.17, 0.17, (count, 3))
        distance = np.linalg.norm(joints - centre[:, None], axis=-1).min(axis=1)
        room = distance - _CLEARANCE_M
        half = np.minimum(half, np.maximum(room, 0.004)[:, None])
        hidden = centre[:, 2] < joints[..., 2].mean(axis=1) - 0.02
        centre[hidden] += np.array([0.0, 0.0, 10.0])  # objects before the hand are the next kind
        put(slot, config.beside, centre, half)

    # Something before it that hides a part: an object being handed over, a cable, another finger.
    half = np.stack([rng.uniform(0.015, 0.06, count), *rng.uniform(0.004, 0.018, (2, count))], axis=-1)
    near = joints[..., 2].min(axis=1) - _CLEARANCE_M - 0.5 * half[:, 0] - 0.03 * rng.random(count)
    side = rng.normal(0, 0.05, (count, 2))
    put(3, config.before, np.concatenate([side, near[:, None]], axis=1), half)
    if config.held > 0:
        _hold(joints, scenes, config.held, rng)
    return scenes


def _hold(joints: Array, scenes: Scenes, share: float, rng: np.random.Generator) -> None:
    """Put something between the palm and the fingertips, as large as the fingers leave room for."""
    count = len(joints)
    tips = joints[:, list(skeleton.TIP_JOINTS)]
    centre = 0.5 * (joints[:, skeleton.PALM_JOINT] + tips.mean(axis=1)) + rng.normal(0, 0.008, (count, 3))
    room = np.linalg.norm(joints - centre[:, None], axis=-1).min(axis=1) - _FINGER_M
    long = np.where(rng.random(count) < 0.5, rng.uniform(1.0, 4.0, count), 1.0)
    across = np.maximum(room, 0.004) * rng.uniform(0.7, 1.0, count)
    # A long thing (a handle, a bottle) lies along the knuckles, where no finger is in its way.
    knuckles = joints[:, skeleton.JOINT_INDEX["index_mcp"]] - joints[:, skeleton.JOINT_INDEX["pinky_mcp"]]
    along = knuckles / np.linalg.norm(knuckles, axis=1, keepdims=True)
    turn = axes_along(along, rng.normal(size=(count, 3)))
    chosen = rng.random(count) < share
    # A box reaches further at its corners than the ellipsoid in it.
    box = rng.random(count) < 0.4
    across = np.where(box, across / np.sqrt(3.0), across)
    offset = np.einsum("nij,nkj->nki", turn, joints - centre[:, None])
    reach = np.linalg.norm(offset / np.stack([across * long, across, across], axis=-1)[:, None], axis=-1)
    long = np.where((reach > 1.5).all(axis=1), long, 1.0)
    half = np.stack([across * long, across, across], axis=-1)
    scenes.put(HELD_SLOT, chosen, centre, half, turn, np.where(box, BOX, ELLIPSOID))
