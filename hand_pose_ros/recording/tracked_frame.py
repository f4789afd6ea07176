"""What a tracker found in one frame of a recording.

In: nothing. Out: :class:`TrackedFrame`, which the tables, the bag and the figures of a replay are made of.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.tracking.track_result import TrackResult


@dataclass(frozen=True, eq=False)
class TrackedFrame:
    """One frame, without its image."""

    index: int
    """Its number in the recording."""
    name: str
    """What messages call it."""
    stamp_ns: int
    """When it was taken."""
    frame_id: str
    """The frame of all coordinates, empty where nothing says."""
    result: TrackResult
    """What was found."""
    wall_ms: float
    """Wall-clock time of the tracker's update, ms."""
    picture: int = 0
    """The :func:`picture_checksum` of its image; 0: not known."""


def picture_checksum(depth: NDArray[np.float32]) -> int:
    """A number of 32 bits, above 0, by which runs of different recordings are told apart; depth (H, W) m.

    It is made of which pixels are farther than their neighbour, so that runs in other units have the same.
    """
    rows = depth[::4]
    with np.errstate(invalid="ignore"):
        farther = rows[:, 1:] > rows[:, :-1]
    return zlib.crc32(np.packbits(farther).tobytes(), depth.shape[1]) or 1
