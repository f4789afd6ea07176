"""What a process holds: memory, threads, open files, from /proc, and whether they grow.

In: a process id, samples over time. Out: :class:`Usage`, :class:`Growth`. Linux only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

MOST_GROWTH_PERCENT = 1.0
"""What a node's memory may grow by once it has settled, of what it held then. Guessed."""


@dataclass(frozen=True)
class Usage:
    """A process at one moment."""

    time_s: float
    """Seconds, of whatever clock."""
    resident_kb: int
    """Memory in RAM, kilobytes of 1024."""
    threads: int
    """Threads."""
    files: int
    """Open files, sockets included."""


@dataclass(frozen=True)
class Growth:
    """How a process changed from when it had settled to the end."""

    resident_mb: float
    """Memory in RAM once it had settled, MB of 2^20 bytes."""
    resident_percent: float
    """By how much of it the memory grew."""
    threads: tuple[int, int]
    """Fewest and most threads."""
    files: tuple[int, int]
    """Fewest and most open files."""


def process_usage(pid: int, time_s: float) -> Usage:
    """What a process holds now; OSError when there is none of this id, or it may not be looked at."""
    folder = Path("/proc") / str(pid)
    status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
    if "VmRSS" not in status:  # it has ended, and only its exit status is left
        raise ProcessLookupError(f"process {pid} has ended")
    resident_kb = int(status["VmRSS"].split()[0])
    return Usage(time_s, resident_kb, int(status["Threads"]), len(list((folder / "fd").iterdir())))


def growth(samples: Sequence[Usage], settled_s: float, window_s: float) -> Growth:
    """Growth from ``settled_s`` on: the median of the first ``window_s`` then against that of the last.

    ValueError when there is no sample after ``settled_s``.
    """
    after = [sample for sample in samples if sample.time_s >= settled_s]
    if not after:
        raise ValueError(f"no sample after {settled_s:g} s")
    end_s = after[-1].time_s
    first = np.median([s.resident_kb for s in after if s.time_s <= after[0].time_s + window_s])
    last = np.median([s.resident_kb for s in after if s.time_s >= end_s - window_s])
    threads, files = [s.threads for s in after], [s.files for s in after]
    return Growth(
        resident_mb=float(first) / 1024,
        resident_percent=float(100 * (last - first) / first),
        threads=(min(threads), max(threads)),
        files=(min(files), max(files)),
    )
