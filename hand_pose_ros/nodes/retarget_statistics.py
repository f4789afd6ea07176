"""What the node hand_retarget counts, and the diagnostics that it makes of it.

In: hands that came, commands that went, with times (s, steady). Out: ``DiagnosticArray``; times in ms, rates in Hz
over the last ``WINDOW_S`` seconds.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus

from hand_pose_ros.nodes.status_array import WINDOW_S, figure_texts, status_array
from hand_pose_ros.nodes.steady_clock import STEADY, SteadyClock
from hand_pose_ros.retarget.safety import SafetyState

_SILENT_S = 1.0  # a silence of this long gives a warning. Guessed


class RetargetStatistics:
    """Counts and sliding windows. Safe to call from any thread."""

    def __init__(self, clock: SteadyClock = STEADY) -> None:
        self._lock = threading.Lock()
        self._now_s = clock.now_s
        self._started_s = self._now_s()
        self._hands: deque[float] = deque()
        self._commands: deque[float] = deque()
        self._latencies: deque[tuple[float, float, float]] = deque()
        self.hands = self.commands = self.refused = 0

    def receive(self) -> None:
        """Counts a message of hands."""
        with self._lock:
            self.hands += 1
            self._hands.append(self._now_s())

    def send(self) -> None:
        """Counts a command."""
        with self._lock:
            self.commands += 1
            self._commands.append(self._now_s())

    def refuse(self) -> None:
        """Counts a message of hands of which none was followed."""
        with self._lock:
            self.refused += 1

    def follow(self, engine_s: float, latency_s: float) -> None:
        """Counts a hand that was followed: what the engine took, and how long after it came its command went out."""
        with self._lock:
            self._latencies.append((self._now_s(), engine_s, latency_s))

    def figures(self) -> dict[str, float]:
        """All counts, rates (Hz) and percentiles (ms); NaN where nothing was followed lately."""
        with self._lock:
            now_s = self._now_s()
            for times in (self._hands, self._commands):
                while times and times[0] < now_s - WINDOW_S:
                    times.popleft()
            while self._latencies and self._latencies[0][0] < now_s - WINDOW_S:
                self._latencies.popleft()
            window_s = max(1e-3, min(WINDOW_S, now_s - self._started_s))
            figures: dict[str, float] = {
                "hands_received": self.hands,
                "hands_refused": self.refused,
                "commands": self.commands,
                "rate_in_hz": len(self._hands) / window_s,
                "rate_out_hz": len(self._commands) / window_s,
                "silent_s": now_s - self._hands[-1] if self._hands else np.inf,
            }
            taken = np.array(self._latencies)
        for column, name in ((1, "engine_ms"), (2, "latency_ms")):
            values = 1e3 * np.percentile(taken[:, column], (50, 95)) if len(taken) else (np.nan, np.nan)
            figures |= {f"{name}_p{p}": float(value) for p, value in zip((50, 95), values, strict=True)}
        return figures


class RetargetStatus(NamedTuple):
    """How the node is."""

    lifecycle: str
    """Name of its lifecycle state."""
    state: SafetyState
    """What the robot's hand is doing."""
    reason: str
    """And why; empty where there is nothing to say."""
    configure_error: str | None
    """Why it could not be configured, None if it could."""
    last_error: str
    """The last error that was logged; empty for none."""
    warning: str
    """What is wrong beside the hands, else empty."""
    details: Mapping[str, str]
    """More values by their keys."""


def retarget_diagnostics(
    name: str, hardware_id: str, stamp: Time, statistics: RetargetStatistics, status: RetargetStatus
) -> DiagnosticArray:
    """An array with one status, the node's."""
    lifecycle, state, reason, configure_error, last_error, warning, details = status
    figures = statistics.figures()
    silent = figures.pop("silent_s") > _SILENT_S
    message = f"{state.value}: {reason}" if reason else state.value
    if warning:
        message = f"{message}; {warning}"
    if configure_error is not None:
        level, message = DiagnosticStatus.ERROR, configure_error
    elif lifecycle != "active":
        level, message = DiagnosticStatus.OK, lifecycle
    elif silent:
        level, message = DiagnosticStatus.WARN, f"{message}; no messages of hands"
    elif warning or state in (SafetyState.HOLD, SafetyState.REST):
        level = DiagnosticStatus.WARN
    else:
        level = DiagnosticStatus.OK
    values = {
        "lifecycle": lifecycle,
        "state": state.value,
        "reason": reason,
        **details,
        **figure_texts(figures),
    }
    return status_array(name, hardware_id, stamp, level, message, {**values, "last_error": last_error})
