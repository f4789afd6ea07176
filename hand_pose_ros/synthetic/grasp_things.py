"""What hands hold and how they reach for it: power, pinch, tripod, lateral and hook grasps, open palms, tools.

In: hands (their links, metres), a generator. Out: :class:`GraspPlans`: a thing near where it will be held, and how each
finger starts, moves and stops, for ``synthetic.grasps`` to close. Palm frame of a right hand: x to the fingers, y to the
thumb, z out of the back of the hand, metres and rad.

Kinds of grasps are those of Cutkosky (1989) and of Feix et al., "The GRASP Taxonomy" (2016) that are not variants of
each other in a depth image. Sizes are those of household things; places and starting poses are guessed, and corrected by
the closing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hand_pose_ros.hand.kinematics_numba import REST_ROTATIONS
from hand_pose_ros.synthetic.grasps import HandLinks
from hand_pose_ros.synthetic.primitives import cup
from hand_pose_ros.synthetic.rotations import axes_with_third, random_axes, rotation_x, rotation_y, rotation_z
from hand_pose_ros.synthetic.solids import (
    BOX,
    CYLINDER,
    ELLIPSOID,
    NOTHING,
    VESSEL,
    Solids,
    gather,
    moved,
    solid,
    where,
)

Array = NDArray[np.float64]

GRASP_SOLIDS = 4
"""Solids of which a held thing is composed at most."""
_INDEX, _MIDDLE, _RING, _PINKY = 1, 2, 3, 4
_UP = axes_with_third(np.array([0.0, 0.0, 1.0]))


@dataclass
class GraspPlans:
    """N grasps before the fingers close."""

    solids: Solids
    """(N, GRASP_SOLIDS), in the palm frame."""
    way: Array
    """(N, 3): the direction in which the thing is moved until it is ``room`` off the palm; 0 where it stays."""
    room: Array
    """(N,) m."""
    start: Array
    """(N, 5, 4) rad: the fingers' angles before."""
    rate: Array
    """(N, 5, 3): how fast the flexions close, relative to each other; 0 for a finger that stays."""
    stop: Array
    """(N, 5, 3) rad: where flexions end that meet nothing."""
    fingers: NDArray[np.int64]
    """(N,): how many fingers besides the thumb touch at least."""
    thumb: NDArray[np.bool_]
    """(N,): whether the thumb touches."""
    preferred: Array
    """(N,) rad: the thumb's abduction that is preferred."""
    mirror: Array
    """(N, 6): a point (m) and the unit normal of the plane across which the other hand holds the same thing, NaN
    where there is none."""

    @classmethod
    def closing(
        cls,
        solids: Solids,
        rng: np.random.Generator,
        *,
        opened: float = -0.25,
        pip: tuple[float, float] = (0.7, 1.4),
        fan: tuple[float, float] = (0.15, 0.35),
    ) -> GraspPlans:
        """All fingers close round things (N, K) that come from before the palm; ``opened`` rad at the knuckles at
        first, the pips ``pip`` as fast, spread by a normal ``fan``: mean and deviation."""
        count = len(solids.kind)
        start = np.zeros((count, 5, 4))
        spread = np.array([0.0, 0.22, 0.03, -0.14, -0.32])
        start[..., 0] = rng.normal(*fan, (count, 1)) * spread + rng.normal(0, 0.03, (count, 5))
        start[:, 1:, 1] = opened
        rate = np.ones((count, 5, 3))
        rate[:, 1:, 1] = rng.uniform(*pip, (count, 1)) * rng.uniform(0.9, 1.1, (count, 4))
        rate[:, 1:, 2] = 0.62 * rate[:, 1:, 1] * rng.uniform(0.8, 1.2, (count, 4))
        stop = np.tile([1.45, 1.7, 1.05], (count, 5, 1))
        stop[:, 0] = [0.85, 1.0, 1.2]
        way = np.tile([0.0, 0.0, -1.0], (count, 1))
        extra = GRASP_SOLIDS - solids.kind.shape[-1]
        if extra:
            nothing = solid(NOTHING, np.zeros((count, 3)), np.ones((count, 3)))
            solids = gather(solids, *[nothing] * extra)
        return cls(
            solids, way, np.zeros(count), start, rate, stop, np.full(count, 2), np.full(count, True),
            rng.uniform(-0.2, 0.75, count), np.full((count, 6), np.nan),
        )  # fmt: skip

    def keep(self, finger: int, abduction: ArrayLike, flexions: Array) -> None:
        """A finger that does not move: abduction (N,), flexions (N, 3) rad."""
        self.start[:, finger, 0] = abduction
        self.start[:, finger, 1:] = flexions
        self.rate[:, finger] = 0.0


