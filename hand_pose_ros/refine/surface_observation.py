"""What the surface fit compares a hand with: pixels chosen from a crop, and its depth map.

In: a crop (S, S) in [-1, 1] with its CropFrame, the box in which the hand should be. Out:
:class:`hand_pose_ros.refine.surface_problem.SurfaceObservation`, in the crop's local frame.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.crop import CropFrame
from hand_pose_ros.kernel_cache import njit
from hand_pose_ros.refine.surface_problem import SurfaceObservation

Array = NDArray[np.float64]


def observe(
    frame: CropFrame, crop: NDArray[np.float32], low: Array, high: Array, points: int, ring_px: int
) -> tuple[SurfaceObservation, float]:
    """At most so many points within the box from low to high (3,) m, and the depth map; and how many pixels each point
    stands for. ring_px: radius of the ring."""
    picture = np.ascontiguousarray(crop, dtype=np.float32)
    chosen, stands_for = choose_points(picture, frame.half, frame.distance, low, high, points)
    empty = ~((picture >= -1.0) & (picture < 1.0))
    depth = np.where(empty, np.inf, picture * frame.half).astype(np.float64)
    return SurfaceObservation(chosen, depth, frame.distance, frame.half, ring_steps(ring_px)), stands_for


@lru_cache(maxsize=4)
def ring_steps(radius: int) -> NDArray[np.int64]:
    """(R, 2): steps (column, row) to all pixels within a radius, in order of distance."""
    v, u = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    square = (u * u + v * v).ravel()
    order = np.argsort(square, kind="stable")
    order = order[square[order] <= radius * radius]
    return np.ascontiguousarray(np.stack([u.ravel()[order], v.ravel()[order]], axis=-1).astype(np.int64))


@njit(cache=True, nogil=True)
def choose_points(
    crop: NDArray[np.float32], half: float, distance: float, low: Array, high: Array, most: int
) -> tuple[Array, float]:
    """Crop (S, S) in [-1, 1] -> points (N <= most, 3) m local within the box from low to high (3,), evenly thinned
    out in rows, and how many pixels each stands for."""
    size = crop.shape[0]
    count = 0
    kept = np.empty((size * size, 3))
    for r in range(size):
        for c in range(size):
            d = crop[r, c]
            if not (d >= -1.0 and d < 1.0):
                continue
            z = d * half
            if z < low[2] or z > high[2]:
                continue
            scale = half / distance * (distance + z)
            x, y = ((2 * c + 1) / size - 1.0) * scale, ((2 * r + 1) / size - 1.0) * scale
            if x < low[0] or x > high[0] or y < low[1] or y > high[1]:
                continue
            kept[count, 0], kept[count, 1], kept[count, 2] = x, y, z
            count += 1
    chosen = min(count, most)
    out = np.empty((chosen, 3))
    for n in range(chosen):
        # The golden ratio's multiples scatter the choice, so that it does not fall into step with the rows.
        out[n] = kept[int((n + 0.5) * count / chosen)]
    return out, count / max(chosen, 1)
