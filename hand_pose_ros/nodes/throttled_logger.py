"""Throttled messages: in come a key and a sentence, out goes at most one log line a key and period.

The last complaint is kept for the diagnostics. Safe to call from any thread.
"""

from __future__ import annotations

import threading
import time
from typing import Any


class Reporter:
    """Warnings and errors of a node, each key at most once in ``period_s`` seconds of steady time."""

    def __init__(self, logger: Any, period_s: float = 5.0) -> None:
        self._logger = logger
        self._period_s = period_s
        self._lock = threading.Lock()
        self._printed: dict[str, float] = {}
        self._withheld: dict[str, int] = {}
        self._last: tuple[str, float] | None = None

    def warn(self, key: str, text: str) -> None:
        """Logs a warning unless one with this key was logged within the period."""
        line = self._admit(key, text)
        if line is not None:
            self._logger.warning(line)

    def error(self, key: str, text: str) -> None:
        """Logs an error unless one with this key was logged within the period."""
        line = self._admit(key, text)
        if line is not None:
            self._logger.error(line)

    def last(self) -> tuple[str, float] | None:
        """The last complaint and how many seconds ago it was made, or None."""
        with self._lock:
            if self._last is None:
                return None
            text, when = self._last
        return text, time.monotonic() - when

    def forget(self) -> None:
        """Starts afresh: nothing is held back, no last complaint."""
        with self._lock:
            self._printed.clear()
            self._withheld.clear()
            self._last = None

    def _admit(self, key: str, text: str) -> str | None:
        now = time.monotonic()
        with self._lock:
            self._last = (text, now)
            if now - self._printed.get(key, -1e9) < self._period_s:
                self._withheld[key] = self._withheld.get(key, 0) + 1
                return None
            self._printed[key] = now
            withheld = self._withheld.pop(key, 0)
        return f"{text} (and {withheld} more like this)" if withheld else text
