"""What a crop shows when there is no hand in it: faces, boxes, cups, grippers, elbows, bare arms, clutter, a wall.

In: how many, a generator. Out: Scenes in crop-local frames (metres, look-at view, origin at the crop centre), and which
of them also want a bare forearm. A detector proposes such crops, and the network must distinguish them from hands.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.synthetic.crop_surroundings import OBJECTS
from hand_pose_ros.synthetic.primitives import cup, gripper
from hand_pose_ros.synthetic.rotations import (
    axes_along,
    facing_normals,
    random_axes,
    random_directions,
    rotation_x,
    rotation_y,
    rotation_yxz,
    rotation_z,
)
from hand_pose_ros.synthetic.scene import Scenes
from hand_pose_ros.synthetic.solids import BOX, CYLINDER, ELLIPSOID, VESSEL, put, take

Array = NDArray[np.float64]

KINDS: tuple[str, ...] = (
    "forearm", "face", "elbow", "thing", "cup", "gripper", "clutter", "body", "wall", "empty",
)  # fmt: skip
# All shares and sizes here are guessed.
_SHARES = (0.17, 0.14, 0.13, 0.13, 0.13, 0.09, 0.10, 0.07, 0.03, 0.01)
_BEFORE = 0.2  # of these something hides a part
_BEFORE_SLOT = OBJECTS - 1

# Centre (m) and half axes (m) of the parts of a head that looks at the camera: x right, y down, z away. Guessed.
_HEAD: tuple[tuple[tuple[float, float, float], tuple[float, float, float]], ...] = (
    ((0.0, -0.02, 0.02), (0.075, 0.105, 0.095)),  # skull
    ((0.0, 0.065, -0.030), (0.045, 0.040, 0.045)),  # jaw and chin
    ((0.0, 0.010, -0.083), (0.014, 0.026, 0.020)),  # nose
    ((0.0, -0.030, -0.062), (0.052, 0.016, 0.018)),  # brow
    ((0.0, 0.140, 0.030), (0.052, 0.090, 0.052)),  # neck
    ((0.0, 0.270, 0.060), (0.210, 0.090, 0.100)),  # shoulders
)


def sample_negatives(count: int, rng: np.random.Generator) -> tuple[Scenes, NDArray[np.int64]]:
    """-> scenes without a hand and the kind of each, an index into ``KINDS``."""
    kind = rng.choice(len(KINDS), size=count, p=_SHARES)
    scenes = Scenes.empty(count, OBJECTS)
    name = np.array(KINDS)[kind]
    _faces(scenes, name == "face", rng)
    _elbows(scenes, name == "elbow", rng)
    _things(scenes, name == "thing", rng)
    _cups(scenes, name == "cup", rng)
    _grippers(scenes, name == "gripper", rng)
    _clutter(scenes, name == "clutter", rng)
    _bodies(scenes, name == "body", rng)
    behind = np.where(name == "wall", 1.0, np.where(name == "empty", 0.0, 0.4))
    _walls(scenes, rng.random(count) < behind, name == "wall", rng)
    rests = (name == "cup") | (name == "thing")
    _tables(scenes, rests & (rng.random(count) < 0.45), rng)
    _before(scenes, ~np.isin(name, ("wall", "empty")) & (rng.random(count) < _BEFORE), rng)
    return scenes, kind


def _faces(scenes: Scenes, chosen: NDArray[np.bool_], rng: np.random.Generator) -> None:
    count = len(chosen)
    yaw, pitch, roll = rng.normal(0, 0.5, count), rng.normal(0, 0.25, count), rng.normal(0, 0.2, count)
    turn = rotation_yxz(yaw, pitch, roll)
    size = rng.uniform(0.85, 1.1, count)
    # The locator lands on the face's front, somewhere between forehead and chin.
    origin = np.stack(
        [rng.normal(0, 0.02, count), rng.normal(0, 0.04, count), rng.uniform(0.03, 0.09, count)], -1
    )
    for slot, (centre, half) in enumerate(_HEAD):
        scale = size[:, None] * rng.uniform(0.85, 1.15, (count, 3))
        place = origin + np.einsum("nij,j->ni", turn, np.array(centre)) * size[:, None]
        scenes.put(slot, chosen, place, np.array(half) * scale, turn.swapaxes(1, 2))


def _elbows(scenes: Scenes, chosen: NDArray[np.bool_], rng: np.random.Generator) -> None:
    """Two parts of an arm that meet at any angle, or one alone, without a hand at its end."""
    count = len(chosen)
    joint = rng.normal(0, [0.03, 0.03, 0.02], (count, 3))
    thick = rng.uniform(0.032, 0.055, count)
    for slot in range(2):
        long = rng.uniform(0.10, 0.17, count)
        along = random_directions(count, rng, (1.0, 1.0, 0.6))
        turn = axes_along(along, rng.normal(size=(count, 3)))
        half = np.stack([long, thick, thick * rng.uniform(0.8, 1.1, count)], axis=-1)
        here = chosen & ((slot == 0) | (rng.random(count) < 0.75))
        scenes.put(slot, here, joint + along * (long - 0.02)[:, None], half, turn)


def _things(scenes: Scenes, chosen: NDArray[np.bool_], rng: np.random.Generator) -> None:
    """One thing about as large as a fist or a hand, box or rounded, now and then with a smaller one at it."""
    count = len(chosen)
    half = rng.uniform(0.02, 0.085, (count, 3))
    equal = rng.random(count) < 0.3
    half[equal] = half[equal, :1]
    scenes.put(0, chosen, rng.normal(0, 0.02, (count, 3)), half, random_axes(count, rng), _kinds(count, rng))
    more = chosen & (rng.random(count) < 0.35)
    small = rng.uniform(0.006, 0.04, (count, 3))
    scenes.put(1, more, rng.normal(0, 0.06, (count, 3)), small, random_axes(count, rng), _kinds(count, rng))


def _cups(scenes: Scenes, chosen: NDArray[np.bool_], rng: np.random.Generator) -> None:
    """A cup or a jug, full or empty, seen from all around and from above; now and then it lies. Its handle stands off
    as a thumb does."""
    count = len(chosen)
    stands = rotation_z(rng.normal(0, 0.2, count)) @ rotation_x(rng.uniform(-0.1, 1.3, count))
    stands = stands @ rotation_y(rng.uniform(-np.pi, np.pi, count))
    turn = np.where((rng.random(count) < 0.8)[:, None, None], stands, random_axes(count, rng))
    size, tall, reach = rng.uniform([[0.6], [0.6], [0.7]], [[1.4], [1.6], [1.6]], (3, count))
    # The locator lands in the middle of what it sees, which may be the handle alone.
    centre = rng.normal(0, [0.025, 0.025, 0.015], (count, 3))
    centre -= (0.06 * size * (rng.random(count) < 0.25))[:, None] * turn[:, :, 0]
    body = np.where(rng.random(count) < 0.6, VESSEL, CYLINDER)
    put(scenes.solids, chosen, take(cup(centre, turn, size, tall, reach, body), chosen))


def _grippers(scenes: Scenes, chosen: NDArray[np.bool_], rng: np.random.Generator) -> None:
    """A robot's hand of two or three fingers."""
    count = len(chosen)
    size, opening = rng.uniform([[0.7], [0.0]], [[1.3], [1.0]], (2, count))
    centre = rng.normal(0, 0.025, (count, 3))
    robots = gripper(centre, random_axes(count, rng), size, opening, rng.random(count) < 0.4)
    put(scenes.solids, chosen, take(robots, chosen))


