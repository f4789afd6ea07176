"""What the cameras of single pictures see: where their surroundings can stand.

In: hands (metres, camera's optical frame), angles of view. Out: :class:`PictureViews`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.synthetic.scene import SceneHands

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class PictureViews:
    """N pictures to fill. turn (N, 3, 3) from an upright frame to the camera's; field_of_view (N, 2)."""

    hands: SceneHands
    turn: Array
    field_of_view: Array

    @property
    def count(self) -> int:
        return len(self.turn)

    @property
    def empty(self) -> Flags:
        """(N,): pictures without a hand."""
        return np.asarray(~self.hands.present.any(axis=1))

    def positions(self, z: Array, rng: np.random.Generator, part: float = 1.0) -> Array:
        """(N, 3) m: points in this part of the picture's width and height at depths z (N,), some just beside it."""
        tangent = rng.uniform(-1.1, 1.1, (self.count, 2)) * (part * self.field_of_view)
        return np.concatenate([tangent * z[:, None], z[:, None]], axis=1)
