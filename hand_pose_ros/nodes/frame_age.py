"""Whether a frame's stamp is one to be answered now: how old it is by the node's clock.

In: stamps (ns), the clock, the limit in seconds; when the clock was set back. Out: yes or no; frames that are too old
are counted, and the reason is logged (throttled).
"""

from __future__ import annotations

import time
from collections.abc import Callable

from rclpy.clock import Clock

from hand_pose_ros.depth.stamp_guard import ClockSetBack
from hand_pose_ros.nodes.diagnostics import FrameOutcome, FrameStatistics
from hand_pose_ros.nodes.throttled_logger import ThrottledLogger


class FrameAge:
    """``limit_s()`` is the parameter ``max_age_s``. Safe to call from any thread."""

    def __init__(
        self,
        clock: Clock,
        limit_s: Callable[[], float],
        statistics: FrameStatistics,
        throttled_logger: ThrottledLogger,
    ) -> None:
        self._clock = clock
        self._limit_s = limit_s
        self._statistics = statistics
        self._throttled_logger = throttled_logger
        self._set_back: ClockSetBack | None = None

    def clock_was_set_back(self, from_ns: int) -> None:
        """The clock has just been set back; it showed ``from_ns`` before."""
        self._set_back = ClockSetBack(from_ns, time.monotonic())

    def near_the_clock(self, stamp_ns: int) -> bool:
        """Whether a stamp is no farther from the node's clock than ``max_age_s`` allows, and not from before that was
        set back."""
        limit_s, now_ns = self._limit_s(), self._clock.now().nanoseconds
        near = limit_s <= 0.0 or abs(now_ns - stamp_ns) * 1e-9 <= limit_s
        return near and not self._was_before(stamp_ns, now_ns)

    def young_enough(self, stamp_ns: int) -> bool:
        """Whether a frame's stamp is near the clock; one that is not is counted, and the reason logged."""
        if self.near_the_clock(stamp_ns):
            return True
        limit_s = self._limit_s()
        now_ns = self._clock.now().nanoseconds
        if self._was_before(stamp_ns, now_ns):  # nothing is wrong with it
            self._statistics.drop(FrameOutcome.BEFORE_RESET)
            return False
        age_s = (now_ns - stamp_ns) * 1e-9
        self._statistics.drop(FrameOutcome.TOO_OLD)
        if now_ns == 0:
            why = "use_sim_time is true, but nothing arrives on /clock"
        elif stamp_ns == 0:
            why = "depth images have the stamp 0: the camera driver does not stamp them"
        else:
            direction = "old" if age_s > 0 else "ahead of the node's clock"
            why = f"frame is {abs(age_s):.3g} s {direction}, the parameter 'max_age_s' allows {limit_s:g} s"
            if abs(age_s) > 60.0:
                why += " (a recording? play it with --clock and set use_sim_time, or set max_age_s to 0)"
        self._throttled_logger.warn("age", f"frame dropped: {why}")
        return False

    def _was_before(self, stamp_ns: int, now_ns: int) -> bool:
        """Whether a stamp is from before the clock was set back."""
        set_back = self._set_back
        return set_back is not None and set_back.was_before(stamp_ns, now_ns, time.monotonic())
