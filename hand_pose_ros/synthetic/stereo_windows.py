"""What a stereo matcher's window sees, compiled by numba: one surface, or two of which one must be chosen.

In: disparities D (H, W) float32 px of the left camera (0 = infinitely far), weights of the texture (H, W) float32.
Out: the surfaces that a block matcher with that window finds and what each costs; what the right camera does not see;
and which of the chosen ones it confirms. All lengths in pixels of the picture given.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.kernel_cache import njit

Array32 = NDArray[np.float32]

_DENSE_RADIUS_PX = 4
"""Wider windows are looked at in every second pixel, as a matcher with a wide window does to be fast. Guessed."""


@njit(nogil=True, cache=True, fastmath={"nnan", "nsz"})
def window_extremes(values: Array32, radius: int, least: Array32, most: Array32) -> None:
    """Fill least and most (H, W) with the extremes in the square window about each pixel."""
    height, width = values.shape
    low, high = np.empty(width, np.float32), np.empty(width, np.float32)
    for row in range(height):
        first, last = max(0, row - radius), min(height, row + radius + 1)
        low[:], high[:] = values[first], values[first]
        for r in range(first + 1, last):
            for c in range(width):
                value, lowest, highest = values[r, c], low[c], high[c]
                low[c] = value if value < lowest else lowest
                high[c] = value if value > highest else highest
        least[row], most[row] = low, high
        for shift in range(1, min(radius, width - 1) + 1):
            for c in range(width - shift):
                least[row, c] = low[c + shift] if low[c + shift] < least[row, c] else least[row, c]
                most[row, c] = high[c + shift] if high[c + shift] > most[row, c] else most[row, c]
            for c in range(shift, width):
                least[row, c] = low[c - shift] if low[c - shift] < least[row, c] else least[row, c]
                most[row, c] = high[c - shift] if high[c - shift] > most[row, c] else most[row, c]


@njit(nogil=True, cache=True)
def window_means(values: Array32, weights: Array32, radius: int, means: Array32, totals: Array32) -> None:
    """Fill means (H, W) with sum(weights values) / sum(weights) over the square window, by running sums, and totals
    with sum(weights) / the window's area."""
    height, width = values.shape
    total, weighted = np.zeros(width), np.zeros(width)
    area = (2.0 * radius + 1.0) ** 2
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
            totals[row, c] = all_total / area


# Three short loops, for the compiler to turn each into vector instructions: with more arrays in one it does not.
@njit(nogil=True, cache=True)
def _gather_weights(
    disparity: Array32, weights: Array32, middle: Array32, share: float, near: Array32, near_sum: Array32
) -> None:
    """Add a line's weights times ``share``, and those times the disparities, of what is nearer than ``middle``."""
    zero, factor = np.float32(0.0), np.float32(share)
    for c in range(len(near)):
        g = weights[c] * factor if disparity[c] > middle[c] else zero
        near[c] += g
        near_sum[c] += g * disparity[c]


@njit(nogil=True, cache=True)
def _gather_all(
    disparity: Array32, weights: Array32, share: float, whole: Array32, whole_sum: Array32
) -> None:
    """Add a line's weights times ``share``, and those times the disparities."""
    factor = np.float32(share)
    for c in range(len(whole)):
        g = weights[c] * factor
        whole[c] += g
        whole_sum[c] += g * disparity[c]


@njit(nogil=True, cache=True, fastmath={"nnan", "nsz"})
def _gather_gap(disparity: Array32, middle: Array32, last_near: Array32, first_far: Array32) -> None:
    """Lower last_near and raise first_far to the line's disparities above and below ``middle``."""
    all_near, all_far = np.float32(1e9), np.float32(-1e9)
    for c in range(len(last_near)):
        d, m, lowest, highest = disparity[c], middle[c], last_near[c], first_far[c]
        near = d if d > m else all_near
        far = all_far if d > m else d
        last_near[c] = near if near < lowest else lowest
        first_far[c] = far if far > highest else highest


