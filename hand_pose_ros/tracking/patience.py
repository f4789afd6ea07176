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

        It is ``track.patience_intervals`` times the usual interval; at least ``coast_s``, and at most
        ``track.longest_patience_s``, if that is more. What this frame came later than usual is added: while nothing
        arrives no hand can be seen, and none is missed. It counts for this frame alone, so that a hand that has left
        in a gap is given up with the next one.
        """
        if self._stamp_s is None:
            self._stamp_s = stamp_s
            return self._config.coast_s
        interval_s = stamp_s - self._stamp_s
        usual_s = self._usual_s(interval_s)
        if interval_s > 0.0:
            self._intervals_s.append(interval_s)
        self._stamp_s = stamp_s
        coast_s, track = self._config.coast_s, self._config.track
        waited_s = max(coast_s, track.patience_intervals * usual_s) + max(interval_s - usual_s, 0.0)
        return max(coast_s, min(waited_s, track.longest_patience_s))

    def _usual_s(self, interval_s: float) -> float:
        """The median of the intervals before this one, so that a single gap does not count as usual; of two long ones
        in a row the shorter one does: the rate has fallen."""
        if not self._intervals_s:
            return interval_s
        return max(self.usual_interval_s, min(interval_s, self._intervals_s[-1]))