Maker = Callable[[HandLinks, np.random.Generator], GraspPlans]


def pad(links: HandLinks, finger: int, angles: Array, share: float) -> tuple[Array, Array, Array]:
    """Fingers with angles (N, 4) -> of the last link, at this share of it: the skin of its pad (N, 3) m, where the pad
    faces (N, 3), and the side that faces the thumb (N, 3)."""
    return _skin(links, finger, angles, 2, share)


def _skin(
    links: HandLinks, finger: int, angles: Array, link: int, share: float
) -> tuple[Array, Array, Array]:
    rest = REST_ROTATIONS["right"][finger]
    splay = rest @ rotation_z(angles[:, 0])
    place = links.bases[:, finger].copy()
    for i in range(link + 1):
        frame = splay @ rotation_y(angles[:, 1 : i + 2].sum(axis=1))
        along = links.lengths[:, finger, i, None] * (share if i == link else 1.0)
        place = place + along * frame[..., 0]
    radius = links.radii[:, finger, link, 1, None]
    return place - radius * frame[..., 2], -frame[..., 2], frame[..., 1]


def _stack(*columns: ArrayLike) -> Array:
    return np.stack(np.broadcast_arrays(*columns), axis=-1).astype(np.float64)


def _across(tilt: Array, lift: Array) -> Array:
    """(N, 3, 3): axes, as rows, of things that lie across the palm, their third along the knuckles to the thumb's side:
    tilted by ``tilt`` to the fingers and lifted by ``lift`` off the palm."""
    turn = rotation_z(-tilt) @ rotation_x(-lift)
    return axes_with_third(turn[..., 1])


def _centre(links: HandLinks, x: Array, y: Array, z: Array) -> Array:
    """Places (N, 3) in units of the hand's size: the distance from the palm to the knuckle of the middle finger."""
    size = links.bases[:, _MIDDLE, 0] / 0.0381
    return _stack(x * size, y * size, z)


def _handles(links: HandLinks, rng: np.random.Generator) -> GraspPlans:
    count = len(links.bases)
    radius, half = rng.uniform(0.010, 0.018, count), rng.uniform(0.05, 0.16, count)
    tilt, lift = rng.normal(0.35, 0.22, count), rng.normal(0.0, 0.1, count)
    turn = _across(tilt, lift)
    along = rng.uniform(-0.8, 0.8, count) * (half - 0.045).clip(0.0)
    middle = _centre(links, rng.uniform(0.022, 0.04, count), 0.0, -0.05) + along[:, None] * turn[:, 2]
    oval = rng.uniform(0.75, 1.0, count)
    kind = np.where(rng.random(count) < 0.8, CYLINDER, BOX)
    radius = np.where(kind == BOX, 0.85 * radius, radius)
    thing = solid(kind, middle, _stack(radius, oval * radius, half), turn)
    return GraspPlans.closing(thing, rng, fan=(0.0, 0.2))


def _hammers(links: HandLinks, rng: np.random.Generator) -> GraspPlans:
    plans = _handles(links, rng)
    count = len(links.bases)
    kind, centre, axes = (part[:, 0] for part in plans.solids)
    turn = axes / np.linalg.norm(axes, axis=-1, keepdims=True)
    half = 1.0 / np.linalg.norm(axes, axis=-1)
    half[:, 2] = rng.uniform(0.10, 0.15, count)
    centre = centre + (half[:, 2] - rng.uniform(0.05, 0.08, count))[:, None] * turn[:, 2]
    head = centre + half[:, 2:] * turn[:, 2]
    bar = solid(CYLINDER, head, rng.uniform([0.011, 0.011, 0.04], [0.018, 0.018, 0.06], (count, 3)), turn[:, [1, 2, 0]])
    extended = GraspPlans.closing(gather(solid(kind, centre, half, turn), bar), rng, fan=(0.0, 0.2))
    extended.preferred = rng.uniform(-0.3, 0.3, count)
    return extended


