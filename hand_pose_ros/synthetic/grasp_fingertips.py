"""Things that fingers hold without the palm: pinch, tripod, pens, keys, hooks, cups by the handle.

In: hands (their links, metres), a generator. Out: :class:`GraspPlans`. Palm frame of a
right hand: x to the fingers, y to the thumb, z out of the back of the hand.

Sizes are those of household things (m); places and starting poses are guessed, and corrected by the closing.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.synthetic.grasp_plans import (
    INDEX,
    MIDDLE,
    PINKY,
    RING,
    GraspPlans,
    across_palm,
    columns,
    held_in_hand,
    pad,
    skin,
)
from hand_pose_ros.synthetic.grasps import HandLinks
from hand_pose_ros.synthetic.primitives import cup, handle_m
from hand_pose_ros.synthetic.rotations import axes_with_third, rotation_y, rotation_z
from hand_pose_ros.synthetic.solids import (
    BOX,
    CYLINDER,
    ELLIPSOID,
    NOTHING,
    VESSEL,
    moved,
    solid,
)

Array = NDArray[np.float64]


def _opposed(
    links: HandLinks, rng: np.random.Generator, thick: Array, both: bool
) -> tuple[GraspPlans, Array, Array, Array]:
    """The index finger, or with ``both`` also the middle finger, bent to meet the thumb on a thing ``thick`` (N,) m ->
    plans that still hold nothing; between the pads (N, 3), where the index's pad faces (N, 3), its side (N, 3)."""
    count = len(thick)
    bent = columns(
        rng.normal(0.03, 0.04, count),
        rng.uniform(0.5, 0.95, count),
        rng.uniform(0.45, 0.95, count),
        rng.uniform(0.1, 0.5, count),
    )
    between, facing, side = pad(links, INDEX, bent, 0.6)
    nothing = solid(np.full(count, NOTHING), np.zeros((count, 3)), np.ones((count, 3)))
    plans = GraspPlans.closing(nothing, rng)
    plans.way[:] = 0.0
    # It closes from a little before, so that it meets the thing whatever that is.
    before = np.array([0.35, 0.0, 0.0])
    plans.start[:, INDEX, 0], plans.start[:, INDEX, 1:] = bent[:, 0], bent[:, 1:] - before
    plans.rate[:, INDEX] = [1.0, 0.05, 0.05]
    plans.stop[:, INDEX] = bent[:, 1:] + 0.3
    middle = bent.copy()
    middle[:, 0] = bent[:, 0] - rng.uniform(0.0, 0.08, count)
    others = np.where(
        rng.random(count) < 0.3, rng.uniform(-0.45, -0.1, count), rng.uniform(0.05, 0.45, count)
    )
    if both:
        middle[:, 1:] += rng.normal(0.05, 0.05, (count, 3))
        plans.start[:, MIDDLE, 0], plans.start[:, MIDDLE, 1:] = middle[:, 0], middle[:, 1:] - before
        plans.rate[:, MIDDLE] = [1.0, 0.05, 0.05]
        plans.stop[:, MIDDLE] = bent[:, 1:] + 0.45
        between = 0.5 * (between + pad(links, MIDDLE, middle, 0.6)[0])
    else:
        plans.keep(MIDDLE, middle[:, 0], (middle[:, 1:] + others[:, None]).clip(0.0, 1.6))
    for finger in (RING, PINKY):
        others = others + rng.normal(0.08, 0.08, count)
        plans.keep(finger, plans.start[:, finger, 0] * 0.5, (middle[:, 1:] + others[:, None]).clip(0.0, 1.6))
    plans.fingers[:] = 2 if both else 1
    plans.preferred = rng.uniform(0.1, 0.8, count)
    return plans, between + 0.5 * thick[:, None] * facing, facing, side


def _small(links: HandLinks, rng: np.random.Generator, both: bool, thick: tuple[float, float]) -> GraspPlans:
    """Coins, cards, nuts, small balls and boxes between the thumb and one or two fingers."""
    count = len(links.bases)
    kind = rng.choice([ELLIPSOID, BOX, CYLINDER], count)
    size = rng.uniform(*thick, count)
    plans, middle, facing, side = _opposed(links, rng, size, both)
    flat = (kind != ELLIPSOID) & (rng.random(count) < 0.5)
    size = np.where(flat, size.clip(0.0, 0.006), size)
    width = np.where(
        kind == ELLIPSOID,
        size,
        np.where(flat, rng.uniform(0.015, 0.05, count), rng.uniform(0.012, 0.03, count)),
    )
    half = 0.5 * columns(width, np.where(kind == BOX, width * rng.uniform(0.6, 1.4, count), width), size)
    turn = np.stack([np.cross(side, facing), side, facing], axis=1)
    out = np.where(flat, 0.35 * width, 0.0)[:, None] * np.cross(side, facing)
    return replace(plans, solids=held_in_hand(solid(kind, middle - out, half, turn)))


def pinches(links: HandLinks, rng: np.random.Generator) -> GraspPlans:
    """Small things between the thumb and the index finger."""
    return _small(links, rng, False, (0.004, 0.032))


def tripods(links: HandLinks, rng: np.random.Generator) -> GraspPlans:
    """Small things between the thumb, the index and the middle finger."""
    return _small(links, rng, True, (0.010, 0.045))


