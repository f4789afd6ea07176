"""What follows the matching in a stereo camera and in its driver, compiled by numba.

In: disparities (H, W) float32 px, NaN = no reading. Out: the same, smoothed and with small holes filled; and depths
with the coarser pixels of the decimation filter.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.kernel_cache import njit

Array32 = NDArray[np.float32]

_FILL_NEIGHBOURS = 7
"""So many of the eight neighbours of a hole must agree for it to be filled. Guessed."""
_SPATIAL_PASSES = 2
"""Iterations of the spatial filter: librealsense's default."""


@njit(nogil=True, cache=True)
def average_neighbours(disparity: Array32, side: float, tolerance_px: float, out: Array32) -> None:
    """Fill out with means over 3 x 3 neighbours that differ from the middle by less than ``tolerance_px``.

    side: the weight of a row or column beside the middle one, 1 at the matcher's own pixels, less at coarser ones.
    """
    height, width = disparity.shape
    out[:] = disparity
    if side <= 0.0:
        return
    for row in range(height):
        for column in range(width):
            middle = disparity[row, column]
            if np.isnan(middle):
                continue
            total, weighted = 0.0, 0.0
            for r in range(max(0, row - 1), min(height, row + 2)):
                for c in range(max(0, column - 1), min(width, column + 2)):
                    if abs(disparity[r, c] - middle) < tolerance_px:
                        weight = (1.0 if r == row else side) * (1.0 if c == column else side)
                        total += weight
                        weighted += weight * disparity[r, c]
            out[row, column] = weighted / total


@njit(nogil=True, cache=True)
def fill_small_holes(disparity: Array32, tolerance_px: float, out: Array32) -> None:
    """Fill out with disparity, its holes closed where seven of eight neighbours agree within ``tolerance_px``."""
    height, width = disparity.shape
    out[:] = disparity
    around = np.empty(8, np.float32)
    for row in range(1, height - 1):
        for column in range(1, width - 1):
            if not np.isnan(disparity[row, column]):
                continue
            count = 0
            for r in range(row - 1, row + 2):
                for c in range(column - 1, column + 2):
                    if not np.isnan(disparity[r, c]):
                        # Sorted in as they come.
                        k = count
                        while k > 0 and around[k - 1] > disparity[r, c]:
                            around[k] = around[k - 1]
                            k -= 1
                        around[k] = disparity[r, c]
                        count += 1
            for k in range(count - _FILL_NEIGHBOURS + 1):
                if around[k + _FILL_NEIGHBOURS - 1] - around[k] <= tolerance_px:
                    out[row, column] = np.mean(around[k : k + _FILL_NEIGHBOURS])
                    break


@njit(nogil=True, cache=True)
def _smooth_line(line: Array32, alpha: float, step_px: float) -> None:
    """One pass of the recursive filter along line (N,), in place; it starts anew at steps and after holes."""
    state, before = np.float32(np.nan), np.float32(np.nan)
    for k in range(len(line)):
        value = line[k]
        if abs(value - before) < step_px:
            state = alpha * value + (1.0 - alpha) * state
            line[k] = state
        else:
            state = value
        before = value


@njit(nogil=True, cache=True)
def smooth_surfaces(disparity: Array32, alpha: float, step_px: float) -> None:
    """librealsense's spatial edge-preserving filter, in place: recursive, there and back along rows and columns.

    alpha: the weight of a pixel against what came before; neighbours that differ by ``step_px`` or more are an edge.
    """
    for _ in range(_SPATIAL_PASSES):
        for row in range(disparity.shape[0]):
            _smooth_line(disparity[row], alpha, step_px)
            _smooth_line(disparity[row, ::-1], alpha, step_px)
        for column in range(disparity.shape[1]):
            _smooth_line(disparity[:, column], alpha, step_px)
            _smooth_line(disparity[::-1, column], alpha, step_px)


@njit(nogil=True, cache=True)
def decimate(depth: Array32, block: int) -> None:
    """librealsense's decimation filter, in place: the median of the readings of ``block`` x ``block`` pixels for all
    of them, so that the picture keeps its size."""
    height, width = depth.shape
    found = np.empty(block * block, np.float32)
    for row in range(0, height, block):
        for column in range(0, width, block):
            count = 0
            for r in range(row, min(height, row + block)):
                for c in range(column, min(width, column + block)):
                    if not np.isnan(depth[r, c]):
                        k = count
                        while k > 0 and found[k - 1] > depth[r, c]:
                            found[k] = found[k - 1]
                            k -= 1
                        found[k] = depth[r, c]
                        count += 1
            median = found[(count - 1) // 2] if count > 0 else np.float32(np.nan)
            depth[row : row + block, column : column + block] = median