def _screwdrivers(links: HandLinks, rng: np.random.Generator) -> GraspPlans:
    count = len(links.bases)
    radius, half = rng.uniform(0.011, 0.018, count), rng.uniform(0.045, 0.06, count)
    turn = _across(rng.uniform(0.3, 1.0, count), rng.normal(0.0, 0.15, count))
    middle = _centre(links, rng.uniform(0.025, 0.045, count), rng.uniform(0.0, 0.015, count), -0.05)
    shaft = rng.uniform(0.03, 0.07, count)
    grip = solid(CYLINDER, middle, _stack(radius, radius, half), turn)
    end = middle + (half + shaft)[:, None] * turn[:, 2]
    plans = GraspPlans.closing(gather(grip, solid(CYLINDER, end, _stack(0.003, 0.003, shaft), turn)), rng, fan=(0.0, 0.2))
    plans.preferred = rng.uniform(-0.4, 0.2, count)
    return plans


def _cans(links: HandLinks, rng: np.random.Generator) -> GraspPlans:
    """Cans, bottles and glasses of 60 to 80 mm in the whole hand, or in the fingers alone."""
    count = len(links.bases)
    radius, half = rng.uniform(0.030, 0.040, count), rng.uniform(0.045, 0.070, count)
    bottle = rng.random(count) < 0.35
    half = np.where(bottle, rng.uniform(0.065, 0.09, count), half)
    turn = _across(rng.normal(0.1, 0.18, count), rng.normal(0.0, 0.12, count))
    away = np.where(rng.random(count) < 0.35, rng.uniform(0.004, 0.03, count), 0.0)
    middle = _centre(links, rng.uniform(0.026, 0.044, count) + 0.5 * away, 0.005, -0.1)
    middle = middle + (rng.uniform(-0.9, 0.9, count) * (half - 0.035))[:, None] * turn[:, 2]
    kind = np.where(~bottle & (rng.random(count) < 0.4), VESSEL, CYLINDER)
    body = solid(kind, middle, _stack(radius, radius, half), turn)
    high = rng.uniform(0.02, 0.04, count)
    neck_radius = rng.uniform(0.011, 0.018, count)
    neck = solid(CYLINDER, middle + (half + high)[:, None] * turn[:, 2], _stack(neck_radius, neck_radius, high), turn)
    plans = GraspPlans.closing(gather(body, where(bottle, neck)), rng)
    plans.room = away
    return plans


def _balls(links: HandLinks, rng: np.random.Generator) -> GraspPlans:
    """Balls, and round things like fruit, of 36 to 92 mm, in the palm or in the fingers alone."""
    count = len(links.bases)
    radius = rng.uniform(0.018, 0.046, count)
    away = np.where(rng.random(count) < 0.5, rng.uniform(0.004, 0.04, count), 0.0)
    middle = _centre(links, rng.uniform(0.024, 0.046, count) + 0.6 * away, rng.uniform(-0.004, 0.016, count), -0.1)
    half = radius[:, None] * np.where(rng.random((count, 1)) < 0.7, 1.0, rng.uniform(0.8, 1.0, (count, 3)))
    plans = GraspPlans.closing(solid(ELLIPSOID, middle, half, random_axes(count, rng)), rng, fan=(0.7, 0.4))
    plans.room = away
    return plans


def _boxes(links: HandLinks, rng: np.random.Generator) -> GraspPlans:
    count = len(links.bases)
    sizes = 0.5 * rng.uniform([0.040, 0.024, 0.080], [0.080, 0.070, 0.180], (count, 3))
    flat = rng.random(count) < 0.5
    sizes[flat, :2] = sizes[flat, 1::-1]
    turn = _across(rng.normal(0.1, 0.2, count), rng.normal(0.0, 0.12, count))
    spin = rotation_z(rng.normal(0.0, 0.35, count))
    away = np.where(rng.random(count) < 0.4, rng.uniform(0.002, 0.03, count), 0.0)
    middle = _centre(links, rng.uniform(0.024, 0.044, count) + 0.6 * away, 0.005, -0.1)
    middle = middle + (rng.uniform(-0.9, 0.9, count) * (sizes[:, 2] - 0.035).clip(0.0))[:, None] * turn[:, 2]
    plans = GraspPlans.closing(solid(BOX, middle, sizes, spin @ turn), rng)
    plans.room = away
    return plans


