"""Disparities of a rectified pair of pictures, by two matchers that training never sees.

In: the left and the right eye's picture (H, W) uint8, of which row i shows the same rays; bounds of the disparity, px.
Out: the left eye's disparity (H, W) float32 px, NaN where there is none: a point at column u of the left picture is at
``u - disparity`` of the right one.

:func:`match_sgbm` is OpenCV's block matcher on intensities. :func:`match_census` compares signs of neighbours (census
transform, Zabih and Woodfill 1994) over 9 x 9 px and adds the differences up along eight directions (semi-global
matching, Hirschmueller 2008, eq. 13): the same principle as in the depth cameras that this stands for, none of their
code. Both interpolate between whole disparities and drop what the right eye does not see alike; OpenCV by a parabola,
the other by two lines of equal slope, which suit costs that are counted (Shimizu and Okutomi 2005).
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.kernel_cache import njit

Picture = NDArray[np.uint8]
Disparity = NDArray[np.float32]

_SGBM_WINDOW = 7  # px, chosen by hand
_SGBM_SCALE = 16.0  # OpenCV's disparities are whole sixteenths
_CENSUS_RADIUS = 4  # px: 9 x 9, chosen by hand; the neighbours follow
_NEIGHBOURS = 80
_SUM_RADIUS = 2
"""Costs are summed over windows of 5 x 5 px before the paths. Chosen by hand."""
_SMALL_STEP, _LARGE_STEP = 60.0, 300.0
"""What a change of the disparity by one, and by more, costs a path, in differing neighbours of the mean. Chosen so that
outlines fatten and gaps close, with the shipped weights' log odds on free hands at 0.7 m
(docs/experiments/sensor_sets.md): with 10 and 90 outlines are sharper and holes remain, with 30 and 150
four fifths of the hands were found."""
_LEFT_RIGHT_PX = 1.0
"""Both eyes must agree to within this; what matchers use by default."""
_SPECKLE_PX, _SPECKLE_STEP_PX = 60, 2.0
"""Regions smaller than so many pixels, apart from their surroundings by more than so much, are dropped. Guessed."""
UNIQUE_PERCENT, STRICT_PERCENT = 5, 35
"""For SGBM, a disparity more than 1 px off must cost so many percent more than the best one. 5: the least that OpenCV's
manual calls usual. 35: measured, outlines without readings are as wide as before real D4xx
(tools/measure_outlines.py)."""


def match_sgbm(
    left: Picture, right: Picture, least: int, most: int, unique_percent: int = UNIQUE_PERCENT
) -> Disparity:
    """OpenCV's semi-global block matcher with a window of 7 x 7 px and the steps' costs of its manual.

    unique_percent: by how much the best disparity must be better than others; there is no reading where it is not.
    """
    count = -(-(most - least + 1) // 16) * 16
    area = _SGBM_WINDOW**2
    opencv: Any = cv2  # whose stubs lack the functions that make matchers
    matcher = opencv.StereoSGBM_create(
        minDisparity=least, numDisparities=count, blockSize=_SGBM_WINDOW, P1=8 * area, P2=32 * area,
        disp12MaxDiff=round(_LEFT_RIGHT_PX), preFilterCap=63, uniquenessRatio=unique_percent,
        speckleWindowSize=_SPECKLE_PX, speckleRange=round(_SPECKLE_STEP_PX),
    )  # fmt: skip
    # OpenCV leaves columns out that may see beyond the right picture's edge: they are put before the picture.
    wide = [cv2.copyMakeBorder(eye, 0, 0, least + count, 0, cv2.BORDER_REPLICATE) for eye in (left, right)]
    raw = matcher.compute(*wide)[:, least + count :]
    within = (raw >= _SGBM_SCALE * least) & (raw <= _SGBM_SCALE * most)
    return np.where(within, raw / np.float32(_SGBM_SCALE), np.float32(np.nan))


def match_census(left: Picture, right: Picture, least: int, most: int) -> Disparity:
    """Semi-global matching of census transforms over 9 x 9 px, along eight directions."""
    single = _costs(_census(left), _census(right), least, most - least + 1)
    cost = _summed(single, _SUM_RADIUS)
    disparity = _best(_aggregate(cost), cost, least, _LEFT_RIGHT_PX)
    steps = np.nan_to_num(disparity * _SGBM_SCALE, nan=-_SGBM_SCALE).astype(np.int16)
    cv2.filterSpeckles(steps, -_SGBM_SCALE, _SPECKLE_PX, _SPECKLE_STEP_PX * _SGBM_SCALE)
    return np.where(steps >= 0, disparity, np.float32(np.nan))


@njit(nogil=True, cache=True)
def _census(picture: Picture) -> NDArray[np.uint64]:
    """(2, H, W): a bit for each of the 80 neighbours, set where it is darker; edges are repeated outwards."""
    height, width = picture.shape
    radius = _CENSUS_RADIUS
    wide = np.empty((height + 2 * radius, width + 2 * radius), np.uint8)
    for row in range(wide.shape[0]):
        for column in range(wide.shape[1]):
            r, c = min(max(row - radius, 0), height - 1), min(max(column - radius, 0), width - 1)
            wide[row, column] = picture[r, c]
    out = np.zeros((2, height, width), np.uint64)
    filled = 0
    for i in range(2 * radius + 1):
        for j in range(2 * radius + 1):
            if i == radius and j == radius:
                continue
            word = filled // 40
            filled += 1
            for row in range(height):
                near, middle, bits = wide[row + i, j : j + width], picture[row], out[word, row]
                for column in range(width):
                    darker = np.uint64(near[column] < middle[column])
                    bits[column] = (bits[column] << np.uint64(1)) | darker
    return out


@njit(nogil=True, cache=True)
def _ones(x: np.uint64) -> np.uint64:
    """How many bits are set (Warren, Hacker's Delight, figure 5-2)."""
    x = x - ((x >> np.uint64(1)) & np.uint64(0x5555555555555555))
    x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
    x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (x * np.uint64(0x0101010101010101)) >> np.uint64(56)


@njit(nogil=True, cache=True)
def _costs(left: NDArray[np.uint64], right: NDArray[np.uint64], least: int, count: int) -> NDArray[np.uint8]:
    """(H, D, W): how many neighbours differ between a left pixel and the right one of each disparity; all where that
    is outside of the picture."""
    _, height, width = left.shape
    out = np.full((height, count, width), np.uint8(_NEIGHBOURS), np.uint8)
    for row in range(height):
        for k in range(count):
            shift = least + k
            end = max(width - shift, 0)
            a, b = left[0, row, shift:], left[1, row, shift:]
            c, d, target = right[0, row, :end], right[1, row, :end], out[row, k, shift:]
            for column in range(end):
                target[column] = np.uint8(_ones(a[column] ^ c[column]) + _ones(b[column] ^ d[column]))
    return out


@njit(nogil=True, cache=True)
def _summed(cost: NDArray[np.uint8], radius: int) -> NDArray[np.float32]:
    """(H, D, W): means of the costs over windows of 2 radius + 1 px; at the picture's edge over what there is."""
    height, count, width = cost.shape
    out = np.empty((height, count, width), np.float32)
    column_sum = np.empty(width, np.float32)
    for row in range(height):
        first, last = max(row - radius, 0), min(row + radius, height - 1)
        for k in range(count):
            column_sum[:] = np.float32(0.0)
            for r in range(first, last + 1):
                values = cost[r, k]
                for column in range(width):
                    column_sum[column] += np.float32(values[column])
            target = out[row, k]
            for column in range(radius, width - radius):
                total = np.float32(0.0)
                for c in range(column - radius, column + radius + 1):
                    total += column_sum[c]
                target[column] = total / np.float32((2 * radius + 1) * (last - first + 1))
            for column in range(width):
                if column < radius or column >= width - radius:
                    begin, end = max(column - radius, 0), min(column + radius + 1, width)
                    target[column] = column_sum[begin:end].sum() / ((end - begin) * (last - first + 1))
    return out


def _aggregate(cost: NDArray[np.float32]) -> NDArray[np.float32]:
    """(H, D, W): the sums of the costs of paths from eight directions."""
    total = np.zeros(cost.shape, np.float32)
    _add_paths(cost, 1, total)
    across = np.ascontiguousarray(cost.transpose(2, 1, 0))
    along_rows = np.zeros(across.shape, np.float32)
    _add_paths(across, 0, along_rows)
    total += along_rows.transpose(2, 1, 0)
    return total


@njit(nogil=True, cache=True, fastmath=True)
def _add_paths(cost: NDArray[np.float32], reach: int, total: NDArray[np.float32]) -> None:
    """Add to total (R, D, C) the costs of paths from row to row (Hirschmueller 2008, eq. 13), down and up: straight,
    and with reach 1 also aslant by one column a row. The innermost loops run over columns, which the compiler turns
    into vector instructions."""
    rows, count, width = cost.shape
    small, large, wall = np.float32(_SMALL_STEP), np.float32(_LARGE_STEP), np.float32(1e9)
    for way in range(2):
        for slant in range(-reach, reach + 1):
            # What the paths have come to, walled in by infinity on both sides, and its least.
            last, here = np.full((2, count + 2, width), wall, np.float32)
            low, lowest = np.zeros((2, width), np.float32)
            begin, end = max(0, -slant), min(width, width - slant)
            for i in range(rows):
                row = i if way == 0 else rows - 1 - i
                lowest[:] = wall
                earlier = low[begin + slant : end + slant]
                for k in range(count):
                    data, target, summed = cost[row, k], here[k + 1], total[row, k]
                    for column in range(width):
                        target[column] = data[column]  # where a path begins
                    if i > 0:
                        below = last[k, begin + slant : end + slant]
                        same = last[k + 1, begin + slant : end + slant]
                        above = last[k + 2, begin + slant : end + slant]
                        inner, onto = data[begin:end], target[begin:end]
                        for c in range(end - begin):
                            value = (below[c] if below[c] < above[c] else above[c]) + small
                            value = same[c] if same[c] < value else value
                            jump = earlier[c] + large
                            value = jump if jump < value else value
                            onto[c] = value + inner[c] - earlier[c]
                    for column in range(width):
                        value = target[column]
                        summed[column] += value
                        lowest[column] = value if value < lowest[column] else lowest[column]
                last, here = here, last
                low, lowest = lowest, low


@njit(nogil=True, cache=True)
def _best(
    total: NDArray[np.float32], data: NDArray[np.float32], first: int, agree_px: float
) -> NDArray[np.float32]:
    """(H, W): the disparity of the least total, where the right eye has the same; between whole ones by the costs of
    the data alone, which the steps' costs do not pull to whole ones."""
    height, count, width = total.shape
    out = np.full((height, width), np.float32(np.nan), np.float32)
    cost, chosen = np.empty(width, np.float32), np.empty(width, np.int64)
    right_cost, right_chosen = np.empty(width, np.float32), np.empty(width, np.int64)
    for row in range(height):
        cost[:], right_cost[:] = np.float32(np.inf), np.float32(np.inf)
        for k in range(count):
            values = total[row, k]
            for column in range(width):
                value = values[column]
                if value < cost[column]:
                    cost[column], chosen[column] = value, k
                seen = column - first - k
                if seen >= 0 and value < right_cost[seen]:
                    right_cost[seen], right_chosen[seen] = value, k
        for column in range(width):
            k = chosen[column]
            seen = column - first - k
            if seen < 0 or abs(right_chosen[seen] - k) > agree_px:
                continue
            shift = 0.0
            if 0 < k < count - 1:
                before, middle, after = (
                    data[row, k - 1, column],
                    data[row, k, column],
                    data[row, k + 1, column],
                )
                rise = max(before, after) - middle
                if rise > 0.0 and middle <= min(before, after):
                    shift = 0.5 * (before - after) / rise
            out[row, column] = np.float32(first + k + shift)
    return out
