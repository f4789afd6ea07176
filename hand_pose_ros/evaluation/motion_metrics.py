"""Lag and jitter of a filtered motion.

In: sample times (T,) in seconds and motions sampled at them, metres or radians. Out: seconds of lag, metres of jitter.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicSpline
from scipy.optimize import minimize_scalar

from hand_pose_ros.validation import require

Array = NDArray[np.float64]

_GRID_S = 0.004
"""Step of the grid on which the best shift is looked for first. Guessed: far below a frame."""
_FEWEST = 8
"""Samples that a lag is measured on, at least. Guessed."""


def lag_s(times: ArrayLike, reference: ArrayLike, filtered: ArrayLike, limit_s: float = 0.15) -> float:
    """Seconds by which ``filtered`` (T, D) runs behind ``reference`` (T, D); negative when it runs ahead.

    The shift, up to ``limit_s`` either way, of the cubic spline through the reference that leaves the least squared
    difference; a constant offset of each of the D coordinates does not count. times (T,) s, increasing, not
    necessarily evenly. The first and last ``limit_s`` serve as margin, so that every shift is compared on the same
    samples.

    ValueError: shapes that do not fit, values that are not finite, times that do not increase, fewer than 8 samples
    inside the margins, a reference that does not move there.
    """
    t = np.asarray(times, dtype=np.float64)
    a, b = np.asarray(reference, dtype=np.float64), np.asarray(filtered, dtype=np.float64)
    if t.ndim != 1 or a.ndim != 2 or a.shape != b.shape or len(a) != len(t) or a.size == 0:
        raise ValueError(
            f"times {t.shape}, reference {a.shape} and filtered {b.shape}: want (T,), (T, D) twice"
        )
    if not (np.isfinite(t).all() and np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("times, reference and filtered must be finite")
    if (np.diff(t) <= 0).any():
        raise ValueError("times must increase from sample to sample")
    require(limit_s > 0, "", "limit_s", limit_s, "more than 0")
    inside = (t >= t[0] + limit_s) & (t <= t[-1] - limit_s)
    if inside.sum() < _FEWEST:
        raise ValueError(
            f"only {inside.sum()} samples lie {limit_s} s from both ends, want at least {_FEWEST}"
        )
    if np.ptp(a[inside], axis=0).max() < 1e-9:
        raise ValueError("the reference does not move, so there is no lag to measure")
    spline = CubicSpline(t, a)

    def misfit(shift: float) -> float:
        difference = b[inside] - spline(t[inside] - shift)
        return float(difference.var(axis=0).sum())

    grid = np.linspace(-limit_s, limit_s, 2 * int(np.ceil(limit_s / _GRID_S)) + 1)
    best = grid[int(np.argmin([misfit(shift) for shift in grid]))]
    step = grid[1] - grid[0]
    bounds = (max(best - step, -limit_s), min(best + step, limit_s))
    return float(minimize_scalar(misfit, bounds=bounds, method="bounded", options={"xatol": 1e-6}).x)


def jitter_m(joints: ArrayLike) -> Array:
    """Joints (T, ..., 3) m of a hand held still -> (...) m: RMS distance of each from its own mean over time.

    ValueError when there are fewer than two frames, the last axis is not 3 or a value is not finite.
    """
    points = np.asarray(joints, dtype=np.float64)
    if points.ndim < 2 or points.shape[-1] != 3 or len(points) < 2:
        raise ValueError(f"joints have shape {points.shape}, want (T, ..., 3) with at least two frames")
    if not np.isfinite(points).all():
        raise ValueError("joints hold a value that is not finite")
    away = points - points.mean(axis=0)
    return np.asarray(np.sqrt(np.square(away).sum(axis=-1).mean(axis=0)))
