"""Which of two surfaces a semi-global matcher takes for each pixel, compiled by numba.

In: for each pixel the disparity of a nearer and of a farther surface (H, W) float32 px and what each costs there
(stereo_windows.py), in full windows of mismatched texture. Out: the chosen disparity.

The costs of paths along the picture's rows, columns and diagonals are added up as a semi-global matcher does
(Hirschmueller 2008, eq. 13), with the two surfaces in place of all disparities: what a step between neighbours costs
carries outlines over places without texture, joins fingers and drops thin ones. All lengths in pixels of the picture
given.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.kernel_cache import njit
from hand_pose_ros.synthetic.stereo_windows import light

Array32 = NDArray[np.float32]

NO_SURFACE_COST = np.float32(1e4)
"""Of a second surface where there is none: more than any path."""
_SMALL_STEP_SHARE = 0.25
"""A step of one pixel of disparity costs so much of a larger one. OpenCV's manual: 8 to 32."""

_STRAIGHT, _ASLANT = 5, 7
"""Lengths of steps to neighbours whose sums are nearly distances (Borgefors 1986)."""


# Not cached on disk: numba would not notice a change in the functions of other files that are compiled into it.
@njit(nogil=True)
def spread_surfaces(
    near: Array32, far: Array32, near_cost: Array32, far_cost: Array32, texture: Array32,
    near_bias: float, lights: Array32, lit_px: float, apart_px: float, reach_px: int,
) -> None:  # fmt: skip
    """Where a window (H, W) sees one surface, offer that which is seen up to ``reach_px`` beside it, too, in place.

    Pixels of one surface have it in ``near``, NaN in ``far``. Its cost is 0, that of the other one all the window's
    texture (H, W), weighed as :func:`~hand_pose_ros.synthetic.stereo_windows.match_windows` weighs that of two.
    """
    height, width = near.shape
    distance = np.empty((height, width), np.int32)
    other = np.empty((height, width), np.float32)
    none = np.int32(1 << 20)
    for row in range(height):
        for column in range(width):
            alone = np.isnan(far[row, column])
            distance[row, column] = none if alone else 0
    for way in range(2):
        for i in range(height):
            row = i if way == 0 else height - 1 - i
            back = -1 if way == 0 else 1
            for j in range(width):
                column = j if way == 0 else width - 1 - j
                if distance[row, column] == 0:
                    continue
                own = near[row, column]
                for k in range(4):
                    r = row + (0 if k == 0 else back)
                    c = column + (back if k == 0 else k - 2)
                    if not (0 <= r < height and 0 <= c < width):
                        continue
                    away = distance[r, c] + (_STRAIGHT if r == row or c == column else _ASLANT)
                    if away >= distance[row, column] or away > _STRAIGHT * reach_px:
                        continue
                    if distance[r, c] == 0:
                        up, down = near[r, c], far[r, c]
                        value = up if abs(up - own) > abs(down - own) else down
                    else:
                        value = other[r, c]
                    if abs(value - own) >= apart_px:
                        distance[row, column], other[row, column] = away, value
    for row in range(height):
        for column in range(width):
            if distance[row, column] == 0:
                continue
            near_cost[row, column], far_cost[row, column] = 0.0, NO_SURFACE_COST
            own = near[row, column]
            far[row, column] = own
            if distance[row, column] == none:
                continue
            value = other[row, column]
            if value > own:
                near[row, column], far[row, column] = value, own
                near_cost[row, column] = texture[row, column] * light(own, value, lit_px, lights)
                far_cost[row, column] = 0.0
            else:
                far[row, column], far_cost[row, column] = value, (1.0 + near_bias) * texture[row, column]