def _from_above(links: HandLinks, rng: np.random.Generator) -> GraspPlans:
    """Lids, cans and boxes whose end is held in the fingers, the rest away from the palm."""
    count = len(links.bases)
    kind = rng.choice([CYLINDER, BOX], count)
    sizes = _stack(rng.uniform(0.015, 0.038, count), rng.uniform(0.015, 0.05, count), rng.uniform(0.006, 0.08, count))
    sizes[kind == CYLINDER, 1] = sizes[kind == CYLINDER, 0]
    turn = rotation_z(rng.normal(0.0, 0.3, count)) @ rotation_x(rng.normal(0, 0.15, count)) @ rotation_y(rng.normal(0.2, 0.2, count))
    middle = _centre(links, rng.uniform(0.045, 0.068, count), rng.uniform(0.0, 0.018, count), -0.15)
    plans = GraspPlans.closing(solid(kind, middle, sizes, turn.swapaxes(1, 2)), rng, pip=(0.4, 0.9), fan=(0.5, 0.4))
    plans.room = rng.uniform(0.012, 0.05, count)
    return plans


def _phones(links: HandLinks, rng: np.random.Generator) -> GraspPlans:
    count = len(links.bases)
    sizes = 0.5 * rng.uniform([0.060, 0.007, 0.125], [0.080, 0.012, 0.165], (count, 3))
    tilt = rng.uniform(0.1, 0.8, count)
    turn = rotation_z(-tilt) @ rotation_y(rng.normal(0.12, 0.12, count))  # columns: width, long axis, thickness
    middle = _centre(links, rng.uniform(0.028, 0.046, count), rng.uniform(-0.01, 0.02, count), -0.05)
    middle = middle + (rng.uniform(-0.6, 0.9, count) * (sizes[:, 2] - 0.045))[:, None] * turn[..., 1]
    thing = solid(BOX, middle, sizes[:, [0, 2, 1]], turn.swapaxes(1, 2))
    plans = GraspPlans.closing(thing, rng, opened=-0.1, pip=(0.8, 1.5))
    plans.room = rng.uniform(0.0, 0.012, count)
    return plans


def _carried(links: HandLinks, rng: np.random.Generator) -> GraspPlans:
    """Plates, boxes, bowls and balls that lie in an open palm."""
    count = len(links.bases)
    kind = rng.choice([CYLINDER, BOX, VESSEL, ELLIPSOID], count, p=[0.3, 0.3, 0.2, 0.2])
    sizes = rng.uniform([0.03, 0.03, 0.006], [0.11, 0.11, 0.05], (count, 3))
    sizes[kind != BOX, 1] = sizes[kind != BOX, 0]
    ball = rng.uniform(0.018, 0.046, (count, 1))
    sizes = np.where((kind == ELLIPSOID)[:, None], ball, sizes)
    turn = rotation_z(rng.uniform(-np.pi, np.pi, count)) @ rotation_x(rng.normal(np.pi, 0.08, count))
    middle = _centre(links, rng.uniform(0.0, 0.05, count), rng.normal(0.0, 0.012, count), -0.15)
    plans = GraspPlans.closing(solid(kind, middle, sizes, turn.swapaxes(1, 2)), rng, opened=-0.3, fan=(0.6, 0.5))
    open_hand = rng.uniform(0.05, 0.7, (count, 1)) + rng.normal(0.0, 0.06, (count, 4))
    plans.stop[:, 1:] = open_hand[..., None] * np.array([0.9, 1.0, 0.5])
    plans.stop[:, 0] = rng.uniform([-0.3, 0.0, 0.0], [0.3, 0.3, 0.4], (count, 3))
    plans.fingers[:], plans.thumb[:] = 0, False
    return plans


