"""How long a hand that is not seen is waited for, when frames come seldom.

In: the stamps (s) of the frames that are tracked, in order of time. Out: seconds. A limit in seconds alone would be
shorter than the time between two frames of a slow camera, or on a slow computer: every frame would begin a new track.
"""

from __future__ import annotations

import statistics
from collections import deque

from hand_pose_ros.tracking.config import TrackerConfig

_REMEMBERED = 6
"""Intervals that are remembered: an even number, so that of two that alternate neither is left out. Guessed: few, so
that another rate is soon known."""


class Patience:
    """The usual interval between frames, and what follows from it."""

    def __init__(self, config: TrackerConfig) -> None:
        self._config = config
        self._intervals_s: deque[float] = deque(maxlen=_REMEMBERED)
        self._stamp_s: float | None = None

    @property
    def usual_interval_s(self) -> float:
        """The median of the last intervals, seconds; 0 before there is one."""
        return statistics.median(self._intervals_s) if self._intervals_s else 0.0

    def next_frame(self, stamp_s: float) -> float:
        """How long a hand may not have been seen, at this frame, without being given up, seconds.

        It is ``track.patience_intervals`` times the usual interval, the median of those before this frame, so that a
        single gap does not count as usual; at least ``coast_s`` and at most ``track.longest_patience_s``, if that is
        more.
        """
        if self._stamp_s is None:
            self._stamp_s = stamp_s
            return self._config.coast_s
        interval_s = stamp_s - self._stamp_s
        usual_s = statistics.median(self._intervals_s) if self._intervals_s else interval_s
        if interval_s > 0.0:
            self._intervals_s.append(interval_s)
        self._stamp_s = stamp_s
        track = self._config.track
        return max(self._config.coast_s, min(track.patience_intervals * usual_s, track.longest_patience_s))
