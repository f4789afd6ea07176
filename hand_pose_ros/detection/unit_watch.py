"""Depth in another unit than metres is suspected: the reason in words.

In: images as metres. Out: a sentence, or None where nothing is suspected. :class:`UnitWatch` knows what cannot be;
:class:`NoHandWatch` says what may be, where no hand is found and all is far away.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.detection.config import BlobDetectorConfig

# An image with so much of it beyond 10 m, or nearer than 10 cm, and nothing where hands are, is suspected. Guessed.
_FAR_M = 10.0
_NEAR_M = 0.1
_MOST = 0.5
# Less of an image than this is no scene, but stray readings, which every sensor has. Guessed: a hand as far away as
# hands are searched for shows more of itself.
_STRAY = 0.001
# Only after so many such images in a row: something may be held before the lens. Guessed: a third of a second.
_IN_A_ROW = 10
_EVERY = 4  # pixels, in both directions: it must cost nothing
# Without any hand for so long, and for so many images, it is said that the unit may be wrong; and every so often it is
# looked again, s. Guessed: a person who has started the node has shown a hand by then.
_PATIENCE_S = 3.0
_PATIENCE_IMAGES = 10
_AGAIN_S = 2.0
# Where hands are shown to a camera, m, and the share of an image that must be there: else its unit may be wrong.
# Guessed: a camera over a table or before a person sees more of either; one that looks into a room need not.
_SHOWN_M = (0.2, 1.0)
_LEAST_SHOWN = 0.05
# With nearly everything nearer than this a tenth of a room is shown, more likely than a place for hands. Guessed: what
# is behind a hand is farther away than the hand, and hands are shown at 0.3 m and more.
_CLOSE_M = 0.4
_MOST_CLOSE = 0.95
_COUNTS = "is metres a count of 16UC1 images; 32FC1 images must be in metres (REP 118)"
OTHER_UNITS = "0.0001 for 0.1 mm (D405), 0.00025 for 0.25 mm (L515)"
"""What cameras count in that do not send millimetres, as their makers have it, metres."""


class UnitWatch:
    """Suspects depth in another unit than metres."""

    def __init__(
        self,
        setting: str = "The parameter 'depth_unit'",
        in_a_row: int = _IN_A_ROW,
        remedies: tuple[str, str] | None = None,
        reach_m: float = BlobDetectorConfig.max_range_m,
    ) -> None:
        """``setting``: what sets the unit, as the sentence names it; ``in_a_row``: suspicious images it takes;
        ``remedies``: what to do where all is too far away and where it is too near, where there is no such setting;
        ``reach_m``: as far as hands are searched for."""
        self._remedies = remedies or 2 * (f"{setting} {_COUNTS}",)
        self._wanted = in_a_row
        self._reach_m = reach_m
        self._in_a_row = 0

    def look(self, depth: NDArray[np.float32]) -> str | None:
        """The suspicion after one more image (H, W) m, NaN where there is no reading."""
        seen = depth[::_EVERY, ::_EVERY]
        seen = seen[np.isfinite(seen) & (seen != 0.0)]  # 0 for no reading, as in counts
        far = (
            seen.size > 0
            and np.mean(seen > _FAR_M) > _MOST
            and np.mean((seen > 0.0) & (seen <= self._reach_m)) < _STRAY
        )
        near = seen.size > 0 and np.mean(seen >= _NEAR_M) < _STRAY
        self._in_a_row = self._in_a_row + 1 if far or near else 0
        if self._in_a_row < self._wanted:
            return None
        if np.mean(seen >= 0.0) < _STRAY:
            return "depth is negative everywhere: want the distance before the camera, so the other sign"
        return (
            f"depth of {np.median(seen):.3g} metres at the middle of all readings: is the unit wrong?"
            f" {self._remedies[bool(near)]}"
        )


class NoHandWatch:
    """Says that the unit may be wrong while no hand was found since the beginning, and hardly anything is where hands
    are shown, or nothing behind it. Once a hand was found the unit is right."""

    def __init__(self, remedy: str) -> None:
        """``remedy``: what is to be looked at, as the end of a sentence."""
        self._remedy = remedy
        self._images = 0
        self._since_s: float | None = None
        self._looked_s = -math.inf
        self._found = False
        self._text: str | None = None

    def found(self) -> None:
        """A hand was."""
        self._found = True

    def look(self, depth: NDArray[np.float32], now_s: float) -> str | None:
        """The word after an image (H, W) m without a hand, NaN where there is no reading, at a steady time."""
        if self._found:
            return None
        self._images += 1
        self._since_s = now_s if self._since_s is None else self._since_s
        waited = now_s - self._since_s >= _PATIENCE_S and self._images >= _PATIENCE_IMAGES
        if waited and now_s - self._looked_s >= _AGAIN_S:
            self._looked_s = now_s
            self._text = self._suspicion(depth)
        return self._text

    def _suspicion(self, depth: NDArray[np.float32]) -> str | None:
        seen = depth[::_EVERY, ::_EVERY]
        seen = seen[np.isfinite(seen)]
        near_m, far_m = _SHOWN_M
        if seen.size == 0:
            return None
        if np.mean((seen > near_m) & (seen < far_m)) < _LEAST_SHOWN:
            scene = f"hardly anything within {near_m:g} to {far_m:g} m"
        elif np.mean(seen < _CLOSE_M) > _MOST_CLOSE:
            scene = f"hardly anything beyond {_CLOSE_M:g} m"
        else:
            return None
        return (
            f"no hand so far, and {scene}: the middle of all readings is at"
            f" {np.median(seen):.2g} m. If the scene is really elsewhere, the unit is wrong: {self._remedy}"
        )
