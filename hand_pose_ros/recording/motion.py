"""How restless tracked joints are, and how stamps are spread: figures over the time of a recording.

In: joints (T, 23, 3) m, stamps (T,) ns. Out: millimetres, counts.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_SQRT_6 = float(np.sqrt(6.0))
"""The second difference of white noise has this times its standard deviation."""
_MOST_GAP = 1.75
"""A step this many times the usual one is at least one frame that is missing. Guessed: between one and two."""


def jitter_mm(joints: NDArray[np.float64], adjacent: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Jitter at each frame from the second difference of the joints, which steady motion leaves out.

    joints (T, K, 3) m of successive frames; adjacent (T - 1,): whether a frame follows the one before without a gap.
    Returns (T,) mm: the mean over the joints of |x(t+1) - 2 x(t) + x(t-1)| / sqrt(6), which is the noise's standard
    deviation when a hand is still; NaN where a neighbour is missing.
    """
    result = np.full(len(joints), np.nan)
    if len(joints) > 2:
        second = joints[2:] - 2.0 * joints[1:-1] + joints[:-2]
        size = 1000.0 * np.linalg.norm(second, axis=-1).mean(axis=-1) / _SQRT_6
        result[1:-1] = np.where(adjacent[1:] & adjacent[:-1], size, np.nan)
    return result


def usual_step_ns(stamps_ns: NDArray[np.int64]) -> float:
    """The median step between stamps that increase, 0 where there are none."""
    steps = np.diff(stamps_ns)
    steps = steps[steps > 0]
    return float(np.median(steps)) if len(steps) else 0.0


def increasing_ns(stamps_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Stamps (T,) ns as times (T,) ns in the frames' own order: where a stamp does not come after the one before, in a
    recording that loops or whose clock was set back, that frame and all after it follow by the usual step."""
    steps = np.diff(stamps_ns)
    steps = np.where(steps > 0, steps, max(round(usual_step_ns(stamps_ns)), 1))
    return np.asarray(stamps_ns[:1].sum() + np.concatenate([np.zeros(1, np.int64), np.cumsum(steps)]))[
        : len(stamps_ns)
    ]


def missing_frames(stamps_ns: NDArray[np.int64]) -> int:
    """Frames that the recording lacks, by the gaps between its stamps."""
    usual = usual_step_ns(stamps_ns)
    if usual == 0.0:
        return 0
    steps = np.diff(stamps_ns) / usual
    return int(np.round(steps[steps >= _MOST_GAP] - 1.0).sum())


def adjacent_frames(stamps_ns: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(T - 1,): whether each frame follows the one before it without a gap, by stamps (T,) ns."""
    steps = np.diff(stamps_ns)
    return np.asarray((steps > 0) & (steps < _MOST_GAP * usual_step_ns(stamps_ns)))
