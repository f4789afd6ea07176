"""Whether joints could be where they are estimated, given the surface that the sensor observed there.

In: a crop (S, S) in [-1, 1] with its CropFrame, joints (23, 3) in its local frame, metres. Out: depths below the
surface, shares of the joints.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.crop import CropFrame
from hand_pose_ros.tracking.config import VisibilityConfig

Array = NDArray[np.float64]

_NEIGHBOURHOOD = np.ones((3, 3), np.uint8)


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
    if inside.sum() < len(below) // 2:
        return 0.0
    possible = below[inside] > -config.above_skin_m
    on_hand = possible & (below[inside] < config.flesh_m)
    return float((on_hand + config.occluded_weight * (possible & ~on_hand)).sum() / inside.sum())


def depth_below_surface(
    frame: CropFrame, crop: NDArray[np.float32], joints: Array
) -> tuple[Array, NDArray[np.bool_]]:
    """How far (23,) m each joint lies below the nearest surface about its pixel, and which (23,) lie within the crop.

    Minus infinity where a joint has nothing but background about it.
    """
    uvd = frame.local_to_crop(joints)
    pixel = np.rint(frame.crop_to_pixel(uvd[:, :2])).astype(int)
    inside = ((pixel >= 1) & (pixel < frame.size - 1)).all(axis=1)
    column, row = np.clip(pixel, 1, frame.size - 2).T
    nearest = cv2.erode(crop, _NEIGHBOURHOOD)[row, column]
    below = np.where(nearest >= 1.0, -np.inf, joints[:, 2] - nearest * frame.half)
    return np.asarray(below), np.asarray(inside)


def occluded_share(
    frame: CropFrame, crop: NDArray[np.float32], joints: Array, config: VisibilityConfig
) -> float:
    """Share of the joints within the crop before which something else stands: a surface nearer than a hand's own."""
    below, inside = depth_below_surface(frame, crop, joints)
    return float((below[inside] > config.occluder_m).mean()) if inside.any() else 0.0
