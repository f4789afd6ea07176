"""The steady clock by which a robot's hand is driven: its limits are on real machines' motion, so that they run by the
time that passes, whatever ``/clock`` says (``use_sim_time``) and however the system's time is set.

In: nothing. Out: s since some moment, never less than before. Whoever waits, waits through the clock, so that tests can
let a clock of their own pass.
"""

from __future__ import annotations

import threading
import time


class SteadyClock:
    """Of this system."""

    def now_s(self) -> float:
        """The time, s."""
        return time.monotonic()

    def wait(self, condition: threading.Condition, until_s: float) -> None:
        """Until that time, or until the condition, which the caller holds, is notified."""
        condition.wait(max(0.0, until_s - time.monotonic()))


STEADY = SteadyClock()
