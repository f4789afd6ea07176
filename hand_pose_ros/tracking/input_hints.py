"""Images and settings with which no hand can be found: the reason in words.

In: an image's shape and camera, the region of interest, the image itself. Out: sentences, or None where nothing is
suspected. :class:`InputHints` keeps them for a tracker, and warns of each once.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.detection.config import BlobDetectorConfig
from hand_pose_ros.detection.unit_watch import OTHER_UNITS, NoHandWatch, UnitWatch
from hand_pose_ros.tracking.config import LEAST_ROI_PX, TrackConfig

# A hand shows at least so much of itself across, m. Guessed: a grown-up's palm is 8 cm wide, a child's 6.
_LEAST_HAND_M = 0.06
_REMEDIES = (
    "HandTracker.update wants metres: multiply millimetres by 0.001",
    "HandTracker.update wants metres: these are too few for a hand. Was 0.001 taken twice, or is the lens covered?",
)
# One image in so many is examined, and so many of the examined ones in a row must be suspicious. An examination takes
# 0.04 ms: of every image it would be 3 % of a frame's time in an empty room. Guessed: 12 images, a third of a second,
# until the first warning.
_EVERY, _IN_A_ROW = 4, 3

# So many images in a row with one stamp are more than an image that came twice. Guessed: a third of a second.
_MOST_SAME = 10
_FROZEN = (
    "all images have the same stamp_s: nothing is smoothed, and hands have no velocity."
    " HandTracker.update wants when each image was taken, in seconds"
)


class InputWarning(UserWarning):
    """With these images or these settings a tracker can find no hand; or it has found none, and they may be why."""


class InputHints:
    """What is wrong with a tracker's images, by subject (``roi``, ``unit``, ``stamp``), for as long as it is."""

    def __init__(
        self,
        patience_s: float = TrackConfig.longest_patience_s,
        reach_m: float = BlobDetectorConfig.max_range_m,
    ) -> None:
        """``patience_s``: how long a hand that is not seen is waited for at most, seconds; ``reach_m``: as far as hands
        are searched for."""
        self._patience_s, self._reach_m = patience_s, reach_m
        self.texts: dict[str, str] = {}
        """By subject; empty where nothing is wrong."""
        self._unit_watch = UnitWatch(in_a_row=_IN_A_ROW, remedies=_REMEDIES, reach_m=reach_m)
        self._no_hand_watch = NoHandWatch(
            f"HandTracker.update wants metres, which most cameras' counts are by 0.001, {OTHER_UNITS}"
        )
        self._warned: set[str] = set()
        self._images = self._same_stamps = 0
        self._stamp_s: float | None = None

    def look(
        self,
        depth: NDArray[np.float32],
        camera: Camera,
        roi: tuple[int, int, int, int] | None,
        followed: bool,
        interval_s: float = 0.0,
        stamp_s: float | None = None,
        published: bool = False,
    ) -> None:
        """Examine an image (H, W) m, and warn (``InputWarning``) when a subject gets its first text.

        interval_s: between the stamps of successive images, as a rule. followed: whether a hand, or what may be one, is
        followed; then unit and region must be right, and only the stamps are examined. published: whether what is
        followed is a hand."""
        self._images += 1
        self._same_stamps = self._same_stamps + 1 if stamp_s is not None and stamp_s == self._stamp_s else 0
        self._stamp_s = stamp_s
        stamp = (
            _FROZEN if self._same_stamps >= _MOST_SAME else frames_too_far_apart(interval_s, self._patience_s)
        )
        if published:
            self._no_hand_watch.found()
        if followed:
            self._set({"stamp": stamp})
        elif self._images % _EVERY == 1:
            region = region_outside(roi, depth.shape) or region_too_small(roi, camera, self._reach_m)
            other_unit = self._no_hand_watch.look(depth, stamp_s or 0.0)
            unit = self._unit_watch.look(depth) or (None if region or stamp else other_unit)
            self._set({"roi": region, "unit": unit, "stamp": stamp})

    def _set(self, found: Mapping[str, str | None]) -> None:
        self.texts = {subject: text for subject, text in found.items() if text is not None}
        for subject, text in self.texts.items():
            if subject not in self._warned:
                self._warned.add(subject)
                warnings.warn(text, InputWarning, stacklevel=4)  # where HandTracker.update is called


def frames_too_far_apart(interval_s: float, patience_s: float) -> str | None:
    """What is wrong where images usually come ``interval_s`` apart by their stamps, and a hand is waited for no longer
    than ``patience_s``; None where nothing is."""
    if interval_s <= patience_s:
        return None
    return (
        f"the stamps of successive images are {interval_s:.3g} s apart: a hand is not followed from one to the"
        " next, and each shows a new one. HandTracker.update wants stamp_s in seconds: multiply milliseconds by 0.001"
    )


def region_outside(roi: tuple[int, ...] | None, shape: tuple[int, ...]) -> str | None:
    """The region of interest (x, y, width, height, px; zeros: none) against the image's shape (height, width)."""
    if roi is None or not any(roi):
        return None
    width, height = _shown(roi, shape)
    if width >= LEAST_ROI_PX and height >= LEAST_ROI_PX:
        return None
    rows, columns = shape
    return f"'roi' is {list(roi)}, outside the image of {columns}x{rows} px: no hand can be found"


def region_too_small(
    roi: tuple[int, ...] | None, camera: Camera, reach_m: float = BlobDetectorConfig.max_range_m
) -> str | None:
    """The region of interest against a hand as far away as hands are searched for: nearer ones are larger still."""
    if roi is None or not any(roi):
        return None
    width, height = _shown(roi, (camera.height, camera.width))
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