def _clutter(scenes: Scenes, chosen: NDArray[np.bool_], rng: np.random.Generator) -> None:
    count = len(chosen)
    for slot in range(6):
        here = chosen & (rng.random(count) < (1.0 if slot < 2 else 0.6))
        half = np.exp(rng.uniform(np.log(0.006), np.log(0.12), (count, 3)))
        place = rng.uniform(-0.12, 0.12, (count, 3))
        scenes.put(slot, here, place, half, random_axes(count, rng), _kinds(count, rng))


def _bodies(scenes: Scenes, chosen: NDArray[np.bool_], rng: np.random.Generator) -> None:
    """A shoulder, a knee, a chest: large rounded surfaces of which the crop shows a part."""
    count = len(chosen)
    for slot in range(OBJECTS - 5):
        here = chosen & (rng.random(count) < (1.0 if slot == 0 else 0.5))
        half = rng.uniform(0.06, 0.25, (count, 3))
        centre = rng.normal(0, [0.10, 0.10, 0.05], (count, 3))
        centre[:, 2] += half.max(axis=1) * rng.uniform(0.5, 1.0, count)
        scenes.put(slot, here, centre, half, random_axes(count, rng))


def _walls(
    scenes: Scenes, chosen: NDArray[np.bool_], through: NDArray[np.bool_], rng: np.random.Generator
) -> None:
    count = len(chosen)
    normal = facing_normals(count, 0.5, rng)
    offset = np.where(through, rng.uniform(-0.08, 0.12, count), rng.uniform(0.02, 0.35, count))
    scenes.planes[chosen] = np.concatenate([normal, offset[:, None]], axis=1)[chosen]


def _tables(scenes: Scenes, chosen: NDArray[np.bool_], rng: np.random.Generator) -> None:
    """What the first solid rests on, instead of a wall."""
    count = len(chosen)
    down = (
        rotation_z(rng.normal(0, 0.2, count))
        @ rotation_x(rng.uniform(0.15, 1.3, count))
        @ np.array([0.0, 1.0, 0.0])
    )
    down = down[chosen]
    kind, centre, axes = (values[chosen, 0] for values in scenes.solids)
    # A cup stands upright on it, other things on an edge or a corner of the box around them.
    mouth = axes[:, 2] / np.linalg.norm(axes[:, 2], axis=1, keepdims=True)
    upright = np.isin(kind, (CYLINDER, VESSEL)) & (mouth[:, 1] < 0.0) & (mouth[:, 2] < 0.0)
    down[upright] = -mouth[upright]
    reach = (np.abs(np.einsum("nij,nj->ni", axes, down)) / (axes**2).sum(axis=2)).sum(axis=1)
    offset = np.einsum("ni,ni->n", down, centre) + reach
    scenes.planes[chosen] = np.concatenate([down, offset[:, None]], axis=1)


def _before(scenes: Scenes, chosen: NDArray[np.bool_], rng: np.random.Generator) -> None:
    """Something nearer that hides a part of what there is."""
    count = len(chosen)
    half = rng.uniform(0.012, 0.07, (count, 3))
    place = np.stack(
        [*rng.normal(0, 0.06, (2, count)), -half.max(axis=1) - rng.uniform(0.02, 0.12, count)], axis=-1
    )
    scenes.put(_BEFORE_SLOT, chosen, place, half, random_axes(count, rng), _kinds(count, rng))


def _kinds(count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """(N,) codes of solids: boxes, now and then something rounded."""
    return rng.choice((BOX, ELLIPSOID, CYLINDER), size=count, p=(0.5, 0.3, 0.2))
