"""The frame before the one that is refined, in the camera's frame and in the next crop's.

In: joints, velocities and angles of a hand in the camera's frame. Out: :class:`PreviousFrame`, whose joints and
velocities the next crop's local frame has from :meth:`PreviousFrame.in_crop`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.crop import CropFrame
from hand_pose_ros.validation import positive

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PreviousFrame:
    """The frame before, in the camera's frame. ValueError when dt_s is not positive."""

    joints: Array
    """(23, 3) m, as refined then."""
    sigma: Array
    """(23,) m, the network's expected errors then."""
    dt_s: float
    """Seconds since then."""
    velocity: Array | None = None
    """(23, 3) m/s, None where it is not known yet."""
    angles: Array | None = None
    """(20,) rad, smoothed; None where there was no hand model."""

    def __post_init__(self) -> None:
        positive(self, "dt_s")

    def in_crop(self, frame: CropFrame) -> tuple[Array, Array | None]:
        """The joints (23, 3) m and their velocity (23, 3) m/s, or None, in a crop's local frame."""
        joints = frame.camera_to_local(self.joints)
        if self.velocity is None:
            return joints, None
        return joints, frame.camera_to_local(self.joints + self.velocity) - joints