def pens(links: HandLinks, rng: np.random.Generator) -> GraspPlans:
    """Pens, brushes and small screwdrivers that lean on the knuckle of the index finger."""
    count = len(links.bases)
    radius = rng.uniform(0.0035, 0.0065, count)
    plans, at, _, _ = _opposed(links, rng, 2 * radius, True)
    knuckle = links.bases[:, INDEX] + columns(
        rng.uniform(-0.01, 0.02, count), 0.014 + radius, rng.uniform(0.0, 0.008, count)
    )
    along = at - knuckle
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    half = rng.uniform(0.06, 0.085, count)
    middle = at + (rng.uniform(0.02, 0.045, count) - half)[:, None] * along
    pen = solid(CYLINDER, middle, columns(radius, radius, half), axes_with_third(along))
    return replace(plans, solids=held_in_hand(pen))


def keys(links: HandLinks, rng: np.random.Generator) -> GraspPlans:
    """Keys, cards and cups' rims between the thumb and the side of the bent index finger."""
    count = len(links.bases)
    curl = rng.uniform(0.6, 1.0, (count, 1))
    bent = np.concatenate(
        [rng.normal(0.0, 0.03, (count, 1)), curl * rng.uniform([0.6, 1.0, 0.5], [1.1, 1.6, 0.9], (count, 3))],
        axis=1,
    )
    thick = rng.uniform(0.0015, 0.012, count)
    surface, facing, side = skin(links, INDEX, bent, 1, rng.uniform(0.5, 0.9))
    radius = links.radii[:, INDEX, 1, 1, None]
    place = surface - radius * facing + (0.92 * radius + 0.5 * thick[:, None]) * side
    long, wide = rng.uniform(0.02, 0.045, count), rng.uniform(0.010, 0.025, count)
    ahead = np.cross(side, facing)
    angle = rng.uniform(-0.6, 0.9, count)[:, None]
    out = np.cos(angle) * ahead * -1.0 + np.sin(angle) * facing
    middle = place + (long * rng.uniform(0.2, 0.8, count))[:, None] * out
    turn = np.stack([out, np.cross(side, out), side], axis=1)
    plans = GraspPlans.closing(solid(BOX, middle, columns(long, wide, 0.5 * thick), turn), rng)
    plans.way[:] = 0.0
    for finger in (INDEX, MIDDLE, RING, PINKY):
        more = bent[:, 1:] + (finger - 1) * rng.uniform(0.0, 0.12, (count, 1))
        plans.keep(finger, bent[:, 0] * (finger == INDEX), more.clip(0.0, 1.65))
    plans.fingers[:] = 1
    plans.preferred = rng.uniform(-0.2, 0.5, count)
    return plans


def hooks(links: HandLinks, rng: np.random.Generator) -> GraspPlans:
    """Bags' and cases' handles in the bent fingers, the thumb beside them."""
    count = len(links.bases)
    radius, half = rng.uniform(0.005, 0.016, count), rng.uniform(0.045, 0.09, count)
    turn = across_palm(rng.normal(0.05, 0.1, count), rng.normal(0.0, 0.08, count))
    reach = rng.uniform(0.6, 0.95, count)
    x = links.bases[:, MIDDLE, 0] + reach * links.lengths[:, MIDDLE, 0]
    z = -radius - links.radii[:, MIDDLE, 0].max(axis=1) - rng.uniform(0.001, 0.01, count)
    middle = columns(x, rng.normal(0.0, 0.01, count), z)
    kind = np.where(rng.random(count) < 0.7, CYLINDER, BOX)
    plans = GraspPlans.closing(
        solid(kind, middle, columns(radius, radius, half), turn),
        rng,
        opened=0.0,
        pip=(3.0, 5.0),
        fan=(0.0, 0.15),
    )
    plans.way[:] = 0.0
    plans.rate[:, 1:, 2] = plans.rate[:, 1:, 1] * rng.uniform(0.5, 0.8, (count, 1))
    plans.thumb[:] = False
    plans.stop[:, 0] = rng.uniform([-0.4, 0.0, 0.0], [0.4, 0.5, 0.6], (count, 3))
    return plans


def cup_handles(links: HandLinks, rng: np.random.Generator) -> GraspPlans:
    """Cups by their handle, the thumb on top."""
    count = len(links.bases)
    size, tall = rng.uniform(0.9, 1.15, count), rng.uniform(1.0, 1.5, count)
    reach = rng.uniform(0.9, 1.4, count)
    mug = cup(np.zeros(3), np.eye(3), size, tall, reach, np.where(rng.random(count) < 0.6, VESSEL, CYLINDER))
    # The cup's mouth (-y) to the thumb's side (+y), its handle (+x) to the fingers.
    angle = rng.uniform(0.5, 1.25, count)
    turn = rotation_z(rng.normal(0.1, 0.12, count)) @ rotation_y(angle) @ rotation_z(np.full(count, np.pi))
    x = links.bases[:, INDEX, 0] + rng.uniform(0.55, 0.9, count) * links.lengths[:, INDEX, 0]
    place = columns(
        x,
        0.5 * (links.bases[:, INDEX, 1] + links.bases[:, MIDDLE, 1]) + rng.normal(-0.004, 0.006, count),
        -0.0075 * size - links.radii[:, INDEX, 0].max(axis=1) - 0.002,
    )
    grip = (turn @ (size * handle_m(reach) * np.array([[1.0], [0.0], [0.0]])).T[..., None])[..., 0]
    plans = GraspPlans.closing(
        moved(mug, turn, place - grip), rng, opened=-0.05, pip=(2.5, 4.5), fan=(0.0, 0.1)
    )
    plans.way[:] = 0.0
    plans.rate[:, 1:, 2] = plans.rate[:, 1:, 1] * rng.uniform(0.4, 0.7, (count, 1))
    plans.fingers[:] = 1
    return plans
