"""Whether joints could be where they are estimated, given the surface that the sensor observed there.

In: a crop (S, S) in [-1, 1] with its CropFrame, joints (23, 3) in its local frame, metres. Out: depths below the
surface, shares of the joints.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.crop import CropFrame
from hand_pose_ros.depth.crop_projection import crop_to_pixel, metres_to_crop
from hand_pose_ros.kernel_cache import njit
from hand_pose_ros.tracking.config import VisibilityConfig

Array = NDArray[np.float64]


def visibility_score(
    frame: CropFrame, crop: NDArray[np.float32], joints: Array, config: VisibilityConfig
) -> float:
    """Share of the joints (23, 3) local m that could be where they are, given what the sensor saw there.

    A joint is on the hand when the surface before it is at most a finger's flesh nearer; it may be occluded by
    something nearer, but it cannot lie in the free space before the surface or beside the hand. Joints outside the
    crop do not count.
    """
    return visible_share(*depth_below_surface(frame, crop, joints), config)


def visible_share(below: Array, inside: NDArray[np.bool_], config: VisibilityConfig) -> float:
    """:func:`visibility_score` of what :func:`depth_below_surface` returned; 0 with less than half of the joints
    inside."""
    return float(_visible_share(below, inside, config.above_skin_m, config.flesh_m, config.occluded_weight))


@njit(nogil=True, cache=True)
def _visible_share(
    below: Array, inside: NDArray[np.bool_], above_skin_m: float, flesh_m: float, occluded_weight: float
) -> float:
    """:func:`visible_share`."""
    count = on_hand = occluded = 0
    for j in range(len(below)):
        if not inside[j]:
            continue
        count += 1
        if below[j] > -above_skin_m:
            if below[j] < flesh_m:
                on_hand += 1
            else:
                occluded += 1
    if count < len(below) // 2:
        return 0.0
    return (on_hand + occluded_weight * occluded) / count


def depth_below_surface(
    frame: CropFrame, crop: NDArray[np.float32], joints: Array
) -> tuple[Array, NDArray[np.bool_]]:
    """How far (23,) m each joint lies below the nearest surface about its pixel, and which (23,) lie within the crop.

    Minus infinity where a joint has nothing but background about it.
    """
    below, inside = np.empty(len(joints)), np.empty(len(joints), np.bool_)
    depth_below_kernel(crop, joints, frame.distance, frame.half, below, inside)
    return below, inside


@njit(nogil=True, cache=True)
def depth_below_kernel(
    crop: NDArray[np.float32], joints: Array, distance: float, half: float, below: Array, inside: NDArray[np.bool_]
) -> None:  # fmt: skip
    """:func:`depth_below_surface` into ``below`` (J,) and ``inside`` (J,). The surface is the nearest of 3 x 3 pixels;
    a joint outside is compared with those at the crop's edge."""
    size = crop.shape[0]
    for j in range(len(joints)):
        x, y, z = joints[j]
        scale = metres_to_crop(distance + z, distance, half)
        column, row = np.rint(crop_to_pixel(x * scale, size)), np.rint(crop_to_pixel(y * scale, size))
        inside[j] = 1 <= column < size - 1 and 1 <= row < size - 1
        # Not a number (a joint in the camera's plane) goes to the edge as well: every comparison with it is false.
        c = int(column) if 1 <= column < size - 1 else (size - 2 if column >= size - 1 else 1)
        r = int(row) if 1 <= row < size - 1 else (size - 2 if row >= size - 1 else 1)
        nearest = crop[r, c]
        for i in range(r - 1, r + 2):
            for k in range(c - 1, c + 2):
                nearest = min(nearest, crop[i, k])
        below[j] = -np.inf if nearest >= 1.0 else z - nearest * half


def occluded_share(
    frame: CropFrame, crop: NDArray[np.float32], joints: Array, config: VisibilityConfig
) -> float:
    """Share of the joints within the crop before which something else stands: a surface nearer than a hand's own."""
    below, inside = depth_below_surface(frame, crop, joints)
    return float((below[inside] > config.occluder_m).mean()) if inside.any() else 0.0