@njit(nogil=True, cache=True, fastmath={"nnan", "nsz", "contract"})
def _follow(
    near: Array32, far: Array32, near_cost: Array32, far_cost: Array32, near_before: Array32, far_before: Array32,
    near_path: Array32, far_path: Array32, small: np.float32, large: np.float32, px: np.float32,
    near_next: Array32, far_next: Array32, balance: Array32,
) -> None:  # fmt: skip
    """One step of N paths side by side: the costs of both surfaces of the pixels entered (N,), less the least of both,
    from those of the pixels before; add how much dearer the farther one is to balance (N,)."""
    for c in range(len(near)):
        n, f, nb, fb, pn, pf = near[c], far[c], near_before[c], far_before[c], near_path[c], far_path[c]
        a, b, d, e = abs(n - nb) * px, abs(n - fb) * px, abs(f - nb) * px, abs(f - fb) * px
        a = a * small if a < np.float32(1.5) else large
        b = b * small if b < np.float32(1.5) else large
        d = d * small if d < np.float32(1.5) else large
        e = e * small if e < np.float32(1.5) else large
        a, b, d, e = a + pn, b + pf, d + pn, e + pf
        a = (a if a < b else b) + near_cost[c]
        d = (d if d < e else e) + far_cost[c]
        least = a if a < d else d
        near_next[c], far_next[c] = a - least, d - least
        balance[c] += d - a


@njit(nogil=True, cache=True)
def follow_paths(
    near: Array32, far: Array32, near_cost: Array32, far_cost: Array32, step_cost: float, scale: float,
    both_ways: bool, balance: Array32,
) -> None:  # fmt: skip
    """Fill balance (H, W) with the mean over the paths of what the farther surface costs more than the nearer one.

    step_cost: of a step of more than 1.5 sensor's pixels between neighbours; scale: pixels of the picture a sensor's
    pixel; both_ways: paths also come from below (a matcher that streams rows has none of those).
    """
    height, width = near.shape
    # A path's pixels are more or fewer than the sensor's: what it gathers between two steps is to weigh the same.
    large = np.float32(step_cost * scale)
    small, px = np.float32(_SMALL_STEP_SHARE * large), np.float32(1.0 / scale)
    balance[:] = 0.0
    count = 8 if both_ways else 5
    paths = np.zeros((2, 3, 2, width), np.float32)
    for way in range(2 if both_ways else 1):
        paths[:] = 0.0
        for i in range(height):
            row = i if way == 0 else height - 1 - i
            last, here = i & 1, 1 - (i & 1)
            if i == 0:
                for s in range(3):
                    paths[here, s, 0], paths[here, s, 1] = near_cost[row], far_cost[row]
                continue
            before = row - 1 if way == 0 else row + 1
            for s in range(3):
                slant = s - 1
                begin, end = max(0, -slant), min(width, width - slant)
                b, e = begin + slant, end + slant
                paths[here, s] = 0.0
                _follow(
                    near[row, begin:end], far[row, begin:end], near_cost[row, begin:end],
                    far_cost[row, begin:end], near[before, b:e], far[before, b:e], paths[last, s, 0, b:e],
                    paths[last, s, 1, b:e], small, large, px, paths[here, s, 0, begin:end],
                    paths[here, s, 1, begin:end], balance[row, begin:end],
                )  # fmt: skip
    # Along rows: side by side are the rows, so of transposed copies.
    turned = np.empty((5, width, height), np.float32)
    for row in range(height):
        for column in range(width):
            turned[0, column, row], turned[1, column, row] = near[row, column], far[row, column]
            turned[2, column, row], turned[3, column, row] = near_cost[row, column], far_cost[row, column]
    turned[4] = 0.0
    lines = np.zeros((2, 2, height), np.float32)
    for way in range(2):
        for i in range(width):
            column = i if way == 0 else width - 1 - i
            last, here = i & 1, 1 - (i & 1)
            if i == 0:
                lines[here, 0], lines[here, 1] = turned[2, column], turned[3, column]
                continue
            before = column - 1 if way == 0 else column + 1
            _follow(
                turned[0, column], turned[1, column], turned[2, column], turned[3, column], turned[0, before],
                turned[1, before], lines[last, 0], lines[last, 1], small, large, px, lines[here, 0],
                lines[here, 1], turned[4, column],
            )  # fmt: skip
    for row in range(height):
        for column in range(width):
            balance[row, column] = (balance[row, column] + turned[4, column, row]) / count
