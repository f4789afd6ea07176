"""House plants: leaves, fleshy shoots or twigs that spread from one stem, as fingers do from a palm.

In: how many, and a generator. Out: solids (N, K) in metres, y down, about the point that a locator lands on. The
eleventh run's weights took three in five of such plants for what may be a hand, one in fifty for one (log odds above 0
and 7, tools/measure_negatives.py). All other numbers are guessed, from plants in rooms.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.synthetic.household import PARTS, rod
from hand_pose_ros.synthetic.rotations import axes_along, axes_with_third, random_directions
from hand_pose_ros.synthetic.solids import CYLINDER, ELLIPSOID, Solids, gather, padded, solid, where

Array = NDArray[np.float64]

LEAVES = PARTS - 2
"""Most leaves of a plant, as much of it as a crop shows."""
_LEAST_LEAVES = 3
_HALF_M = (0.03, 0.11)
"""Range of half a leaf's length, from a succulent's to a lily's."""
_SLENDER = (0.08, 0.45)
"""Range of its width against its length."""
_FLAT_M = (0.001, 0.006)
"""Range of half its thickness, where it is a leaf and no shoot."""
_SHOOTS = 0.3
"""Share of plants whose leaves are as thick as wide: succulents, cacti, twigs."""
_SPREAD = (0.25, 1.2)
"""Range of how far leaves lean away from the stem: a bunch, up to all ways."""
_LEAN = 0.35
"""How far stems lean, standard deviation of their direction's parts across."""
_STEM, _POT = 0.8, 0.3
"""Shares of plants whose stem, and whose pot or vase, is seen."""
_FOCUS_SD_M = 0.02


def plants(count: int, rng: np.random.Generator) -> Solids:
    """-> (N, 12 parts): leaves about the tip of a stem, the stem, a pot; the middle of the leaves at the origin."""
    up = np.array([0.0, -1.0, 0.0]) + rng.normal(0, _LEAN, (count, 3))
    up /= np.linalg.norm(up, axis=1, keepdims=True)
    half = _log_uniform(_HALF_M, count, rng)
    wide = half * _log_uniform(_SLENDER, count, rng)
    thin = np.where(rng.random(count) < _SHOOTS, wide, _log_uniform(_FLAT_M, count, rng))
    many, spread = rng.integers(_LEAST_LEAVES, LEAVES + 1, count), rng.uniform(*_SPREAD, count)
    along_stem = rng.uniform(0.0, 0.06, count)  # leaves begin so far apart, m
    parts = []
    for number in range(LEAVES):
        way = up + spread[:, None] * rng.normal(size=(count, 3))
        way /= np.linalg.norm(way, axis=1, keepdims=True)
        long = half * rng.uniform(0.6, 1.2, count)
        start = -(along_stem * rng.random(count))[:, None] * up
        turn = axes_along(way, random_directions(count, rng))
        leaf = solid(ELLIPSOID, start + long[:, None] * way, np.stack([long, wide, thin], axis=-1), turn)
        parts.append(where(number < many, leaf))
    stem = rod(
        np.zeros((count, 3)), -rng.uniform(0.05, 0.30, (count, 1)) * up, rng.uniform(0.002, 0.02, count)
    )
    parts.append(where(rng.random(count) < _STEM, stem))
    radius = rng.uniform(0.04, 0.10, count)
    pot = solid(CYLINDER, -(0.1 + radius)[:, None] * up, np.stack([radius] * 3, axis=-1), axes_with_third(up))
    parts.append(where(rng.random(count) < _POT, pot))
    focus = (half * rng.uniform(0.2, 1.0, count))[:, None] * up + rng.normal(0, _FOCUS_SD_M, (count, 3))
    plant = padded(gather(*parts), PARTS)
    return plant._replace(centre=plant.centre - focus[:, None])


def _log_uniform(bounds: tuple[float, float], count: int, rng: np.random.Generator) -> Array:
    """(N,): all sizes within the bounds are as likely as their halves and doubles."""
    return np.asarray(np.exp(rng.uniform(np.log(bounds[0]), np.log(bounds[1]), count)))
