"""What a stereo matcher's window sees, compiled by numba: one surface, or two of which it must choose one.

In: disparities D (H, W) float32 px of the left camera (0 = infinitely far), weights of the texture (H, W) float32.
Out: the disparity that a block matcher with that window finds, NaN where it finds none; and which of them the right
camera confirms. All lengths in pixels of the picture given.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array32 = NDArray[np.float32]

_DENSE_RADIUS_PX = 5
"""Wider windows are looked at in every second pixel, as a matcher with a wide window does to be fast."""


@njit(nogil=True, cache=True)
def window_extremes(values: Array32, radius: int, least: Array32, most: Array32) -> None:
    """Fill least and most (H, W) with the extremes in the square window about each pixel."""
    height, width = values.shape
    low, high = np.empty(width, np.float32), np.empty(width, np.float32)
    for row in range(height):
        first, last = max(0, row - radius), min(height, row + radius + 1)
        low[:], high[:] = values[first], values[first]
        for r in range(first + 1, last):
            for c in range(width):
                value = values[r, c]
                low[c] = value if value < low[c] else low[c]
                high[c] = value if value > high[c] else high[c]
        least[row], most[row] = low, high
        for shift in range(1, min(radius, width - 1) + 1):
            for c in range(width - shift):
                least[row, c] = low[c + shift] if low[c + shift] < least[row, c] else least[row, c]
                most[row, c] = high[c + shift] if high[c + shift] > most[row, c] else most[row, c]
            for c in range(shift, width):
                least[row, c] = low[c - shift] if low[c - shift] < least[row, c] else least[row, c]
                most[row, c] = high[c - shift] if high[c - shift] > most[row, c] else most[row, c]


@njit(nogil=True, cache=True)
def window_means(values: Array32, weights: Array32, radius: int, means: Array32) -> None:
    """Fill means (H, W) with sum(weights values) / sum(weights) over the square window, by running sums."""
    height, width = values.shape
    total, weighted = np.zeros(width), np.zeros(width)
    for row in range(-radius, height):
        enters, leaves = row + radius, row - radius - 1
        if enters < height:
            for c in range(width):
                total[c] += weights[enters, c]
                weighted[c] += weights[enters, c] * values[enters, c]
        if leaves >= 0:
            for c in range(width):
                total[c] -= weights[leaves, c]
                weighted[c] -= weights[leaves, c] * values[leaves, c]
        if row < 0:
            continue
        all_total, all_weighted = 0.0, 0.0
        for c in range(min(radius, width)):
            all_total += total[c]
            all_weighted += weighted[c]
        for c in range(width):
            if c + radius < width:
                all_total += total[c + radius]
                all_weighted += weighted[c + radius]
            if c - radius - 1 >= 0:
                all_total -= total[c - radius - 1]
                all_weighted -= weighted[c - radius - 1]
            means[row, c] = all_weighted / all_total


@njit(nogil=True, cache=True, fastmath=True)
def _choose(
    disparity: Array32, weights: Array32, table: Array32, row: int, column: int, radius: int, step: int, middle: float,
    near_bias: float, unsure: float, scanline: float, apart_px: float, mean: float,
) -> float:  # fmt: skip
    """The disparity of the one of two surfaces that the window about a pixel holds more of; NaN if it is a draw.

    table (2 R + 1, 2 R + 1): by how much a pixel counts less the farther it lies from the window's middle.
    """
    height, width = disparity.shape
    # The window's pixels of the same offsets that lie in the picture.
    first_row, first_column = row - radius, column - radius
    while first_row < 0:
        first_row += step
    while first_column < 0:
        first_column += step
    whole, whole_sum = np.float32(0.0), np.float32(0.0)
    near, near_sum = np.float32(0.0), np.float32(0.0)
    nearest_far, farthest_near = np.float32(-1e9), np.float32(1e9)
    zero, middle = np.float32(0.0), np.float32(middle)
    for r in range(first_row, min(height, row + radius + 1), step):
        k = r - row + radius
        for c in range(first_column, min(width, column + radius + 1), step):
            d = disparity[r, c]
            g = weights[r, c] * table[k, c - column + radius]
            is_near = d > middle
            whole += g
            whole_sum += g * d
            near += g if is_near else zero
            near_sum += g * d if is_near else zero
            farthest_near = d if is_near and d < farthest_near else farthest_near
            nearest_far = d if not is_near and d > nearest_far else nearest_far
    far, far_sum = whole - near, whole_sum - near_sum
    if farthest_near - nearest_far < apart_px or near <= 0.0 or far <= 1e-9:
        return mean  # only slanted
    for_near, for_far = (1.0 + near_bias) * near, far
    score = (for_near - for_far) / (for_near + for_far) + scanline
    if abs(score) < unsure:
        return np.nan
    return near_sum / near if score > 0.0 else max(0.0, far_sum / far)


@njit(nogil=True, cache=True)
def match_windows(
    disparity: Array32, weights: Array32, scanline: Array32, radius: int, near_bias: float, falloff: float,
    unsure: float, split_px: float, apart_px: float, matched: Array32,
) -> None:  # fmt: skip
    """Fill matched (H, W) with the disparities that windows of ``radius`` px find.

    Where the window's disparities differ by less than ``split_px``: their mean, weighted by the texture. Else they are
    parted at the middle, each pixel's weight divided by 1 + falloff r^2; parts closer than ``apart_px`` are one slanted
    surface, of the others the heavier wins, the nearer one's weight times 1 + near_bias; scanline (H, W) is added to
    their balance, and a balance below ``unsure`` gives no reading.
    """
    height, width = disparity.shape
    least, most = np.empty_like(disparity), np.empty_like(disparity)
    window_extremes(disparity, radius, least, most)
    window_means(disparity, weights, radius, matched)
    table = np.empty((2 * radius + 1, 2 * radius + 1), np.float32)
    for r in range(2 * radius + 1):
        for c in range(2 * radius + 1):
            table[r, c] = 1.0 / (1.0 + falloff * ((r - radius) ** 2 + (c - radius) ** 2))
    step = 2 if radius > _DENSE_RADIUS_PX else 1
    for row in range(height):
        for column in range(width):
            low, high = least[row, column], most[row, column]
            if high - low >= split_px:
                matched[row, column] = _choose(
                    disparity, weights, table, row, column, radius, step, 0.5 * (low + high), near_bias, unsure,
                    scanline[row, column], apart_px, matched[row, column],
                )  # fmt: skip


@njit(nogil=True, cache=True)
def check_right_view(matched: Array32, tolerance_px: float, edge_px: float) -> None:
    """Left-right check of matched (H, W), in place: no reading where something nearer covers it in the right view.

    A pixel of column c and disparity D is seen in the right view's column c - D; where two meet, the nearer is seen.
    It hides what lies to its left in the left view, so a picture must reach as far to the right as its shadows shall
    come from. What would lie left of ``edge_px`` is outside the right camera's picture (-inf: that has no edge).
    """
    height, width = matched.shape
    reach = np.float32(0.0)
    for row in range(height):
        for column in range(width):
            if matched[row, column] > reach:
                reach = matched[row, column]
    shift = int(reach) + 2
    right = np.empty(width + shift + 1, np.float32)
    for row in range(height):
        right[:] = -1.0
        for column in range(width):
            d = matched[row, column]
            if d >= 0.0:
                q = int(np.floor(column - d + 0.5)) + shift
                if d > right[q]:
                    right[q] = d
        for column in range(width):
            d = matched[row, column]
            if d >= 0.0:
                q = int(np.floor(column - d + 0.5)) + shift
                if right[q] - d > tolerance_px or column - d < edge_px:
                    matched[row, column] = np.nan
