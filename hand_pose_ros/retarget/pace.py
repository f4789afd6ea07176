"""Whether messages come too seldom for the time after which the last one counts no more.

In: when each message came (s, of one steady clock). Out: how far apart they come, seconds, while that is longer than
the limit. A limit in seconds that is shorter than the time between two messages ends what they drive between any two.
"""

from __future__ import annotations

from collections import deque

from hand_pose_ros.validation import require_positive

_REMEMBERED = 4
"""Intervals: most of so many must be too long, so that a gap now and then is none. Guessed."""


class Pace:
    """``limit_s``: so long the last message counts."""

    def __init__(self, limit_s: float) -> None:
        require_positive("limit_s", limit_s)
        self.limit_s = limit_s
        self._intervals_s: deque[float] = deque(maxlen=_REMEMBERED)
        self._heard_s: float | None = None

    def hear(self, now_s: float) -> float | None:
        """A message came; the usual interval between them where it is too long, else None."""
        if self._heard_s is not None:
            self._intervals_s.append(now_s - self._heard_s)
        self._heard_s = now_s
        if len(self._intervals_s) < _REMEMBERED:
            return None
        usual_s = sorted(self._intervals_s)[(_REMEMBERED - 1) // 2]
        return usual_s if usual_s > self.limit_s else None

    def pause(self) -> None:
        """However long it takes until the next message: that is no interval."""
        self._heard_s = None
