"""Whether images have stopped: what was held by the hands of the last one ends, for nobody sees them any more.

In: a call for each image whose hands were published, and one now and again. Out: yes, once for each silence, and how
long it is. It makes no difference why: a camera that is gone, images that are refused, a frame that hangs in the work.
"""

from __future__ import annotations

import threading
from collections import deque
from itertools import pairwise

from hand_pose_ros.nodes.steady_clock import STEADY, SteadyClock
from hand_pose_ros.retarget.palm_follower import PalmFollowerConfig

SHORTEST_S = PalmFollowerConfig().longest_gap_s
"""A silence is at least as long as a hand that is hidden may be before an arm stops to follow it."""
_INTERVALS = 2.5
"""And so many of the usual intervals: slow cameras may lose an image. Guessed, as for the diagnostics."""
_REMEMBERED = 4
"""So many images tell what is usual: the middle one of their intervals, which neither a gap nor two images in a burst
change. Chosen: the fewest of which that is true."""


class ImageSilence:
    """Safe to call from any thread. Before the first image there is no silence to tell."""

    def __init__(self, clock: SteadyClock = STEADY) -> None:
        self._now_s = clock.now_s
        self._lock = threading.Lock()
        self._heard_s: deque[float] = deque(maxlen=_REMEMBERED)
        self._reported = True

    def hear(self) -> None:
        """An image's hands were published."""
        with self._lock:
            self._heard_s.append(self._now_s())
            self._reported = False

    def end(self) -> None:
        """Nobody asks for silences any more, until the next image."""
        with self._lock:
            self._reported = True

    def begun_s(self) -> float | None:
        """How long (s) images have been silent, the first time that it is too long; else None."""
        with self._lock:
            if self._reported:
                return None
            times = list(self._heard_s)
            intervals_s = sorted(later - before for before, later in pairwise(times))
            usual_s = intervals_s[(len(intervals_s) - 1) // 2] if intervals_s else 0.0
            silent_s = self._now_s() - times[-1]
            if silent_s < max(SHORTEST_S, _INTERVALS * usual_s):
                return None
            self._reported = True
            return silent_s
