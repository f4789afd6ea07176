"""Whether joints could be where they are said to be, given what the sensor saw there.

In: a crop (S, S) in [-1, 1] with its CropFrame, joints (23, 3) in its local frame, metres. Out: depths, shares.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.crop import CropFrame

Array = NDArray[np.float64]

# A joint lies up to this far below the skin that the sensor sees, or is hidden behind something.
_FLESH_M = 0.030
_ABOVE_SKIN_M = 0.012
# Deeper than this below a surface, a joint is behind something that is not its own hand.
_OBSTACLE_M = 0.06
_AROUND = np.ones((3, 3), np.uint8)


def surface_agreement(frame: CropFrame, crop: NDArray[np.float32], joints: Array) -> float:
    """Share of the joints (23, 3 local m) that could be where they are, given what the sensor saw there.

    A joint is on the hand when the surface before it is at most a finger's flesh nearer; it may be hidden behind
    something nearer, but it cannot float before the surface or beside the hand. Joints outside the crop do not count.
    """
    return agreement_of(*joint_depths(frame, crop, joints))


def agreement_of(below: Array, seen: NDArray[np.bool_]) -> float:
    """:func:`surface_agreement` of what :func:`joint_depths` found."""
    if seen.sum() < len(below) // 2:
        return 0.0
    fits = below[seen] > -_ABOVE_SKIN_M
    near = fits & (below[seen] < _FLESH_M)
    # Hidden joints are possible but prove nothing.
    return float((near + 0.6 * (fits & ~near)).sum() / seen.sum())


def joint_depths(
    frame: CropFrame, crop: NDArray[np.float32], joints: Array
) -> tuple[Array, NDArray[np.bool_]]:
    """How far (23,) m each joint lies below the nearest surface about its pixel, and which lie within the crop.

    Minus infinity where a joint has nothing but background about it.
    """
    uvd = frame.local_to_crop(joints)
    pixel = np.rint(frame.crop_to_pixel(uvd[:, :2])).astype(int)
    inside = ((pixel >= 1) & (pixel < frame.size - 1)).all(axis=1)
    column, row = np.clip(pixel, 1, frame.size - 2).T
    around = cv2.erode(crop, _AROUND)[row, column]
    below = np.where(around >= 1.0, -np.inf, joints[:, 2] - around * frame.half)
    return np.asarray(below), np.asarray(inside)


def hidden_share(frame: CropFrame, crop: NDArray[np.float32], joints: Array) -> float:
    """Share of the joints before which something else stands: a surface nearer than a hand's own could be."""
    below, inside = joint_depths(frame, crop, joints)
    return float((below[inside] > _OBSTACLE_M).mean()) if inside.any() else 0.0
