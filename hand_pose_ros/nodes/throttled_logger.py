"""Throttled log messages: a key and a sentence come in, at most one log line a key and period goes out.

The last message is kept for the diagnostics. Safe to call from any thread.
"""

from __future__ import annotations

import threading
import time
from typing import Protocol

from hand_pose_ros.validation import shown


def error_line(error: Exception) -> str:
    """What an exception is, in one line: its text, and its kind where that is none of those that name their reason."""
    expected = isinstance(error, (ValueError, OSError, ImportError, RuntimeError)) and str(error)
    return shown(error if expected else f"{type(error).__name__}: {error}", 1000)


class Logger(Protocol):
    """The part of an rclpy logger that is used."""

    def info(self, message: str, /) -> object: ...

    def warning(self, message: str, /) -> object: ...

    def error(self, message: str, /) -> object: ...


class ThrottledLogger:
    """Logs warnings and errors of a node, each key at most once in ``period_s`` seconds of steady time."""

    def __init__(self, logger: Logger, period_s: float = 5.0) -> None:
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

    def info(self, text: str) -> None:
        """Logs what is no fault: at once, and not kept as the last error."""
        self._logger.info(text)

    def last_error(self) -> tuple[str, float] | None:
        """Returns the last warning or error and how many seconds ago it was made, or None."""
        with self._lock:
            if self._last is None:
                return None
            text, when = self._last
        return text, time.monotonic() - when

    def reset(self) -> None:
        """Starts afresh: nothing is held back, and there is no last error."""
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
