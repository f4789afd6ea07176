"""What the surface fit compares a hand with: pixels chosen from a crop, and its depth map.

In: a crop (S, S) in [-1, 1] with its CropFrame, the box in which the hand should be. Out:
:class:`hand_pose_ros.refine.surface_problem.SurfaceObservation`, in the crop's local frame.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.crop import CropFrame
from hand_pose_ros.depth.crop_projection import crop_to_metres, pixel_to_crop
from hand_pose_ros.kernel_cache import njit
from hand_pose_ros.refine.surface_problem import SurfaceObservation

Array = NDArray[np.float64]


def observe(
    frame: CropFrame, crop: NDArray[np.float32], joints: Array, reach_m: float, points: int, ring_px: int
) -> tuple[SurfaceObservation, float]:
    """At most so many points within the box that reaches as far beyond all joints (23, 3) m, and the depth map; and how
    many pixels each point stands for. ring_px: radius of the ring."""
    picture = np.ascontiguousarray(crop, dtype=np.float32)
    depth = np.empty(picture.shape)
    chosen, stands_for = choose_points(picture, frame.half, frame.distance, joints, reach_m, points, depth)
    return SurfaceObservation(chosen, depth, frame.distance, frame.half, ring_steps(ring_px)), stands_for


@lru_cache(maxsize=4)
def ring_steps(radius: int) -> NDArray[np.int64]:
    """(R, 2): steps (column, row) to all pixels within a radius, in order of distance."""
    v, u = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    square = (u * u + v * v).ravel()
    order = np.argsort(square, kind="stable")
    order = order[square[order] <= radius * radius]
    return np.ascontiguousarray(np.stack([u.ravel()[order], v.ravel()[order]], axis=-1).astype(np.int64))


@njit(cache=True, nogil=True, error_model="numpy")
def choose_points(
    crop: NDArray[np.float32],
    half: float,
    distance: float,
    joints: Array,
    reach_m: float,
    most: int,
    depth: Array,
) -> tuple[Array, float]:
    """Crop (S, S) in [-1, 1] -> points (N <= most, 3) m local within reach of the box about all joints (J, 3) m, evenly
    thinned out in rows, and how many pixels each stands for. Fills depth (S, S) m, inf where nothing is."""
    low, high = np.empty(3), np.empty(3)
    for k in range(3):
        low[k], high[k] = joints[:, k].min() - reach_m, joints[:, k].max() + reach_m
    size = crop.shape[0]
    unit = np.float32(half)
    for r in range(size):
        for c in range(size):
            d = crop[r, c]
            depth[r, c] = d * unit if d >= -1.0 and d < 1.0 else np.inf
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
            scale = crop_to_metres(distance + z, distance, half)
            x, y = pixel_to_crop(c, size) * scale, pixel_to_crop(r, size) * scale
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