@njit(nogil=True, cache=True)
def _means_of_four(weights: Array32) -> Array32:
    """Weights (H, W), each the mean of 2 x 2: for windows looked at in every second pixel, which else see other dots in
    even rows than in odd ones."""
    height, width = weights.shape
    out = np.empty_like(weights)
    quarter = np.float32(0.25)
    for row in range(height):
        here, below = weights[row], weights[min(row + 1, height - 1)]
        for c in range(width - 1):
            out[row, c] = quarter * (here[c] + here[c + 1] + below[c] + below[c + 1])
        out[row, width - 1] = np.float32(0.5) * (here[width - 1] + below[width - 1])
    return out


@njit(nogil=True, cache=True)
def fading_lights(fading: float, lights: Array32) -> None:
    """Fill lights (N,) with (0 .. 1) ** fading: how much texture counts by :func:`light`."""
    for k in range(len(lights)):
        lights[k] = (k / (len(lights) - 1)) ** fading


@njit(nogil=True, cache=True)
def light(disparity: float, nearer: float, lit_px: float, lights: Array32) -> np.float32:
    """How much a surface's texture counts beside one that is ``nearer``, whose own counts 1: exposure makes up for the
    distance of the nearer one, and of all that is as near as ``lit_px``."""
    place = disparity * ((len(lights) - 1) / min(lit_px, nearer))
    return lights[int(place)] if place < len(lights) - 1 else lights[-1]


@njit(nogil=True, cache=True)
def match_windows(
    disparity: Array32, weights: Array32, scanline: Array32, radius: int, near_bias: float, falloff: float,
    lights: Array32, lit_px: float, split_px: float, apart_px: float, near: Array32, far: Array32, near_cost: Array32,
    far_cost: Array32, texture: Array32,
) -> None:  # fmt: skip
    """Fill near and far (H, W) with the disparities that windows of ``radius`` px see, and what each costs there.

    Where the window's disparities differ by less than ``split_px``: their mean, weighted by the texture, and NaN for
    far. Else they are parted at the middle, each pixel's weight divided by 1 + falloff r^2; parts closer than
    ``apart_px`` are one slanted surface. Of two surfaces each costs the other one's mean weight in the window, the
    nearer one's times 1 + near_bias, the farther one's as of :func:`light`; to the farther one's costs scanline (H, W)
    is added. texture (H, W): the windows' mean weights.
    """
    height, width = disparity.shape
    least, most = np.empty_like(disparity), np.empty_like(disparity)
    window_extremes(disparity, radius, least, most)
    window_means(disparity, weights, radius, near, texture)
    step = 2 if radius > _DENSE_RADIUS_PX else 1
    if step == 2:
        weights = _means_of_four(weights)
    sums = np.empty((4, width), np.float32)
    gap = np.empty((2, width), np.float32)
    middle = np.empty(width, np.float32)
    far[:] = np.nan
    norm = 0.0
    for dr in range(-radius, radius + 1, step):
        for dc in range(-radius, radius + 1, step):
            norm += 1.0 / (1.0 + falloff * (dr * dr + dc * dc))
    for row in range(height):
        begin, end = width, 0
        for c in range(width):
            middle[c] = 0.5 * (least[row, c] + most[row, c])
            if most[row, c] - least[row, c] >= split_px:
                begin, end = min(begin, c), c + 1
        if begin >= end:
            continue
        sums[:], gap[0], gap[1] = 0.0, 1e9, -1e9
        for dr in range(-radius, radius + 1, step):
            r = row + dr
            if not 0 <= r < height:
                continue
            for dc in range(-radius, radius + 1, step):
                first, last = max(begin, -dc), min(end, width - dc)
                if first >= last:  # a window wider than the picture reaches beside all of it
                    continue
                share = 1.0 / (1.0 + falloff * (dr * dr + dc * dc))
                seen, weight = disparity[r, first + dc : last + dc], weights[r, first + dc : last + dc]
                _gather_weights(
                    seen, weight, middle[first:last], share, sums[0, first:last], sums[1, first:last]
                )
                _gather_all(seen, weight, share, sums[2, first:last], sums[3, first:last])
                if step == 2 or ((dr + radius) % 2 == 0 and (dc + radius) % 2 == 0):
                    _gather_gap(seen, middle[first:last], gap[0, first:last], gap[1, first:last])
        for c in range(begin, end):
            for_near, near_sum = sums[0, c], sums[1, c]
            for_far, far_sum = sums[2, c] - for_near, sums[3, c] - near_sum
            # Parts that are close together are one surface, only slanted: the mean stays.
            if most[row, c] - least[row, c] < split_px or gap[0, c] - gap[1, c] < apart_px:
                continue
            if for_near <= 0.0 or for_far <= 0.0:
                continue
            near[row, c], far[row, c] = near_sum / for_near, max(0.0, far_sum / for_far)
            near_cost[row, c] = light(far[row, c], near[row, c], lit_px, lights) * for_far / norm
            far_cost[row, c] = (1.0 + near_bias) * for_near / norm + scanline[row, c]


