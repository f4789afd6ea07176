"""What surrounds a hand: a wall or table behind it, a body, loose or held objects, now and then something before it.

Everything is drawn in the hand's local frame (metres, look-at view, origin at the crop centre) and handed to the
renderer as planes and solids. Nothing passes through the hand: surfaces keep clear of every joint.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hand_pose_ros import validation
from hand_pose_ros.hand import skeleton
from hand_pose_ros.synthetic.rotations import axes_along, facing_normals, random_axes
from hand_pose_ros.synthetic.solids import BOX, ELLIPSOID, NOTHING, Solids, moved, nothing, put

Array = NDArray[np.float64]
OBJECTS = 8
# Flesh between a joint and the skin, plus a gap, metres.
_CLEARANCE_M = 0.022
_FINGER_M = 0.008
HELD_SLOT = 4
"""From this slot of a scene's solids on is what the hand holds."""


@dataclass(frozen=True)
class Scenes:
    """N scenes in local frames. planes (N, 4): unit normal and offset m, NaN for none; solids: (N, OBJECTS) of them."""

    planes: Array
    solids: Solids

    @classmethod
    def empty(cls, count: int) -> Scenes:
        """N scenes with nothing in them."""
        return cls(np.full((count, 4), np.nan), nothing(count, OBJECTS))

    def put(
        self,
        slot: int,
        chosen: NDArray[np.bool_],
        centre: Array,
        half_axes: Array,
        turn: Array,
        kind: ArrayLike = ELLIPSOID,
    ) -> None:
        """Place a solid in the chosen scenes: centre (N, 3) m, half_axes (N, 3) m, turn (N, 3, 3): rows are its axes;
        kind: a code of ``solids``, or (N,) of them."""
        self.solids.kind[chosen, slot] = np.broadcast_to(kind, len(chosen))[chosen]
        self.solids.centre[chosen, slot] = centre[chosen]
        self.solids.axes[chosen, slot] = (turn / half_axes[:, :, None])[chosen]


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
    """A grasp of ``synthetic.grasp_library``: its pose, its subject and its thing, drawn by the data set."""
    other_hand: float = 0.0
    """Another hand, or the person's other one, at least 7 cm off: drawn by the data set, which has the meshes."""
    table: float = 0.0
    """A table 2 to 25 mm behind the hand, instead of a wall: drawn by the data set, too."""
    bench: float = 0.0
    """A table whose edge the arm comes over, with things on it close beside the hand (``synthetic.workbench``), instead
    of a wall: drawn by the data set, too."""

    def __post_init__(self) -> None:
        validation.share(
            self,
            "plane",
            "body",
            "beside",
            "before",
            "held",
            "grasp",
            "other_hand",
            "table",
            "bench",
            section="scene",
        )


def sample_scenes(joints: Array, config: SceneConfig, rng: np.random.Generator) -> Scenes:
    """Joints (N, 23, 3) m local -> N scenes around them."""
    count = len(joints)
    scenes = Scenes.empty(count)

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


def hold(scenes: Scenes, chosen: NDArray[np.intp], things: Solids) -> None:
    """Put things (M, K), in local frames, into the hands of the chosen scenes (M,), instead of what they may hold; a
    wall or a table that would pass through them moves behind them."""
    put(scenes.solids, chosen, things, HELD_SLOT)
    scenes.planes[chosen, 3] = np.maximum(
        scenes.planes[chosen, 3], farthest(things, scenes.planes[chosen, :3]) + 0.001
    )


def farthest(things: Solids, normal: Array) -> Array:
    """(M,): how far things (M, K) reach at most along the unit normals (M, 3), m; -inf where there is none."""
    half_axes = things.axes / np.linalg.norm(things.axes, axis=-1, keepdims=True) ** 2
    reach = np.abs(np.einsum("mkai,mi->mka", half_axes, normal)).sum(axis=-1)
    along = np.einsum("mki,mi->mk", things.centre, normal) + reach
    return np.asarray(np.where(things.kind == NOTHING, -np.inf, along).max(axis=1))


def to_camera(scenes: Scenes, view: Array, distance: Array) -> Scenes:
    """Scenes from local frames into camera frames: view (N, 3, 3) camera -> view, distance (N,) m of the centre."""
    planes = scenes.planes.copy()
    planes[:, :3] = np.einsum("nji,nj->ni", view, scenes.planes[:, :3])
    planes[:, 3] += scenes.planes[:, 2] * distance
    back = view.swapaxes(1, 2)
    return Scenes(planes, moved(scenes.solids, back, back[:, :, 2] * distance[:, None]))