def _opposed(
    links: HandLinks, rng: np.random.Generator, thick: Array, both: bool
) -> tuple[GraspPlans, Array, Array, Array]:
    """The index finger, or with ``both`` also the middle finger, bent to meet the thumb on something ``thick`` (N,) m ->
    plans that still hold nothing; between the pads (N, 3), where the index's pad faces (N, 3), its side (N, 3)."""
    count = len(thick)
    bent = _stack(rng.normal(0.03, 0.04, count), rng.uniform(0.5, 0.95, count), rng.uniform(0.45, 0.95, count), rng.uniform(0.1, 0.5, count))
    skin, facing, side = pad(links, _INDEX, bent, 0.6)
    nothing = solid(np.full(count, NOTHING), np.zeros((count, 3)), np.ones((count, 3)))
    plans = GraspPlans.closing(nothing, rng)
    plans.way[:] = 0.0
    # It closes from a little before, so that it meets the thing whatever that is.
    before = np.array([0.35, 0.0, 0.0])
    plans.start[:, _INDEX, 0], plans.start[:, _INDEX, 1:] = bent[:, 0], bent[:, 1:] - before
    plans.rate[:, _INDEX] = [1.0, 0.05, 0.05]
    plans.stop[:, _INDEX] = bent[:, 1:] + 0.3
    middle = bent.copy()
    middle[:, 0] = bent[:, 0] - rng.uniform(0.0, 0.08, count)
    others = np.where(rng.random(count) < 0.3, rng.uniform(-0.45, -0.1, count), rng.uniform(0.05, 0.45, count))
    if both:
        middle[:, 1:] += rng.normal(0.05, 0.05, (count, 3))
        plans.start[:, _MIDDLE, 0], plans.start[:, _MIDDLE, 1:] = middle[:, 0], middle[:, 1:] - before
        plans.rate[:, _MIDDLE] = [1.0, 0.05, 0.05]
        plans.stop[:, _MIDDLE] = bent[:, 1:] + 0.45
        skin = 0.5 * (skin + pad(links, _MIDDLE, middle, 0.6)[0])
    else:
        plans.keep(_MIDDLE, middle[:, 0], (middle[:, 1:] + others[:, None]).clip(0.0, 1.6))
    for finger in (_RING, _PINKY):
        others = others + rng.normal(0.08, 0.08, count)
        plans.keep(finger, plans.start[:, finger, 0] * 0.5, (middle[:, 1:] + others[:, None]).clip(0.0, 1.6))
    plans.fingers[:] = 2 if both else 1
    plans.preferred = rng.uniform(0.1, 0.8, count)
    return plans, skin + 0.5 * thick[:, None] * facing, facing, side


def _held_in(plans: GraspPlans, thing: Solids) -> GraspPlans:
    count, extra = len(thing.kind), GRASP_SOLIDS - thing.kind.shape[-1]
    nothing = solid(np.full(count, NOTHING), np.zeros((count, 3)), np.ones((count, 3)))
    plans.solids = gather(thing, *[nothing] * extra)
    return plans


def _small(
    links: HandLinks, rng: np.random.Generator, both: bool, thick: tuple[float, float]
) -> GraspPlans:
    """Coins, cards, nuts, small balls and boxes between the thumb and one or two fingers."""
    count = len(links.bases)
    kind = rng.choice([ELLIPSOID, BOX, CYLINDER], count)
    size = rng.uniform(*thick, count)
    plans, middle, facing, side = _opposed(links, rng, size, both)
    flat = (kind != ELLIPSOID) & (rng.random(count) < 0.5)
    size = np.where(flat, size.clip(0.0, 0.006), size)
    middle = middle - 0.5 * (2 * 0.0 + np.where(flat, 1.0, 0.0) * (size * 0.0))[:, None] * facing
    width = np.where(kind == ELLIPSOID, size, np.where(flat, rng.uniform(0.015, 0.05, count), rng.uniform(0.012, 0.03, count)))
    half = 0.5 * _stack(width, np.where(kind == BOX, width * rng.uniform(0.6, 1.4, count), width), size)
    turn = np.stack([np.cross(side, facing), side, facing], axis=1)
    out = np.where(flat, 0.35 * width, 0.0)[:, None] * np.cross(side, facing)
    return _held_in(plans, solid(kind, middle - out, half, turn))


def _pinches(links: HandLinks, rng: np.random.Generator) -> GraspPlans:
    return _small(links, rng, False, (0.004, 0.032))


def _tripods(links: HandLinks, rng: np.random.Generator) -> GraspPlans:
    return _small(links, rng, True, (0.010, 0.045))


