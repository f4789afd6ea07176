"""How many pixels have no reading between something near and what is farther behind it.

In: disparities (H, W) px, NaN for no reading. Out: for each side of near things the widths of the runs without a
reading where the disparity steps down, px, and the steps.

The side tells what makes such a run. On the left of a near thing lies what the right eye of a stereo camera does not
see, as wide as the step, on the other sides only what the matcher was not sure of.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LEAST_STEP_PX = 8.0
"""Smaller steps of the disparity are not counted. Guessed: more than slanted surfaces have within a run."""
MOST_RUN_PX = 60
"""Longer runs are not counted: what lies behind is out of the sensor's range, or black."""
SIDES = ("right", "left", "bottom", "top")


class Runs(NamedTuple):
    """N runs: width_px (N,) pixels without a reading, 0 where none lies between; step_px (N,) by how much the
    disparity falls over the run."""

    width_px: Array
    step_px: Array


def outline_runs(disparity: NDArray[np.floating]) -> dict[str, Runs]:
    """Runs without readings beside near things in disparities (H, W) px, by side. ValueError for another shape."""
    picture = np.asarray(disparity, dtype=np.float64)
    if picture.ndim != 2:
        raise ValueError(f"disparity has shape {picture.shape}, want (H, W)")
    turned = {"right": picture, "left": picture[:, ::-1], "bottom": picture.T, "top": picture.T[:, ::-1]}
    return {side: _runs_behind(turned[side]) for side in SIDES}


def _runs_behind(lines: Array) -> Runs:
    """Runs between readings that follow each other along the rows of lines (N, M), where the first is the nearer."""
    row, column = np.nonzero(np.isfinite(lines))
    width = column[1:] - column[:-1] - 1
    step = lines[row[:-1], column[:-1]] - lines[row[1:], column[1:]]
    counted = (row[1:] == row[:-1]) & (step > LEAST_STEP_PX) & (width <= MOST_RUN_PX)
    return Runs(width[counted].astype(np.float64), step[counted])
