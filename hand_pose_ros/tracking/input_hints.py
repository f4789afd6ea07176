"""Images and settings with which no hand can be found: the reason in words.

In: an image's shape and camera, the region of interest, the image itself. Out: sentences, or None where nothing is
suspected. :class:`InputHints` keeps them for a tracker, and warns of each once.
"""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.detection.config import BlobDetectorConfig
from hand_pose_ros.detection.unit_watch import UnitWatch
from hand_pose_ros.tracking.config import LEAST_ROI_PX

# A hand shows at least so much of itself across, m. Guessed: a grown-up's palm is 8 cm wide, a child's 6.
_LEAST_HAND_M = 0.06
_REMEDIES = (
    "HandTracker.update wants metres: multiply millimetres by 0.001",
    "HandTracker.update wants metres: these are too few for a hand. Was 0.001 taken twice, or is the lens covered?",
)
# Every so many images are looked at, and so many of these in a row must be suspicious: 0.04 ms each would be 3 % of
# what an empty room costs, and with these numbers it takes as long as where all are looked at.
_EVERY, _IN_A_ROW = 4, 3


class InputWarning(UserWarning):
    """No hand can be found in what a tracker is given, or with how it is set."""


class InputHints:
    """What is wrong with a tracker's images, by subject (``roi``, ``unit``), for as long as it is."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        """By subject; empty where nothing is wrong."""
        self._unit_watch = UnitWatch(in_a_row=_IN_A_ROW, remedies=_REMEDIES)
        self._told: set[str] = set()
        self._images = 0

    def look(
        self,
        depth: NDArray[np.float32],
        camera: Camera,
        roi: tuple[int, int, int, int] | None,
        followed: bool,
    ) -> None:
        """At an image (H, W) m; nothing is wrong where a hand is ``followed``. A subject's first text is an
        ``InputWarning``, too."""
        if followed:
            self.texts = {}
            return
        self._images += 1
        if self._images % _EVERY != 1:
            return
        found = {
            "roi": region_outside(roi, depth.shape) or region_too_small(roi, camera),
            "unit": self._unit_watch.look(depth),
        }
        self.texts = {subject: text for subject, text in found.items() if text is not None}
        for subject, text in self.texts.items():
            if subject not in self._told:
                self._told.add(subject)
                warnings.warn(text, InputWarning, stacklevel=3)  # where HandTracker.update is called


def region_outside(roi: tuple[int, ...] | None, shape: tuple[int, ...]) -> str | None:
    """The region of interest (x, y, width, height, px; zeros: none) against the image's shape (height, width)."""
    if roi is None or not any(roi):
        return None
    width, height = _shown(roi, shape)
    if width >= LEAST_ROI_PX and height >= LEAST_ROI_PX:
        return None
    rows, columns = shape
    return f"'roi' is {list(roi)}, outside the image of {columns}x{rows} px: no hand can be found"


def region_too_small(roi: tuple[int, ...] | None, camera: Camera) -> str | None:
    """The region of interest against a hand as far away as hands are searched for: nearer ones are larger still."""
    if roi is None or not any(roi):
        return None
    width, height = _shown(roi, (camera.height, camera.width))
    reach_m = BlobDetectorConfig.max_range_m
    wide_m, high_m = width * reach_m / camera.fx, height * reach_m / camera.fy
    if min(wide_m, high_m) >= _LEAST_HAND_M:
        return None
    return (
        f"'roi' is {list(roi)}: {wide_m * 100.0:.3g} x {high_m * 100.0:.3g} cm at {reach_m:g} m, the farthest that"
        " hands are searched for, which is less than a hand: none can be found"
    )


def _shown(roi: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, int]:
    """Width and height, px, of what of the image a region shows; below 1: nothing."""
    x, y, width, height = roi
    rows, columns = shape
    return min(x + width, columns) - x, min(y + height, rows) - y
