"""What the tracker node counts, and the diagnostic_msgs that it makes of it.

In: events of single frames (from the executor's thread and the worker's). Out: ``DiagnosticArray``. Ages and times in
milliseconds, rates in Hz over the last ``WINDOW_S`` seconds.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque

import numpy as np
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue

WINDOW_S = 10.0
_RECENT_S = 10.0

# What may become of a frame that arrived; each is counted.
PUBLISHED = "published"
DROPPED_REPLACED = "dropped_newer_arrived"
DROPPED_OLD = "dropped_too_old"
DROPPED_ORDER = "dropped_out_of_order"
REJECTED = "rejected_bad_input"
FATES = (PUBLISHED, DROPPED_REPLACED, DROPPED_OLD, DROPPED_ORDER, REJECTED)


class FrameStatistics:
    """Counts and sliding windows. Safe to call from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._received: deque[float] = deque()
        self._published: deque[tuple[float, float, float]] = deque()
        self._started = time.monotonic()

    def receive(self) -> None:
        """A depth image arrived."""
        with self._lock:
            self._counts["received"] += 1
            self._received.append(time.monotonic())
            self._trim()

    def drop(self, fate: str) -> None:
        """A frame ended without an output, ``fate`` says why."""
        with self._lock:
            self._counts[fate] += 1

    def publish(self, age_ms: float, processing_ms: float, hands: int) -> None:
        """A frame's output was published ``age_ms`` after its stamp."""
        with self._lock:
            self._counts[PUBLISHED] += 1
            self._counts["hands"] += hands
            self._published.append((time.monotonic(), age_ms, processing_ms))
            self._trim()

    def figures(self) -> dict[str, float]:
        """All counts, rates (Hz) and percentiles (ms); percentiles are NaN when nothing was published lately."""
        with self._lock:
            self._trim()
            window = max(1e-3, min(WINDOW_S, time.monotonic() - self._started))
            rows = np.array([(age, spent) for _, age, spent in self._published]).reshape(-1, 2)
            figures: dict[str, float] = {"received": self._counts["received"]}
            figures |= {fate: self._counts[fate] for fate in FATES}
            figures["hands"] = self._counts["hands"]
            figures["rate_in_hz"] = len(self._received) / window
            figures["rate_out_hz"] = len(rows) / window
        for name, column in (("age_ms", 0), ("processing_ms", 1)):
            values = np.percentile(rows[:, column], (50, 95, 99)) if len(rows) else (np.nan,) * 3
            figures |= {f"{name}_p{p}": float(value) for p, value in zip((50, 95, 99), values, strict=True)}
        return figures

    def _trim(self) -> None:
        horizon = time.monotonic() - WINDOW_S
        while self._received and self._received[0] < horizon:
            self._received.popleft()
        while self._published and self._published[0][0] < horizon:
            self._published.popleft()


def diagnostic_array(
    name: str,
    hardware_id: str,
    stamp: Time,
    lifecycle: str,
    tracking: str,
    statistics: FrameStatistics,
    last_complaint: tuple[str, float] | None,
    refusal: str | None,
) -> DiagnosticArray:
    """One status about the node.

    ``lifecycle`` the node's state, ``tracking`` the tracker's, ``last_complaint`` text and seconds ago, ``refusal``
    why the node last refused to configure.
    """
    figures = statistics.figures()
    fresh = last_complaint is not None and last_complaint[1] < _RECENT_S
    if refusal is not None:
        level, message = DiagnosticStatus.ERROR, refusal
    elif lifecycle != "active":
        level, message = DiagnosticStatus.OK, lifecycle
    elif figures["rate_in_hz"] == 0.0:
        level, message = DiagnosticStatus.WARN, "no depth images"
    elif figures["rate_out_hz"] == 0.0:
        level, message = DiagnosticStatus.ERROR, "depth images arrive but none gives an output"
    elif fresh:
        level, message = DiagnosticStatus.WARN, last_complaint[0] if last_complaint else ""
    else:
        level, message = DiagnosticStatus.OK, tracking
    values = {"lifecycle": lifecycle, "tracking": tracking}
    values |= {
        key: f"{value:.1f}" if isinstance(value, float) else str(value) for key, value in figures.items()
    }
    values["last_error"] = last_complaint[0] if last_complaint else ""
    values["last_error_age_s"] = f"{last_complaint[1]:.0f}" if last_complaint else ""
    status = DiagnosticStatus(level=level, name=name, message=message, hardware_id=hardware_id)
    status.values = [KeyValue(key=key, value=value) for key, value in values.items()]
    array = DiagnosticArray(status=[status])
    array.header.stamp = stamp
    return array
