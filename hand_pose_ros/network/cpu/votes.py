"""Joints read off the votes' maps, compiled by numba: the first part of what is behind the convolutions.

In: maps (4 J, cells²) float32 of a crop without what surface and bias add to them, the votes' own weights (4 J, 3) of
the surface, of its being seen, and their biases. Out: coarse joints (23, 3) local m, and how far their votes lie apart.
As ``HandNet._read``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.hand import skeleton
from hand_pose_ros.kernel_cache import IN_ANY_ORDER, njit
from hand_pose_ros.network.units import CELL_PX, NOTHING_FROM, SPREAD_FLOOR, SPREAD_SCALE, VOTE_SCALE

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]

SUMS = 9
"""Of a joint's votes, see :func:`vote_sums`."""
_JOINTS = skeleton.JOINT_COUNT


@njit(cache=True, nogil=True)
def attention_kernel(
    crops: Array32, maps: Array32, votes: Array32, surface: Array32, attention: Array32
) -> None:
    """Fill surface (2, N, cells²), the nearest depth in each 4 x 4 px of the crops (N, S, S) and whether there is one,
    and attention (N, J, cells²), the logarithms of the votes' weights less the greatest."""
    for n in range(len(crops)):
        depth, seen = surface[0, n], surface[1, n]
        _nearest_surface(crops[n], depth, seen)
        for j in range(_JOINTS):
            of_depth, of_seen, line, added = votes[j, 0], votes[j, 1], attention[n, j], maps[n, j]
            most = np.float32(-np.inf)
            for cell in range(len(line)):
                value = added[cell] + of_depth * depth[cell] + of_seen * seen[cell]
                line[cell] = value
                most = value if value > most else most
            line -= most


@njit(cache=True, nogil=True)
def _nearest_surface(crop: Array32, depth: Array32, seen: Array32) -> None:
    """Fill depth and seen (cells²,) with the nearest depth in each 4 x 4 px of a crop (S, S), 0 where there is none,
    and with 1 where there is one, else 0."""
    size = len(crop)
    edge = size // CELL_PX
    line = np.empty(size, np.float32)
    for row in range(edge):
        for column in range(size):
            nearest = crop[CELL_PX * row, column]
            for k in range(1, CELL_PX):
                nearest = min(nearest, crop[CELL_PX * row + k, column])
            line[column] = nearest
        for column in range(edge):
            nearest = line[CELL_PX * column]
            for k in range(1, CELL_PX):
                nearest = min(nearest, line[CELL_PX * column + k])
            there = nearest < NOTHING_FROM
            depth[row * edge + column] = nearest if there else np.float32(0.0)
            seen[row * edge + column] = np.float32(1.0) if there else np.float32(0.0)


@njit(cache=True, nogil=True, fastmath=IN_ANY_ORDER)
def vote_sums(
    maps: Array32, votes: Array32, weight: Array32, grid: Array32, depth: Array32, seen: Array32, joint: int,
    sums: Array32,
) -> None:  # fmt: skip
    """A joint's weights (cells²,) summed: alone, times u, v, depth, u², v², and times the three offsets."""
    u, v, uu, vv = grid[0], grid[1], grid[2], grid[3]
    by_u, by_v, by_d = maps[_JOINTS + joint], maps[2 * _JOINTS + joint], maps[3 * _JOINTS + joint]
    zero = np.float32(0.0)
    a, b, c, d, e, f, g, h, i, s = zero, zero, zero, zero, zero, zero, zero, zero, zero, zero
    for cell in range(len(weight)):
        w = weight[cell]
        a += w
        b += w * u[cell]
        c += w * v[cell]
        d += w * depth[cell]
        e += w * uu[cell]
        f += w * vv[cell]
        g += w * by_u[cell]
        h += w * by_v[cell]
        i += w * by_d[cell]
        s += w * seen[cell]
    sums[0], sums[1], sums[2], sums[3], sums[4], sums[5], sums[6], sums[7], sums[8] = (
        a,
        b,
        c,
        d,
        e,
        f,
        g,
        h,
        i,
    )
    for k in range(3):
        added = votes[(k + 1) * _JOINTS + joint]
        sums[6 + k] += added[0] * d + added[1] * s + added[2] * a


@njit(cache=True, nogil=True)
def coarse_joints(sums: Array32, distance: float, half_m: float, coarse: Array, spread: Array32) -> None:
    """Votes (J, 9) -> joints (J, 3) m, and the logarithms (J,) of how far their votes lie apart."""
    for j in range(_JOINTS):
        total = sums[j, 0]
        u, v = sums[j, 1] / total, sums[j, 2] / total
        variance = sums[j, 4] / total + sums[j, 5] / total - (u * u + v * v)
        spread[j] = SPREAD_SCALE * np.log(max(variance, np.float32(0.0)) + np.float32(SPREAD_FLOOR))
        depth = (sums[j, 3] / total + sums[j, 8] / total * VOTE_SCALE) * half_m
        across = (1.0 + depth / distance) * half_m
        coarse[j, 0] = (u + sums[j, 6] / total * VOTE_SCALE) * across
        coarse[j, 1] = (v + sums[j, 7] / total * VOTE_SCALE) * across
        coarse[j, 2] = depth
