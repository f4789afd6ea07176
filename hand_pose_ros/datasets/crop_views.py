"""Where synthetic crops look, and where the sensor's picture ends.

In: middles of hands, seeds, shares (metres, radians; local frames as of ``depth.crop``). Out: the views of N crops, of
the first pass or of a recrop of the same picture, and edges of pictures that cut through them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.crop import CropFrame, roll_to_up
from hand_pose_ros.synthetic.random_streams import BatchStream

Array = NDArray[np.float64]

_ROLL_SPREAD_RAD = 0.15
"""Standard deviation of a tracked hand's roll; more the more it points along the line of sight. Guessed."""
_BORDER_GAP_M = (-0.015, 0.11)
"""Range of the edge's distance from the hand's middle. Guessed: from a middle just cut off to a whole hand."""
_HAND_REACH_M = 0.09
"""How far a hand reaches from its middle. Guessed: half of the length of the template hand."""


class Crops(NamedTuple):
    """Where N crops look. A point p of the local frame that a hand was placed in is ``turn @ (p - offset)`` in the
    crop's own."""

    view: Array
    """(N, 3, 3), camera -> the crop's local frame."""
    distance: Array
    """(N,) m, from the camera to the crop's middle."""
    turn: Array
    """(N, 3, 3), the hand's local frame -> the crop's."""
    offset: Array
    """(N, 3) m: the crop's middle in the hand's local frame."""

    @classmethod
    def about(
        cls, centres: Array, view: Array, offset: Array | None, roll: Array, cube_m: float, size: int
    ) -> Crops:
        """Crops of ``size`` px and ``cube_m`` about ``centres`` (N, 3) m of the camera frame, or ``offset`` (N, 3) m
        from them, turned by ``roll`` (N,) rad; view (N, 3, 3) of the local frames at the centres."""
        if offset is None and not roll.any():
            same = np.broadcast_to(np.eye(3), view.shape)
            return cls(view, np.linalg.norm(centres, axis=1), same, np.zeros_like(centres))
        if offset is None:
            offset = np.zeros_like(centres)
        moved = centres + np.einsum("nji,nj->ni", view, offset)
        frames = np.stack(
            [
                CropFrame(centre, cube_m, size, roll_rad=angle).view
                for centre, angle in zip(moved, roll.tolist(), strict=True)
            ]
        )
        return cls(frames, np.linalg.norm(moved, axis=1), frames @ view.swapaxes(1, 2), offset)

    def local(self, points: Array) -> Array:
        """Points (N, K, 3) m of the hands' local frames -> of the crops' local frames."""
        return np.asarray(np.einsum("nij,nkj->nki", self.turn, points - self.offset[:, None]))


class Borders(NamedTuple):
    """Edges of pictures that cut through N crops."""

    side: NDArray[np.int64]
    """(N,): 0 left, 1 right, 2 top, 3 bottom, -1 none."""
    gap: Array
    """(N,) m from the hand's middle outwards to the edge, negative where the middle is cut off."""
    outward: Array
    """(N, 3) m: how far the hand's middle lies from the crop's, which was found by what is left of the hand."""

    @classmethod
    def sample(cls, share: float, stream: tuple[int, int], count: int) -> Borders:
        """Of N crops a share, from random numbers of their own (stream: a batch's split and seed): with them or
        without, all else of a batch is the same."""
        rng = np.random.default_rng([*stream, BatchStream.BORDERS])
        side = np.where(rng.random(count) < share, rng.integers(4, size=count), -1)
        gap = rng.uniform(*_BORDER_GAP_M, count)
        outward = np.zeros((count, 3))
        off = np.maximum(_HAND_REACH_M - gap, 0.0) * rng.uniform(0.0, 0.6, count)
        outward[np.arange(count), side // 2] = np.where(side < 0, 0.0, np.where(side % 2, off, -off))
        return cls(side, gap, outward)

    def tangents(self, middle: Array) -> Array:
        """Middles (N, 3) m of the camera frame -> least x / z, most x / z, least y / z, most y / z (N, 4) in view."""
        bounds = np.tile([-np.inf, np.inf, -np.inf, np.inf], (len(middle), 1))
        cut = np.flatnonzero(self.side >= 0)
        side = self.side[cut]
        x = middle[cut, side // 2] + np.where(side % 2, 1.0, -1.0) * self.gap[cut]
        bounds[cut, side] = x / middle[cut, 2]
        return bounds


def rolls_upright(rotation: Array, rng: np.random.Generator) -> Array:
    """(N,) rad: rolls that turn hands of orientations (N, 3, 3) upright, off by what the last frame's hand was."""
    along = rotation[:, :2, 0]
    spread = _ROLL_SPREAD_RAD / np.maximum(np.linalg.norm(along, axis=1), 0.2)
    error = spread * rng.normal(size=len(rotation))
    return roll_to_up(along[:, 0], along[:, 1]) + error


def directions(count: int, spread_rad: float, rng: np.random.Generator) -> Array:
    """(N, 3) unit vectors within ``spread_rad`` of the optical axis in x and in y."""
    tangent = np.tan(rng.uniform(-spread_rad, spread_rad, (count, 2)))
    rays = np.concatenate([tangent, np.ones((count, 1))], axis=1)
    return np.asarray(rays / np.linalg.norm(rays, axis=1, keepdims=True))