def _pens(links: HandLinks, rng: np.random.Generator) -> GraspPlans:
    """Pens, brushes and small screwdrivers that lean on the knuckle of the index finger."""
    count = len(links.bases)
    radius = rng.uniform(0.0035, 0.0065, count)
    plans, at, _, _ = _opposed(links, rng, 2 * radius, True)
    knuckle = links.bases[:, _INDEX] + _stack(rng.uniform(-0.01, 0.02, count), 0.014 + radius, rng.uniform(0.0, 0.008, count))
    along = at - knuckle
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    half = rng.uniform(0.06, 0.085, count)
    middle = at + (rng.uniform(0.02, 0.045, count) - half)[:, None] * along
    return _held_in(plans, solid(CYLINDER, middle, _stack(radius, radius, half), axes_with_third(along)))


def _keys(links: HandLinks, rng: np.random.Generator) -> GraspPlans:
    """Keys, cards and cups' rims between the thumb and the side of the bent index finger."""
    count = len(links.bases)
    curl = rng.uniform(0.6, 1.0, (count, 1))
    bent = np.concatenate([rng.normal(0.0, 0.03, (count, 1)), curl * rng.uniform([0.6, 1.0, 0.5], [1.1, 1.6, 0.9], (count, 3))], axis=1)
    thick = rng.uniform(0.0015, 0.012, count)
    skin, facing, side = _skin(links, _INDEX, bent, 1, rng.uniform(0.5, 0.9))
    radius = links.radii[:, _INDEX, 1, 1, None]
    place = skin - radius * facing + (0.92 * radius + 0.5 * thick[:, None]) * side
    long, wide = rng.uniform(0.02, 0.045, count), rng.uniform(0.010, 0.025, count)
    ahead = np.cross(side, facing)
    angle = rng.uniform(-0.6, 0.9, count)[:, None]
    out = np.cos(angle) * ahead * -1.0 + np.sin(angle) * facing
    middle = place + (long * rng.uniform(0.2, 0.8, count))[:, None] * out
    turn = np.stack([out, np.cross(side, out), side], axis=1)
    plans = GraspPlans.closing(solid(BOX, middle, _stack(long, wide, 0.5 * thick), turn), rng)
    plans.way[:] = 0.0
    for finger in (_INDEX, _MIDDLE, _RING, _PINKY):
        more = bent[:, 1:] + (finger - 1) * rng.uniform(0.0, 0.12, (count, 1))
        plans.keep(finger, bent[:, 0] * (finger == _INDEX), more.clip(0.0, 1.65))
    plans.fingers[:] = 1
    plans.preferred = rng.uniform(-0.2, 0.5, count)
    return plans


def _hooks(links: HandLinks, rng: np.random.Generator) -> GraspPlans:
    """Bags' and cases' handles in the bent fingers, the thumb beside them."""
    count = len(links.bases)
    radius, half = rng.uniform(0.005, 0.016, count), rng.uniform(0.045, 0.09, count)
    turn = _across(rng.normal(0.05, 0.1, count), rng.normal(0.0, 0.08, count))
    reach = rng.uniform(0.6, 0.95, count)
    x = links.bases[:, _MIDDLE, 0] + reach * links.lengths[:, _MIDDLE, 0]
    z = -radius - links.radii[:, _MIDDLE, 0].max(axis=1) - rng.uniform(0.001, 0.01, count)
    middle = _stack(x, rng.normal(0.0, 0.01, count), z)
    kind = np.where(rng.random(count) < 0.7, CYLINDER, BOX)
    plans = GraspPlans.closing(solid(kind, middle, _stack(radius, radius, half), turn), rng, opened=0.0, pip=(3.0, 5.0), fan=(0.0, 0.15))
    plans.way[:] = 0.0
    plans.rate[:, 1:, 2] = plans.rate[:, 1:, 1] * rng.uniform(0.5, 0.8, (count, 1))
    plans.thumb[:] = False
    plans.stop[:, 0] = rng.uniform([-0.4, 0.0, 0.0], [0.4, 0.5, 0.6], (count, 3))
    return plans


