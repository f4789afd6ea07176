"""A tracked hand: what every consumer gets, and the state of its tracking.

Frames and units: the camera's optical frame (x right, y down, z forward), metres, radians.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class TrackState(IntEnum):
    """What a tracker, or a hand, is doing. The numbers are those of HandPose.msg."""

    SEARCH = 0
    TRACK = 1
    COAST = 2
    LOST = 3


class PoseState(NamedTuple):
    """A hand's pose at one moment: what is smoothed over time."""

    translation: Array
    """(3,) m of the palm, camera's optical frame."""
    rotation: Array
    """(3, 3) of the palm, columns are its axes in the camera's optical frame."""
    angles: Array
    """(20,) rad, within ``skeleton.ANGLE_LIMITS``."""


@dataclass(frozen=True)
class Hand:
    """One tracked hand; all rotations are right-handed, of a left hand too."""

    side: str
    """right or left."""
    track_id: int
    """Stays the same while the hand is followed; a hand that was lost returns with another."""
    state: TrackState
    """TRACK or COAST for a hand that is published."""
    confidence: float
    """0..1: probability that it is a hand and right to 20 mm."""
    joints: Array
    """(23, 3) m as ``skeleton.JOINT_NAMES``."""
    joint_confidence: Array
    """(23,) 0..1: probability of each joint that it is right to 20 mm."""
    angles: Array
    """(20,) rad as ``skeleton.ANGLE_NAMES``, within ``skeleton.ANGLE_LIMITS``."""
    rotation: Array
    """(3, 3) of the palm."""
    translation: Array
    """(3,) m of the palm."""
    segment_positions: Array
    """(16, 3) m, the origins of the segments' frames."""
    segment_rotations: Array
    """(16, 3, 3) of the segments."""
    shape: Array
    """(9,) log scales as ``skeleton.SHAPE_NAMES``."""
    shape_frozen: bool = False
    """Whether the shape is the user's and will not change while the track lasts."""

    @property
    def scale(self) -> float:
        """Size against the template hand: 1 is the template."""
        return float(np.exp(self.shape[0]))
