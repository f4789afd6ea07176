"""Bent tubes: arms of robots that curve, lamps, hoses, handles of kettles and baskets, bows of chairs.

In: how many, and a generator. Out: solids (N, K) in metres about the origin. A robot's arm that bent over the floor was
taken for a hand where links between joints no longer were. All numbers are guessed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.synthetic.household import PARTS, beam
from hand_pose_ros.synthetic.rotations import axes_along
from hand_pose_ros.synthetic.solids import BOX, CYLINDER, ELLIPSOID, Solids, gather, solid, where

Array = NDArray[np.float64]

SEGMENTS = PARTS - 4
"""Of a bend."""
_OVERLAP = 1.15
"""Segments are so much longer than their share of the bend: no gap opens on its outside."""


def tubes(count: int, rng: np.random.Generator) -> Solids:
    """-> (N, 12 parts): a bend of 40 to 220 degrees in the plane y = 0, open to +z, straight ends and a foot at one of
    them now and then, a knob on the bend; half as thick as a finger up to twice an arm. It tapers by up to a third. The
    point that a locator lands on, of the bend mostly, is at the origin."""
    thick = np.exp(rng.uniform(np.log(0.006), np.log(0.050), count))
    radius = thick * np.exp(rng.uniform(np.log(1.15), np.log(5.0), count))
    bend = rng.uniform(0.7, 3.8, count)
    flat = np.where(rng.random(count) < 0.5, 1.0, rng.uniform(0.5, 1.0, count))
    taper = rng.uniform(-0.33, 0.33, count)
    kind = rng.choice((CYLINDER, BOX), count, p=(0.8, 0.2))

    def piece(middle: Array, along: Array, half: Array, long: Array) -> Solids:
        return beam(middle, along, np.stack([half, flat * half, long], axis=-1), kind)

    parts = []
    for number in range(SEGMENTS):
        share = (number + 0.5) / SEGMENTS - 0.5
        outward, along = _on_circle(share * bend)
        half = thick * (1.0 + 2.0 * taper * share)
        long = _OVERLAP * (radius + half) * np.tan(0.5 * bend / SEGMENTS)
        parts.append(piece(radius[:, None] * outward, along, half, long))
    for side in (-0.5, 0.5):
        outward, along = _on_circle(side * bend)
        along = np.sign(side) * along
        half, long = thick * (1.0 + 2.0 * taper * side), 0.5 * rng.uniform(0.02, 0.30, count)
        end = radius[:, None] * outward
        straight = piece(end + long[:, None] * along, along, half, long)
        parts.append(where(rng.random(count) < 0.7, straight))
    foot = rng.uniform(1.2, 3.0, (count, 3)) * half[:, None]
    seat = end + 2.0 * long[:, None] * along
    blob = rng.choice((BOX, CYLINDER, ELLIPSOID), count)
    parts.append(
        where(
            rng.random(count) < 0.3, solid(blob, seat, foot, axes_along(along, rng.normal(size=(count, 3))))
        )
    )
    on_bend, _ = _on_circle(rng.uniform(-0.5, 0.5, count) * bend)
    size = rng.uniform(0.5, 1.3, (count, 3)) * thick[:, None]
    place = (radius + thick * rng.uniform(0.5, 1.8, count))[:, None] * on_bend
    knob = solid(rng.choice((ELLIPSOID, BOX, CYLINDER), count), place, size)
    parts.append(where(rng.random(count) < 0.4, knob))
    at, _ = _on_circle(
        np.where(rng.random(count) < 0.7, rng.normal(0, 0.12, count), rng.uniform(-0.5, 0.5, count)) * bend
    )
    focus = (radius * rng.uniform(0.6, 1.0, count))[:, None] * at
    out = gather(*parts)
    return out._replace(centre=out.centre - focus[:, None])


def _on_circle(angle: Array) -> tuple[Array, Array]:
    """-> unit vectors (N, 3) outward and along a bend about the origin, 0 at -z."""
    zero = np.zeros_like(angle)
    outward = np.stack([np.sin(angle), zero, -np.cos(angle)], axis=-1)
    return outward, np.stack([np.cos(angle), zero, np.sin(angle)], axis=-1)
