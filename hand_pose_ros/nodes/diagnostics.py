"""What the tracker node counts, and the diagnostic_msgs that it makes of it.

In: events of single frames (from the executor's thread and the worker's). Out: ``DiagnosticArray``. Ages and times
are in milliseconds, rates in Hz over the last ``WINDOW_S`` seconds; the stages' times over the last ``STAGE_WINDOW_S``.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus

from hand_pose_ros.nodes.status_array import WINDOW_S, figure_texts, status_array
from hand_pose_ros.tracking.stage_timer import STAGES

if TYPE_CHECKING:
    from hand_pose_ros.tracking.tracker import HandTracker

STAGE_WINDOW_S = 1.0
"""The stages' times are medians over so many of the last seconds. Guessed, as all numbers here."""
_BORROWED = "without_own_camera_info"
_RECENT_S = 10.0  # an error stays in the status message for this long
# No image for so many seconds and so many of the usual intervals: the camera is gone.
_GONE_S, _GONE_INTERVALS = 1.0, 2.5


class FrameOutcome(str, Enum):
    """What may become of a depth image that arrived. The values are keys of the diagnostics; each is counted."""

    PUBLISHED = "published"
    """Its output was published."""

    REPLACED = "dropped_newer_arrived"
    """A newer one arrived before the worker could take it."""

    TOO_OLD = "dropped_too_old"
    """Its stamp is further from the clock than ``max_age_s``."""

    OUT_OF_ORDER = "dropped_out_of_order"
    """Its stamp is not after the last one's."""

    STRAY_STAMP = "dropped_stray_stamp"
    """Its stamp is far from those before it, and those after it went on from these."""

    NO_INFO = "dropped_no_camera_info"
    """No camera info came that goes with it."""

    BEFORE_RESET = "dropped_before_reset"
    """It was taken before the tracker was told to start afresh."""

    NO_TRANSFORM = "dropped_no_transform"
    """Where its frame is in ``target_frame`` is not known."""

    DISABLED = "dropped_disabled"
    """The service ``~/set_enabled`` has switched the tracker off."""

    REJECTED = "rejected_bad_input"
    """Image, camera info or tracker raised an error."""


DISABLED = "disabled"
"""What the tracker is doing while ``~/set_enabled`` has switched it off; else its state's name."""


class _Output(NamedTuple):
    """A published frame: when (s, monotonic), its age and what it took (ms), how many hands, ms of each stage."""

    when: float
    age_ms: float
    processing_ms: float
    hands: int
    stages_ms: dict[str, float]


def _too_long(silent_s: float, times: Sequence[float]) -> bool:
    """Whether a silence is one after which nothing more is to be expected of what came at these times, s."""
    usual_s = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    return silent_s > max(_GONE_S, _GONE_INTERVALS * usual_s)


