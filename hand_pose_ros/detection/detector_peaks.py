"""Hands read off the detector's maps, compiled by numba: a frame in which a search falls has no time for Python.

In: maps (6, h, w) float32 as of ``detector_net.PackedDetector``, the depths of the cells' anchors and their rays.
Out: a row a hand: its middle, the logit of its being a left one, its score, its radius.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.detection.detector_input import OFFSET_M, SIZE_M
from hand_pose_ros.kernel_cache import njit

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]

HEAT, LEFT, SIZE, OFFSET = 0, 1, 2, 3
"""Of the maps; the offset has three."""
PEAK_COLUMNS = 6
"""Of a hand's row: middle x, y, z (m), logit of a left hand, score 0..1, radius (m)."""


@njit(nogil=True, cache=True)
def peaks_kernel(
    maps: Array32, anchor: Array32, rays: Array, views: Array, least_score: float, agreement_m: float,
    same_peak_m: float, least_z_m: float, out: Array,
) -> int:  # fmt: skip
    """Fill the first rows of out (K, PEAK_COLUMNS) with hands, the best first, and count them.

    Heat has a peak where it is the largest of 3 x 3 and at least ``least_score``. The cells about a peak vote for the
    hand's middle, each with its heat; votes farther than ``agreement_m`` from the peak's do not count. Of peaks whose
    middles are nearer to each other than ``same_peak_m`` the first is the hand; middles nearer than ``least_z_m`` to
    the camera are none.
    """
    rows, columns = anchor.shape
    heat = np.zeros((rows, columns))
    order = np.empty(rows * columns, np.int64)
    count = 0
    for r in range(rows):
        for c in range(columns):
            if not (anchor[r, c] > 0.0 and math.isfinite(rays[r, c, 0])):
                continue
            score = 1.0 / (1.0 + math.exp(-float(maps[HEAT, r, c])))
            heat[r, c] = score
            if score >= least_score and score > 0.0:
                k = count  # the best first, of equals the upper left one
                while k > 0 and heat[order[k - 1] // columns, order[k - 1] % columns] < score:
                    order[k] = order[k - 1]
                    k -= 1
                order[k] = r * columns + c
                count += 1
    found = 0
    for k in range(count):
        if found == len(out):
            break
        r, c = order[k] // columns, order[k] % columns
        hand = out[found]
        if not _gather_votes(maps, anchor, rays, views, heat, r, c, agreement_m, hand):
            continue
        known = hand[2] <= least_z_m
        for i in range(found):
            apart = 0.0
            for j in range(3):
                apart += (hand[j] - out[i, j]) ** 2
            known = known or apart < same_peak_m**2
        found += 0 if known else 1
    return found


@njit(nogil=True, cache=True)
def _gather_votes(
    maps: Array32, anchor: Array32, rays: Array, views: Array, heat: Array, r: int, c: int, agreement_m: float,
    hand: Array,
) -> bool:  # fmt: skip
    """Fill hand (PEAK_COLUMNS,) from the 3 x 3 cells about a cell; False where one of these is hotter: no peak."""
    top, bottom = max(r - 1, 0), min(r + 2, anchor.shape[0])
    first, end = max(c - 1, 0), min(c + 2, anchor.shape[1])
    best_r, best_c = top, first
    for y in range(top, bottom):
        for x in range(first, end):
            if heat[y, x] > heat[best_r, best_c]:
                best_r, best_c = y, x
    if heat[r, c] < heat[best_r, best_c]:
        return False
    peak, vote = np.empty(3), np.empty(3)
    _vote(maps, anchor, rays, views, best_r, best_c, peak)
    total = left = size = 0.0
    hand[:] = 0.0
    for y in range(top, bottom):
        for x in range(first, end):
            weight = heat[y, x]
            if not weight > 0.0:
                continue
            _vote(maps, anchor, rays, views, y, x, vote)
            apart = 0.0
            for j in range(3):
                apart += (vote[j] - peak[j]) ** 2
            if not apart < agreement_m**2:
                continue
            total += weight
            left += weight * maps[LEFT, y, x]
            size += weight * maps[SIZE, y, x]
            for j in range(3):
                hand[j] += weight * vote[j]
    if not total > 0.0:  # its own offset is not finite
        return False
    for j in range(3):
        hand[j] /= total
    hand[3], hand[4], hand[5] = left / total, heat[r, c], SIZE_M * math.exp(size / total)
    return True


@njit(nogil=True, cache=True)
def _vote(maps: Array32, anchor: Array32, rays: Array, views: Array, r: int, c: int, vote: Array) -> None:
    """Fill vote (3,) m with the middle of the hand that the cell sees."""
    for j in range(3):
        vote[j] = rays[r, c, j] * anchor[r, c]
        for i in range(3):
            vote[j] += OFFSET_M * views[r, c, i, j] * maps[OFFSET + i, r, c]


@njit(nogil=True, cache=True)
def mask_kernel(z: Array32, step: int, places: Array, reach_px: Array, near: float, far: float) -> None:
    """Set cells (ROWS, COLUMNS) of ``step`` px to 0, in place, whose middles lie within ``reach_px`` (N,) of places
    (N, 2) px of the image, NaN for none, and whose depths lie between near and far."""
    middle = 0.5 * (step - 1)
    for n in range(len(places)):
        u, v, reach = places[n, 0], places[n, 1], reach_px[n]
        if not (math.isfinite(u) and math.isfinite(v)):
            continue
        # Bounded before they become whole numbers: a joint beside the camera is projected anywhere.
        top = int(min(max((v - reach - middle) / step, 0.0), float(z.shape[0])))
        bottom = int(min(max((v + reach - middle) / step + 1.0, 0.0), float(z.shape[0])))
        first = int(min(max((u - reach - middle) / step, 0.0), float(z.shape[1])))
        end = int(min(max((u + reach - middle) / step + 1.0, 0.0), float(z.shape[1])))
        for r in range(top, bottom):
            for c in range(first, end):
                down, right = r * step + middle - v, c * step + middle - u
                if near < z[r, c] < far and down * down + right * right <= reach * reach:
                    z[r, c] = 0.0
