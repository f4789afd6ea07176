"""What every kind of recording yields, frame by frame: :class:`RecordedFrame`, or why a frame cannot be used.

In: nothing. Out: the types that readers of recordings and the replay share. No ROS.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.camera import Camera


class RecordingError(ValueError):
    """Something is not the recording that it should be, or a part of it is damaged; the message names it."""


class TrueHand(NamedTuple):
    """A hand that is known to be in a frame."""

    side: str
    """right or left."""
    joints: NDArray[np.float64]
    """(23, 3) m as ``skeleton.JOINT_NAMES``, camera's optical frame."""


@dataclass(frozen=True, eq=False)
class RecordedFrame:
    """One depth image of a recording."""

    index: int
    """Its number in the recording, from 0, those that were left out counted."""
    name: str
    """What messages and captions call it: a file's path within its folder, or seconds since the first frame."""
    stamp_ns: int
    """When it was taken."""
    frame_id: str
    """The frame that its coordinates are in, empty where nothing says."""
    depth: NDArray[np.float32]
    """(H, W) m, NaN = no reading."""
    camera: Camera
    """Of this image."""
    clock_set: bool = False
    """The camera's clock was set before this frame: nothing that was tracked goes on."""


class UnusableFrame(NamedTuple):
    """A frame that is in the recording, but cannot be tracked."""

    reason: str
    """One sentence that names it."""
    beside: bool = False
    """It is in no frame's place: the sentence is of what lies beside them."""


class Recording(Protocol):
    """A folder of frames, or a bag."""

    def __len__(self) -> int:
        """Frames that it has, as far as it is known before they are read."""

    def rate(self, rate_hz: float) -> float:
        """Frames a second: as recorded, or ``rate_hz`` where that is not known."""

    def frames(self, depth_unit_m: float, rate_hz: float) -> Iterator[RecordedFrame | UnusableFrame]:
        """The frames in order of time. ``depth_unit_m``: metres per count of integer images; ``rate_hz``: frames a
        second where the recording has no stamps. RecordingError where the recording is damaged from here on."""

    def truth(self) -> dict[int, list[TrueHand]]:
        """Known hands by the stamp (ns) of their frame; complete after ``frames`` has come to its end."""