class FrameStatistics:
    """Counts and sliding windows. Safe to call from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._received: deque[float] = deque()
        self._published: deque[_Output] = deque()
        self._without_info: deque[float] = deque()
        self._hints: dict[str, str] = {}
        self._remark: str | None = None
        self._started = time.monotonic()

    def begin(self) -> None:
        """The node listens from now on: what came before tells nothing of the camera. The counts go on."""
        with self._lock:
            for window in (self._received, self._published, self._without_info):
                window.clear()
            self._hints.clear()
            self._remark = None

    def receive(self) -> None:
        """Counts a depth image that arrived."""
        with self._lock:
            self._counts["received"] += 1
            self._received.append(time.monotonic())
            self._trim()

    def drop(self, outcome: FrameOutcome) -> None:
        """Counts a frame that ended without an output."""
        with self._lock:
            self._counts[outcome.value] += 1
            if outcome == FrameOutcome.NO_INFO:
                self._without_info.append(time.monotonic())
                self._trim()

    def hint(self, subject: str, text: str | None) -> None:
        """Says why frames like the last one can give no hand; None: nothing of this subject is wrong any more."""
        with self._lock:
            if text is None:
                self._hints.pop(subject, None)
            else:
                self._hints[subject] = text

    def remark(self, text: str | None) -> None:
        """Says what may be wrong, which is no warning; None: nothing any more."""
        with self._lock:
            self._remark = text

    def hints(self) -> str:
        """Returns all that may be wrong with what arrives, in words; empty where nothing is."""
        with self._lock:
            return "; ".join([*self._hints.values(), *([self._remark] if self._remark else [])])

    def warning(self) -> str | None:
        """Returns what is wrong with what arrives, in words, or None."""
        with self._lock:
            self._trim()
            if not self._received:
                return "no depth images"
            silent_s = time.monotonic() - self._received[-1]
            if _too_long(silent_s, self._received):
                return f"no depth image for {silent_s:.1f} s: the camera is gone"
            if self._hints:
                return "; ".join(self._hints.values())
            if self._without_info:
                return f"{len(self._without_info)} images in {WINDOW_S:g} s had no camera info that goes with them"
        return None

    def stalled(self) -> str | None:
        """Returns that images arrive and give no output any more, in words, or None: a frame may hang in the work."""
        with self._lock:
            self._trim()
            if len(self._received) < 2 or not self._published:
                return None
            outputs = [output.when for output in self._published]
            silent_s = self._received[-1] - outputs[-1]
            if not (_too_long(silent_s, self._received) and _too_long(silent_s, outputs)):
                return None
        return f"depth images arrive but none has given an output for {silent_s:.1f} s"

    def borrow(self) -> None:
        """Counts a frame that goes on with a camera info of another stamp."""
        with self._lock:
            self._counts[_BORROWED] += 1

    def publish(self, age_ms: float, processing_ms: float, hands: int, stages_ms: dict[str, float]) -> None:
        """Counts a frame whose output was published ``age_ms`` after its stamp."""
        with self._lock:
            self._counts[FrameOutcome.PUBLISHED.value] += 1
            self._published.append(_Output(time.monotonic(), age_ms, processing_ms, hands, dict(stages_ms)))
            self._trim()

    def figures(self) -> dict[str, float]:
        """Returns all counts, rates (Hz) and percentiles (ms); percentiles are NaN when nothing was published lately.

        ``hands``: in the newest output. A stage's time is the median of the frames that went through it.
        """
        with self._lock:
            self._trim()
            window = max(1e-3, min(WINDOW_S, time.monotonic() - self._started))
            published = list(self._published)
            figures: dict[str, float] = {"received": self._counts["received"]}
            figures |= {outcome.value: self._counts[outcome.value] for outcome in FrameOutcome}
            figures[_BORROWED] = self._counts[_BORROWED]
            figures["hands"] = published[-1].hands if published else 0
            figures["rate_in_hz"] = len(self._received) / window
            figures["rate_out_hz"] = len(published) / window
        for name in ("age_ms", "processing_ms"):
            column = [getattr(output, name) for output in published]
            values = np.percentile(column, (50, 95, 99)) if column else (np.nan,) * 3
            figures |= {f"{name}_p{p}": float(value) for p, value in zip((50, 95, 99), values, strict=True)}
        horizon = time.monotonic() - STAGE_WINDOW_S
        latest = [output.stages_ms for output in published if output.when >= horizon]
        for stage in STAGES:
            times = [stages[stage] for stages in latest if stage in stages]
            figures[f"{stage}_ms_p50"] = float(np.median(times)) if times else np.nan
        return figures

    def _trim(self) -> None:
        horizon = time.monotonic() - WINDOW_S
        while self._received and self._received[0] < horizon:
            self._received.popleft()
        while self._published and self._published[0].when < horizon:
            self._published.popleft()
        while self._without_info and self._without_info[0] < horizon:
            self._without_info.popleft()


def tracker_faults(tracker: HandTracker | None) -> str | None:
    """What is wrong with the tracker while it goes on, in one line; None when nothing is."""
    return "; ".join(getattr(tracker, "faults", {}).values()) or None


def tracker_details(tracker: HandTracker | None) -> dict[str, str]:
    """Returns the device on which a tracker computes, what runs its network and in which precision, and its model's
    hash; empty texts where there is none."""
    estimator = getattr(tracker, "estimator", None)
    backend = getattr(estimator, "backend", None)
    return {
        "device": str(getattr(estimator, "device", "")),
        "backend": str(getattr(backend, "name", "")),
        "precision": str(getattr(backend, "precision", "")),
        "model_hash": tracker.model_info.sha256 if tracker is not None else "",
    }


def diagnostic_array(
    name: str,
    hardware_id: str,
    stamp: Time,
    lifecycle: str,
    tracking: str,
    statistics: FrameStatistics,
    last_error: tuple[str, float] | None,
    configure_error: str | None,
    details: Mapping[str, str] | None = None,
) -> DiagnosticArray:
    """Returns an array with one status, the node's.

    ``lifecycle`` is the node's state and ``tracking`` the tracker's, ``last_error`` a text and how many seconds ago it
    was logged, ``configure_error`` why it could not configure, or another transition failed (None: nothing did);
    ``details`` are more values by their keys.
    """
    figures, warning = statistics.figures(), statistics.warning()
    fresh = last_error is not None and last_error[1] < _RECENT_S
    if configure_error is not None:
        level, message = DiagnosticStatus.ERROR, configure_error
    elif lifecycle != "active":
        level, message = DiagnosticStatus.OK, lifecycle
    elif tracking == DISABLED:
        level, message = DiagnosticStatus.OK, tracking
    elif figures["rate_in_hz"] == 0.0:
        level, message = DiagnosticStatus.WARN, "no depth images"
    elif figures["rate_out_hz"] == 0.0:
        level, message = DiagnosticStatus.ERROR, "depth images arrive but none gives an output"
    elif warning is not None:
        level, message = DiagnosticStatus.WARN, warning
    elif fresh:
        level, message = DiagnosticStatus.WARN, last_error[0] if last_error else ""
    elif (stalled := statistics.stalled()) is not None:
        level, message = DiagnosticStatus.WARN, stalled
    else:
        level, message = DiagnosticStatus.OK, tracking
    values = {"lifecycle": lifecycle, "tracking": tracking, **(details or {}), **figure_texts(figures)}
    values["hint"] = statistics.hints()
    values["last_error"] = last_error[0] if last_error else ""
    values["last_error_age_s"] = f"{last_error[1]:.0f}" if last_error else ""
    return status_array(name, hardware_id, stamp, level, message, values)
