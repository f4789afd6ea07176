"""One depth image with all that is needed to read it: its camera and its stamp.

In: depth (H, W) m, its Camera, a stamp in seconds. Out: :class:`DepthFrame`, whose image and camera agree in size, so
that nothing that is handed one has to check it again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.depth.sparse import fill_between_readings
from hand_pose_ros.validation import is_number, shown

_LATEST_S = 1e11
"""Stamps beyond are in another unit: the year 5138, in seconds since 1970. Derived: milliseconds of 1973."""


@dataclass(frozen=True, eq=False)
class DepthFrame:
    """A depth image of one moment. ValueError when the image has not two dimensions or not its camera's size, when it
    holds whole numbers (counts), when the camera is none, and when the stamp is no finite number of seconds."""

    depth: NDArray[np.float32]
    """(H, W) float32, C-contiguous, metres along the optical axis; NaN: no reading, as what a
    masked array masks. Any other layout or type, and a read-only array, is converted, which copies it."""
    camera: Camera
    """The camera of this image, of the same width and height."""
    stamp_s: float = 0.0
    """When it was taken, seconds."""

    def __post_init__(self) -> None:
        if not isinstance(self.depth, np.ndarray):
            raise ValueError(
                f"depth is a {type(self.depth).__name__}, want an array (height, width) of metres"
            )
        if self.depth.dtype.kind != "f":  # counts taken for metres would be a hand a kilometre away, or none
            raise ValueError(
                f"depth is {self.depth.dtype}, want float32 metres: multiply counts by the metres a count (0.001 for"
                " millimetres), and set what is no reading to NaN"
            )
        if not is_number(self.stamp_s) or not math.isfinite(self.stamp_s):
            raise ValueError(f"stamp_s is {shown(repr(self.stamp_s))}, want a finite number of seconds")
        if abs(self.stamp_s) > _LATEST_S:
            raise ValueError(f"stamp_s is {self.stamp_s:g}, want seconds: a nanosecond is 1e-9 of them")
        if self.depth.ndim != 2:
            raise ValueError(f"depth has shape {self.depth.shape}: it must be (height, width)")
        if not isinstance(self.camera, Camera):
            raise ValueError(
                f"camera is a {type(self.camera).__name__}, want a Camera(width, height, fx, fy, cx, cy) in pixels"
            )
        self.camera.require_size(self.depth.shape[1], self.depth.shape[0])
        depth = self.depth.filled(np.nan) if isinstance(self.depth, np.ma.MaskedArray) else self.depth
        # Read-only ones too: numba would compile every kernel once more for them, 11 s in the midst of tracking.
        with np.errstate(over="ignore"):  # beyond every distance either way
            own = np.require(depth, np.float32, ("C", "A", "W", "E"))
        object.__setattr__(self, "depth", own)

    @cached_property
    def surface(self) -> NDArray[np.float32]:
        """(H, W) m: ``depth`` with the holes filled that lie between readings a few pixels apart; worked out on first
        use, and ``depth`` itself where the image is dense."""
        return fill_between_readings(self.depth)

    def within(self, roi: tuple[int, int, int, int] | None) -> DepthFrame:
        """The same frame with no reading outside a window (x, y, width, height) px; itself when ``roi`` is None.

        The image is copied, never changed. ValueError when the window is empty.
        """
        if roi is None:
            return self
        x, y, width, height = roi
        if width < 1 or height < 1:
            raise ValueError(
                f"roi is {tuple(roi)}, want x, y, width, height in px, at least 1 px wide and high"
            )
        window = (slice(max(y, 0), max(y + height, 0)), slice(max(x, 0), max(x + width, 0)))
        masked = np.full_like(self.depth, np.nan)
        masked[window] = self.depth[window]
        return replace(self, depth=masked)
