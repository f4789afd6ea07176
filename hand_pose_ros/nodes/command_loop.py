"""A thread that calls at a fixed rate of steady time: rclpy's executor wakes for every message of the node, too late
and too dear for a hundred commands a second.

In: a period (s), what to call. Out: calls of it; what it missed is not made up.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from hand_pose_ros.nodes.steady_clock import STEADY, SteadyClock

# So long the end of the thread is waited for. Guessed.
_JOIN_S = 2.0


class CommandLoop:
    """Runs from its making to ``close``. ``failed`` is called with what ``tick`` raised; the thread goes on."""

    def __init__(
        self,
        period_s: float,
        tick: Callable[[], object],
        failed: Callable[[Exception], object],
        clock: SteadyClock = STEADY,
        name: str = "commands",
    ) -> None:
        self._period_s, self._tick, self._failed, self._clock = period_s, tick, failed, clock
        self._condition = threading.Condition()
        self._closed = False
        self._due_s = self._clock.now_s() + period_s
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def postpone(self) -> None:
        """The next call is due one period from now."""
        with self._condition:
            self._due_s = self._clock.now_s() + self._period_s

    def close(self) -> None:
        """Ends the thread; a call that is in work may go on for a moment."""
        with self._condition:
            self._closed = True
            self._condition.notify()
        if threading.current_thread() is not self._thread:
            self._thread.join(_JOIN_S)

    def _run(self) -> None:
        while True:
            with self._condition:
                while not self._closed and self._clock.now_s() < self._due_s:
                    self._clock.wait(self._condition, self._due_s)
                if self._closed:
                    return
                self._due_s = max(self._due_s + self._period_s, self._clock.now_s())
            try:
                self._tick()
            except Exception as error:  # noqa: BLE001  the robot needs its commands: the loop goes on
                self._failed(error)
