"""What a tracker found in one frame of a recording.

In: nothing. Out: :class:`TrackedFrame`, which the tables, the bag and the figures of a replay are made of.
"""

from __future__ import annotations

from dataclasses import dataclass

from hand_pose_ros.tracking.track_result import TrackResult


@dataclass(frozen=True)
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
