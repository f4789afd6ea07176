"""Depth in another unit than metres is suspected: the reason in words.

In: images as metres. Out: a sentence, or None where nothing is suspected.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.detection.config import BlobDetectorConfig

_FAR_M = 10.0
_NEAR_M = 0.1
_REACHABLE_M = BlobDetectorConfig.max_range_m  # as far as hands are searched for
# An image with so much of it beyond 10 m, or nearer than 10 cm, and nothing where hands are, is suspected. Guessed.
_MOST = 0.5
# Only after so many such images in a row: something may be held before the lens. Guessed: a third of a second.
_IN_A_ROW = 10
_EVERY = 4  # pixels, in both directions: it must cost nothing


class UnitWatch:
    """Suspects depth in another unit than metres."""

    def __init__(self, setting: str = "The parameter 'depth_unit'", in_a_row: int = _IN_A_ROW) -> None:
        """``setting``: what sets the unit, as the sentence names it; ``in_a_row``: suspicious images it takes."""
        self._setting = setting
        self._wanted = in_a_row
        self._in_a_row = 0

    def look(self, depth: NDArray[np.float32]) -> str | None:
        """The suspicion after one more image (H, W) m, NaN where there is no reading."""
        seen = depth[::_EVERY, ::_EVERY]
        seen = seen[np.isfinite(seen)]
        far = seen.size > 0 and np.mean(seen > _FAR_M) > _MOST and seen.min() > _REACHABLE_M
        near = seen.size > 0 and seen.max() < _NEAR_M
        self._in_a_row = self._in_a_row + 1 if far or near else 0
        if self._in_a_row < self._wanted:
            return None
        return (
            f"depth of {np.median(seen):.3g} metres at the middle of all readings: is the unit wrong?"
            f" {self._setting} is metres a count of 16UC1 images; 32FC1 images must be in metres (REP 118)"
        )