@njit(nogil=True, cache=True)
def hidden_from_right(disparity: Array32, tolerance_px: float, hidden: NDArray[np.bool_]) -> None:
    """Fill hidden (H, W): whether in the right view something nearer covers what the left one sees.

    A pixel of column c and disparity D is seen in the right view's column c - D; where two meet, the nearer is seen.
    It hides what lies to its left in the left view, so a picture must reach as far to the right as its shadows shall
    come from.
    """
    height, width = disparity.shape
    reach = np.float32(0.0)
    for row in range(height):
        for column in range(width):
            reach = max(reach, disparity[row, column])
    shift = int(reach) + 2
    right = np.empty(width + shift + 1, np.float32)
    for row in range(height):
        right[:] = -1.0
        for column in range(width):
            d = disparity[row, column]
            q = int(np.floor(column - d + 0.5)) + shift
            if d > right[q]:
                right[q] = d
        for column in range(width):
            d = disparity[row, column]
            hidden[row, column] = right[int(np.floor(column - d + 0.5)) + shift] - d > tolerance_px


@njit(nogil=True, cache=True)
def check_right_view(
    matched: Array32, cost: Array32, alike: float, tolerance_px: float, surface_px: float, edge_px: float
) -> None:
    """Left-right check of matched (H, W), in place: no reading where the right view belongs to something else.

    Of all that claim a column of the right view the one of the least cost (H, W) has it, of those that are ``alike``
    the nearest. Neighbours whose disparities differ by at most ``surface_px`` are one surface, which has all columns
    between theirs. What would lie left of ``edge_px`` is outside the right camera's picture (-inf: that has no edge).
    """
    height, width = matched.shape
    reach = np.float32(0.0)
    for row in range(height):
        for column in range(width):
            if matched[row, column] > reach:
                reach = matched[row, column]
    shift = int(reach) + 2
    right = np.empty(width + shift + 1, np.float32)
    paid = np.empty(width + shift + 1, np.float32)
    for row in range(height):
        right[:], paid[:] = -1.0, 1e9
        last, before = -1, np.float32(-1e9)
        for column in range(width):
            d = matched[row, column]
            if d >= 0.0:
                q = int(np.floor(column - d + 0.5)) + shift
                # A surface that turns away is wider in the right view: its pixels there leave columns out between them.
                first = last + 1 if q > last and abs(d - before) <= surface_px else q
                for between in range(first, q + 1):
                    less = paid[between] - cost[row, column]
                    if less > alike or (less >= -alike and d > right[between]):
                        right[between], paid[between] = d, cost[row, column]
                last, before = q, d
            else:
                before = np.float32(-1e9)
        for column in range(width):
            d = matched[row, column]
            if d >= 0.0:
                q = int(np.floor(column - d + 0.5)) + shift
                if abs(right[q] - d) > tolerance_px or column - d < edge_px:
                    matched[row, column] = np.nan