def _cup_handles(links: HandLinks, rng: np.random.Generator) -> GraspPlans:
    count = len(links.bases)
    size, tall = rng.uniform(0.9, 1.15, count), rng.uniform(1.0, 1.5, count)
    reach = rng.uniform(0.9, 1.4, count)
    mug = cup(np.zeros(3), np.eye(3), size, tall, reach, np.where(rng.random(count) < 0.6, VESSEL, CYLINDER))
    bar = 0.038 + 0.044 * reach
    # The cup's mouth (-y) to the thumb's side (+y), its handle (+x) to the fingers.
    angle = rng.uniform(0.5, 1.25, count)
    turn = rotation_z(rng.normal(0.1, 0.12, count)) @ rotation_y(angle) @ rotation_z(np.full(count, np.pi))
    x = links.bases[:, _INDEX, 0] + rng.uniform(0.55, 0.9, count) * links.lengths[:, _INDEX, 0]
    place = _stack(x, 0.5 * (links.bases[:, _INDEX, 1] + links.bases[:, _MIDDLE, 1]) + rng.normal(-0.004, 0.006, count), -0.0075 * size - links.radii[:, _INDEX, 0].max(axis=1) - 0.002)
    grip = (turn @ (size * bar * np.array([[1.0], [0.0], [0.0]])).T[..., None])[..., 0]
    plans = GraspPlans.closing(moved(mug, turn, place - grip), rng, opened=-0.05, pip=(2.5, 4.5), fan=(0.0, 0.1))
    plans.way[:] = 0.0
    plans.rate[:, 1:, 2] = plans.rate[:, 1:, 1] * rng.uniform(0.4, 0.7, (count, 1))
    plans.fingers[:] = 1
    return plans


def _both_hands(links: HandLinks, rng: np.random.Generator) -> GraspPlans:
    """Boxes, balls and parcels between two palms, bars and bats in two fists."""
    count = len(links.bases)
    bar = rng.random(count) < 0.45
    fist = _handles(links, rng)
    kind, centre, axes = (part[:, 0] for part in fist.solids)
    turn = axes / np.linalg.norm(axes, axis=-1, keepdims=True)
    half = 1.0 / np.linalg.norm(axes, axis=-1)
    half[:, 2] = rng.uniform(0.14, 0.2, count)
    way = np.where(rng.random(count) < 0.5, 1.0, -1.0)[:, None] * turn[:, 2]
    apart = rng.uniform(0.05, 0.1, count)[:, None]
    hand = _centre(links, 0.03, 0.0, -0.03)
    on_bar = hand + apart * way
    sizes = rng.uniform(0.04, 0.12, (count, 3))
    sizes[:, 2] = rng.uniform(0.05, 0.13, count)
    round_thing = rng.random(count) < 0.3
    sizes[round_thing] = sizes[round_thing, 2:]
    middle = _centre(links, rng.uniform(0.02, 0.06, count), rng.normal(0, 0.01, count), -0.2)
    big = np.where(round_thing, ELLIPSOID, BOX)
    tip = rotation_z(rng.normal(0, 0.3, count)).swapaxes(1, 2)
    kind = np.where(bar, kind, big)
    thing = solid(kind, np.where(bar[:, None], centre + (on_bar - centre), middle), np.where(bar[:, None], half, sizes), np.where(bar[:, None, None], turn, tip))
    plans = GraspPlans.closing(thing, rng)
    plans.mirror = np.concatenate([np.where(bar[:, None], on_bar, middle), np.where(bar[:, None], way, [0.0, 0.0, 1.0])], axis=1)
    plans.thumb, plans.fingers = bar, np.where(bar, 2, 0)
    open_hand = rng.uniform(0.1, 0.7, (count, 1, 1)) * np.array([0.9, 1.0, 0.5])
    plans.stop[~bar, 1:] = np.broadcast_to(open_hand, (count, 4, 3))[~bar]
    return plans


KINDS: dict[str, tuple[float, Maker]] = {
    "handle": (0.10, _handles),
    "can": (0.16, _cans),
    "ball": (0.15, _balls),
    "box": (0.10, _boxes),
    "from_above": (0.08, _from_above),
    "phone": (0.05, _phones),
    "pinch": (0.06, _pinches),
    "tripod": (0.05, _tripods),
    "pen": (0.05, _pens),
    "lateral": (0.04, _keys),
    "hook": (0.03, _hooks),
    "carry": (0.05, _carried),
    "hammer": (0.02, _hammers),
    "screwdriver": (0.02, _screwdrivers),
    "cup_handle": (0.02, _cup_handles),
    "both_hands": (0.02, _both_hands),
}
"""Share and maker of each kind. Guessed: cans, balls and boxes, which hide most of a hand, are most of them."""
