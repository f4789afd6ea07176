"""Feet of office chairs, stands and trolleys: arms of a star that end on castors.

In: how many, and a generator. Out: solids (N, K) in metres, y down, about the point that a locator lands on. An arm
with a castor at its end looks like a forearm with a fist, and where people show hands there are such chairs. All
numbers are guessed, from chairs in offices.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.synthetic.household import PARTS, beam, rod
from hand_pose_ros.synthetic.primitives import UPRIGHT
from hand_pose_ros.synthetic.rotations import rotation_y
from hand_pose_ros.synthetic.solids import (
    BOX,
    CYLINDER,
    ELLIPSOID,
    Solids,
    gather,
    moved,
    padded,
    solid,
    where,
)

Array = NDArray[np.float64]

_ARMS = (4, 5, 5, 5, 6)
"""How many arms a star has; drawn evenly."""
_SIZE = (0.7, 1.25)
"""Range of the size of everything, from a child's chair to a heavy one."""
_BARE = 0.15
"""Share of arms without a castor: a foot, or a glider as flat as the arm."""
_FOCUS_SD_M = (0.025, 0.015, 0.015)
"""How far a locator lands from the point that it means: along the arm, down, across."""


def castors(count: int, rng: np.random.Generator) -> Solids:
    """-> (N, 12 parts), upright: one arm of the star from hub to castor, the two beside it, the column above the hub.
    The castor is at the origin, or the arm not far from it."""
    size = np.exp(rng.uniform(np.log(_SIZE[0]), np.log(_SIZE[1]), count))
    long, wheel = size * rng.uniform(0.20, 0.34, count), size * rng.uniform(0.020, 0.034, count)
    clear = wheel * rng.uniform(1.2, 2.6, count)  # from the castor's axle up to the arm's end
    thick, flat = size * rng.uniform(0.014, 0.036, count), rng.uniform(0.5, 1.2, count)
    slope = rng.uniform(0.0, 0.35, count)  # from the hub down to the arm's end
    kind = rng.choice((BOX, CYLINDER, ELLIPSOID), count, p=(0.5, 0.35, 0.15))
    zero = np.zeros(count)

    # The arm's end above the castor's axle is at the origin; the arm leads along +x up to the hub.
    hub = np.stack([long, -slope * long, zero], axis=-1)
    bent = 0.5 * hub + np.stack([zero, -rng.uniform(0.0, 0.12, count) * long, zero], axis=-1)
    taper = rng.uniform(0.9, 1.5, count)
    parts = [_beam(np.zeros((count, 3)), bent, thick, flat * thick, kind)]
    parts.append(_beam(bent, hub, taper * thick, flat * taper * thick, kind))

    there = rng.random(count) >= _BARE
    parts += [where(there, part) for part in _castor(clear, wheel, size, rng)]

    step = 2.0 * np.pi / rng.choice(_ARMS, count)
    for side in (-1.0, 1.0):
        turn = rotation_y(side * step)
        end = hub - np.einsum("nij,nj->ni", turn, hub)
        parts.append(_beam(end, hub, thick, flat * thick, kind))
        foot = end + np.stack([zero, clear, zero], axis=-1)
        parts.append(where(there, solid(ELLIPSOID, foot, (wheel * [[1.0], [1.1], [0.8]]).T)))
    radius = size * rng.uniform(0.02, 0.05, count)
    tall = size * rng.uniform(0.02, 0.05, count)
    middle = solid(CYLINDER, hub, np.stack([radius, radius, tall], axis=-1), UPRIGHT)
    column = rod(hub, hub - rng.uniform(0.1, 0.35, (count, 1)) * [0.0, 1.0, 0.0], 0.6 * radius, CYLINDER)
    parts += [middle, where(rng.random(count) < 0.8, column)]

    # A locator lands on the castor, on the arm's end, on both together.
    focus = np.stack(
        [rng.uniform(0.0, 0.3, count) * long, rng.uniform(0.0, 1.0, count) * clear, zero], axis=-1
    )
    focus += rng.normal(0, _FOCUS_SD_M, (count, 3))
    star = padded(gather(*parts), PARTS)
    star = star._replace(centre=star.centre - focus[:, None])
    return moved(star, rotation_y(rng.uniform(-np.pi, np.pi, count)))


def _castor(clear: Array, wheel: Array, size: Array, rng: np.random.Generator) -> list[Solids]:
    """Four parts of castors below the origin, turned about the vertical as they rolled: two wheels, a hood, a stem.
    clear (N,) m: the axle is so far below; wheel (N,) m: radius."""
    count = len(clear)
    turn = rotation_y(rng.uniform(-np.pi, np.pi, count))
    trail = rng.uniform(0.0, 0.8, count) * wheel  # the axle is so far behind the stem
    axle = np.stack([trail, clear, np.zeros(count)], axis=-1)
    thick = wheel * rng.uniform(0.25, 0.5, count)
    apart = thick + size * rng.uniform(0.0, 0.010, count)
    parts = []
    for side in (-1.0, 1.0):
        place = axle + (side * apart)[:, None] * [0.0, 0.0, 1.0]
        parts.append(solid(CYLINDER, place, np.stack([wheel, wheel, thick], axis=-1)))
    hood = np.stack([0.9 * wheel, 0.7 * wheel, apart + 0.6 * thick], axis=-1)
    above = axle - (rng.uniform(0.1, 0.6, count) * wheel)[:, None] * [0.0, 1.0, 0.0]
    parts.append(where(rng.random(count) < 0.7, solid(ELLIPSOID, above, hood)))
    stem = rod(np.zeros((count, 3)), axle * [0.0, 1.0, 0.0], 0.25 * wheel, CYLINDER)
    parts.append(stem)
    return [moved(part, turn) for part in parts]


def _beam(start: Array, end: Array, wide: Array, high: Array, kind: NDArray[np.int64]) -> Solids:
    """A beam from start to end (N, 3) m, half as wide (N,) m across and half as high (N,) m."""
    along = end - start
    length = np.linalg.norm(along, axis=1)
    half = np.stack([wide, high, 0.5 * (length + high)], axis=-1)
    return beam(0.5 * (start + end), along / length[:, None], half, kind)
