"""Where the hands of single pictures are, and what the camera sees there: what their surroundings must keep clear of.

In: joints, elbows (metres, camera's optical frame), angles of view. Out: :class:`PlacedHands`, :class:`Views`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class PlacedHands:
    """The hands of N pictures, up to H each: present (N, H); joints (N, H, 23, 3) m; elbow (N, H, 3) m; left (N, H)."""

    present: Flags
    joints: Array
    elbow: Array
    left: Flags

    @property
    def middle(self) -> Array:
        """(N, H, 3) m: mean joints."""
        return np.asarray(self.joints.mean(axis=2))

    def apart(self, points: Array) -> Array:
        """Points (N, 3) m -> distance (N,) m to the nearest hand's middle, inf where there is none."""
        distance = np.linalg.norm(self.middle - points[:, None], axis=-1)
        return np.asarray(np.where(self.present, distance, np.inf).min(axis=1))

    def beside(self, start: Array, end: Array) -> Array:
        """Segments from start (N, 3) to end (N, 3) m -> distance (N,) m to the nearest hand's middle.

        It is inf where there is no hand.
        """
        along = end - start
        share = np.einsum("nhi,ni->nh", self.middle - start[:, None], along) / (along**2).sum(axis=1)[:, None]
        nearest = start[:, None] + np.clip(share, 0.0, 1.0)[..., None] * along[:, None]
        distance = np.linalg.norm(self.middle - nearest, axis=-1)
        return np.asarray(np.where(self.present, distance, np.inf).min(axis=1))


@dataclass(frozen=True)
class Views:
    """N pictures to fill. turn (N, 3, 3) from an upright frame to the camera's; field_of_view (N, 2)."""

    hands: PlacedHands
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
