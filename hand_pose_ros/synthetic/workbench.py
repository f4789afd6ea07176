"""Tables with an edge that an arm comes over, and things that stand on them close beside a hand.

In: joints and arms of N hands in crop-local frames (metres, look-at view: x right, y down, z away), what they hold.
Out: solids (N, K), clear of the hands, their forearms and what they hold. As a camera sees them that looks down on a
table at which somebody works: the table top begins beside, below or beyond the hand, and is often as far from the
camera as the hand is. All numbers are guessed where nothing else is said.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.hand import skeleton
from hand_pose_ros.synthetic.household import OBJECT_PARTS, held_objects, lying, reach_along
from hand_pose_ros.synthetic.rotations import rotation_z
from hand_pose_ros.synthetic.solids import BOX, ELLIPSOID, NOTHING, Solids, gather, moved, solid, where

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

THINGS = 3
"""Things on a table at most."""
BENCH_SOLIDS = 1 + THINGS * OBJECT_PARTS
"""Solids of a table and what stands on it."""

_FLESH_M = (
    0.012  # between a joint's centre and the skin below it: as thick as a finger's half and a little more
)
_ARM_M = (0.04, 0.08, 0.12, 0.16, 0.20)  # points on the forearm, from the wrist
_ARM_FLESH_M = 0.036  # half of a forearm's width
_HALF_M = (0.55, 0.40)  # half a table's length and depth
_THING_SHARE = 0.7
_MOST_HIDDEN = 0.3  # share of a hand's joints that one of the things may stand before
_RINGS_M = (
    0.03,
    0.045,
    0.06,
    0.08,
    0.10,
    0.13,
    0.16,
)  # how far from the hand's middle a thing stands: the nearest


def sample_workbenches(joints: Array, elbow: Array, held: Solids, rng: np.random.Generator) -> Solids:
    """A table and what stands on it for each of N hands: joints (N, 23, 3) m, unit directions from the wrist to the
    elbow (N, 3), what they hold (N, K) -> (N, BENCH_SOLIDS)."""
    count = len(joints)
    # The camera looks down on the table steeply or along it, from the person's side or from the other one.
    steep = rng.uniform(0.1, 1.3, count) * np.where(rng.random(count) < 0.6, 1.0, -1.0)
    down = np.stack([np.zeros(count), np.sin(steep), np.cos(steep)], axis=-1)
    down = np.einsum("nij,nj->ni", rotation_z(rng.normal(0, 0.3, count)), down)
    inward = _inward(elbow, down, rng)
    wrist = joints[:, list(skeleton.WRIST_JOINTS)].mean(axis=1)
    arm = wrist[:, None] + np.array(_ARM_M)[:, None] * elbow[:, None]
    flesh = np.concatenate([np.full(skeleton.JOINT_COUNT, _FLESH_M), np.full(len(_ARM_M), _ARM_FLESH_M)])
    points = np.concatenate([joints, arm], axis=1)
    across = np.einsum("nji,ni->nj", points, inward)
    deep = np.einsum("nji,ni->nj", points, down) + flesh

    first, last = across[:, : skeleton.JOINT_COUNT].min(axis=1), across[:, : skeleton.JOINT_COUNT].max(axis=1)
    edge = rng.uniform(first - 0.04, last + 0.05)
    over = across > edge[:, None] - flesh
    beside = ~over.any(axis=1)
    lowest = np.where(over, deep, -np.inf).max(axis=1)
    lowest = np.maximum(lowest, reach_along(held, down))  # a held thing stays above it, wherever its edge is
    gap = 0.03 * rng.random(count) ** 2
    # Before the edge the hand may be lower than the table's top.
    level = np.where(beside & (held.kind == NOTHING).all(axis=1), deep.mean(axis=1) + rng.uniform(-0.05, 0.05, count),
                     lowest + gap)  # fmt: skip
    level = np.where(np.isfinite(level), level, deep.max(axis=1) + gap)

    along = np.cross(down, inward)
    thick = rng.uniform(0.008, 0.03, count)
    half = np.stack([np.full(count, _HALF_M[0]), np.full(count, _HALF_M[1]), thick], axis=-1)
    middle = (
        (edge + _HALF_M[1])[:, None] * inward
        + (level + thick)[:, None] * down
        + rng.uniform(-0.3, 0.3, (count, 1)) * along
    )
    table = solid(BOX, middle, half, np.stack([along, inward, down], axis=1))
    things = [_standing(points, flesh, down, inward, edge, level, rng) for _ in range(THINGS)]
    return where(_hidden(table, joints) <= _MOST_HIDDEN, gather(table, *things))


def _inward(elbow: Array, down: Array, rng: np.random.Generator) -> Array:
    """Unit directions (N, 3) in the tables, away from the person: against the arm, more or less."""
    against = -elbow + 0.35 * rng.normal(size=elbow.shape)
    flat = against - np.einsum("ni,ni->n", against, down)[:, None] * down
    return np.asarray(flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-9))


def _standing(
    points: Array,
    flesh: Array,
    down: Array,
    inward: Array,
    edge: Array,
    level: Array,
    rng: np.random.Generator,
) -> Solids:
    """A thing (N, OBJECT_PARTS) that stands or lies on each table as near to the hand as it can, or nothing."""
    count = len(points)
    things = lying(held_objects(count, rng)[0], rng.random(count) < 0.25, rng)
    # Their y points down.
    upright = np.stack([np.cross(down, inward), down, inward], axis=2)
    things = moved(things, upright)
    foot = reach_along(things, down)
    way = rng.uniform(-np.pi, np.pi, count)
    aside = np.cos(way)[:, None] * np.cross(down, inward) + np.sin(way)[:, None] * inward
    middle = points.mean(axis=1)
    middle = middle + (level - foot - np.einsum("ni,ni->n", middle, down))[:, None] * down
    out, placed = where(np.zeros(count, bool), things), rng.random(count) >= _THING_SHARE
    for ring in _RINGS_M:
        there = moved(things, np.eye(3), middle + ring * aside)
        on_table = np.einsum("ni,ni->n", middle + ring * aside, inward) > edge + 0.02
        fits = ~placed & on_table & (distances(there, points) > flesh).all(axis=1)
        fits &= _hidden(there, points[:, : skeleton.JOINT_COUNT]) <= _MOST_HIDDEN
        out = Solids(
            np.where(fits[:, None], there.kind, out.kind),
            np.where(fits[:, None, None], there.centre, out.centre),
            np.where(fits[:, None, None, None], there.axes, out.axes),
        )
        placed |= fits
    return out


def distances(solids: Solids, points: Array) -> Array:
    """(N, P) m: how far points (N, P, 3) are from the nearest of solids (N, K) at least; inf where there are none."""
    half = 1.0 / np.maximum(np.linalg.norm(solids.axes, axis=-1), 1e-9)
    turn = solids.axes * half[..., None]
    local = np.einsum("nkij,nkpj->nkpi", turn, points[:, None] - solids.centre[:, :, None])
    beyond = np.linalg.norm(np.maximum(np.abs(local) - half[:, :, None], 0.0), axis=-1)
    round_ = (np.linalg.norm(local / half[:, :, None], axis=-1) - 1.0) * half.min(axis=-1)[..., None]
    distance = np.where((solids.kind == ELLIPSOID)[..., None], round_, beyond)
    return np.asarray(np.where((solids.kind == NOTHING)[..., None], np.inf, distance).min(axis=1))


def _hidden(solids: Solids, points: Array) -> Array:
    """(N,): share of points (N, P, 3) before which one of solids (N, K) stands, for a camera that is far away."""
    start = np.einsum("nkij,nkpj->nkpi", solids.axes, points[:, None] - solids.centre[:, :, None])
    way = -solids.axes[:, :, None, :, 2]  # towards the camera
    length = np.maximum((way**2).sum(axis=-1), 1e-12)
    nearest = np.maximum(-(start * way).sum(axis=-1) / length, 0.0)[..., None]
    offset = np.abs(start + nearest * way)
    # A box's corners are taken in, a round thing's are not.
    reach = np.where((solids.kind == BOX)[..., None], offset.max(axis=-1), np.linalg.norm(offset, axis=-1))
    before = (reach < 1.0) & (solids.kind != NOTHING)[..., None]
    return np.asarray(before.any(axis=1).mean(axis=-1))
