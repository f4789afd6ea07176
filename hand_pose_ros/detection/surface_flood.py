"""Walks over a visible surface that is given as a grid of cells (depth/downsample.py).

In: cells z (h,w) float32 metres (0 = nothing) with their rays and sizes as in ``Grid``. Out: the cells mended, which of
them lie inside a surface, and what a flood along the surface from one cell meets. All functions are compiled.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.kernel_cache import njit

Array32 = NDArray[np.float32]

# Of the 3 x 3 cells about one, itself counted: on the same surface with fewer than this a cell is flying. Guessed.
_LEAST_JOINED = 4
# A hole is filled when so many of its neighbours have a reading. Derived: a gap between two fingers, a cell wide, has
# six, and shall stay open.
_HOLE_NEIGHBOURS = 7
# A hole is filled when so many of its neighbours lie on the nearest surface about it. Guessed: most of its eight.
_HOLE_NEAR = 5
# Less than this is no shorter way, m: rounding must not queue cells again.
_SHORTER_M = 1e-6
# A 4-neighbour count overstates a slanted border by 4 / pi on average (Crofton's formula).
_CROFTON = math.pi / 4.0


@njit(nogil=True, cache=True)
def _edge(z: float, cell: float, edge_m: float, edge_slope: float) -> float:
    """Neighbours further apart in depth than this (m) belong to different surfaces; see ``BlobDetectorConfig``."""
    return max(edge_m, edge_slope * cell * z)


@njit(nogil=True, cache=True)
def mend(
    z: Array32, cell: Array32, edge_m: float, edge_slope: float, hole_depth_m: float, out: Array32
) -> None:
    """Fill out (h,w) m: z with holes of a cell or two filled, and cells that hang on to nothing (flying) removed.

    edge_m, edge_slope, hole_depth_m: as in ``BlobDetectorConfig``.
    """
    height, width = z.shape
    out[:] = z
    for r in range(1, height - 1):
        for c in range(1, width - 1):
            a = z[r, c]
            count, joined = 0, 0
            nearest = np.inf
            for y in range(r - 1, r + 2):
                for x in range(c - 1, c + 2):
                    b = z[y, x]
                    if b > 0.0:
                        count += 1
                        nearest = min(nearest, b)
                        if abs(b - a) < _edge(a, cell[r, c], edge_m, edge_slope):
                            joined += 1
            if a > 0.0:
                # The cell counts itself.
                if joined < _LEAST_JOINED:
                    out[r, c] = 0.0
            elif count >= _HOLE_NEIGHBOURS:
                total, near = 0.0, 0
                for y in range(r - 1, r + 2):
                    for x in range(c - 1, c + 2):
                        if z[y, x] > 0.0 and z[y, x] - nearest < hole_depth_m:
                            total += z[y, x]
                            near += 1
                if near >= _HOLE_NEAR:
                    out[r, c] = total / near


@njit(nogil=True, cache=True)
def interior(z: Array32, cell: Array32, edge_m: float, edge_slope: float, out: NDArray[np.uint8]) -> None:
    """Fill out (h,w) uint8: 1 where a cell joins its four neighbours without a depth edge, else 0."""
    height, width = z.shape
    out[:] = 0
    for r in range(1, height - 1):
        for c in range(1, width - 1):
            a = z[r, c]
            t = _edge(a, cell[r, c], edge_m, edge_slope)
            if (
                a > 0.0
                and abs(z[r - 1, c] - a) < t
                and abs(z[r + 1, c] - a) < t
                and abs(z[r, c - 1] - a) < t
                and abs(z[r, c + 1] - a) < t
            ):
                out[r, c] = 1


@njit(nogil=True, cache=True)
def flood(
    z: Array32, rays: Array32, cell: Array32, row: int, column: int, reach: float, max_area: float, hidden: float,
    edge_m: float, edge_slope: float, geodesic: Array32, queue: NDArray[np.int32], out: NDArray[np.float64],
    most_steps: int = 1 << 40,
) -> int:  # fmt: skip
    """Walk the surface from (row, column) as far as reach (m, along the surface); return the number of cells met.

    out (4,): area m2; opening m, the width of what leads on; outline m, the border to farther things; covered m,
    the border to the image's edge and to things nearer by more than `hidden`: what goes on there is not known.
    Gives up with -1 when the area passes max_area, or after most_steps. With a fifth place, out (5,) has the number of
    steps last: cells that were taken out of the queue. geodesic (h,w) float32 must be all inf and is left so;
    queue (n,2) int32, a ring with room for the moving front: a few times the number of cells is ample.
    """
    ended, steps, top, bottom, left, right = _walk(
        z, rays, cell, row, column, reach, max_area, edge_m, edge_slope, geodesic, queue, most_steps
    )
    count = _measure(z, cell, geodesic, top, bottom, left, right, reach, hidden, edge_m, edge_slope, out)
    geodesic[top : bottom + 1, left : right + 1] = np.inf
    if out.shape[0] > 4:
        out[4] = steps
    return count if ended else -1


@njit(nogil=True, cache=True)
def _walk(
    z: Array32, rays: Array32, cell: Array32, row: int, column: int, reach: float, max_area: float, edge_m: float,
    edge_slope: float, geodesic: Array32, queue: NDArray[np.int32], most_steps: int,
) -> tuple[bool, int, int, int, int, int]:  # fmt: skip
    """The search of :func:`flood`: fills geodesic with the way (m) from (row, column). Whether it came to its end, its
    steps, and the first and last row and column that it touched."""
    height, width = z.shape
    size = queue.shape[0]
    queue[0, 0], queue[0, 1] = row, column
    geodesic[row, column] = 0.0
    head, tail = 0, 1
    top, bottom, left, right = row, row, column, column
    seen, steps = 0.0, 0
    # Label-correcting search: cells are queued again when a shorter way turns up, which is rare on a grid.
    while head != tail and seen <= max_area and steps < most_steps:
        steps += 1
        r, c = queue[head, 0], queue[head, 1]
        head = (head + 1) % size
        a, start = z[r, c], geodesic[r, c]
        if start > reach:
            continue
        t = _edge(a, cell[r, c], edge_m, edge_slope)
        for y in range(max(r - 1, 0), min(r + 2, height)):
            for x in range(max(c - 1, 0), min(c + 2, width)):
                b = z[y, x]
                if b <= 0.0 or abs(b - a) > t:
                    continue
                ex = rays[y, x, 0] * b - rays[r, c, 0] * a
                ey = rays[y, x, 1] * b - rays[r, c, 1] * a
                length = start + math.sqrt(ex * ex + ey * ey + (b - a) * (b - a))
                if length < geodesic[y, x] - _SHORTER_M:
                    if length <= reach and geodesic[y, x] > reach:
                        seen += (cell[y, x] * b) ** 2
                    geodesic[y, x] = length
                    queue[tail, 0], queue[tail, 1] = y, x
                    tail = (tail + 1) % size
                    top, bottom = min(top, y), max(bottom, y)
                    left, right = min(left, x), max(right, x)
    return seen <= max_area and head == tail, steps, top, bottom, left, right


@njit(nogil=True, cache=True)
def _measure(
    z: Array32, cell: Array32, geodesic: Array32, top: int, bottom: int, left: int, right: int, reach: float,
    hidden: float, edge_m: float, edge_slope: float, out: NDArray[np.float64],
) -> int:  # fmt: skip
    """Fill the first four of out, as of :func:`flood`, from the cells within reach, and count these."""
    height, width = z.shape
    count = 0
    area = opening = outline = covered = 0.0
    for r in range(top, bottom + 1):
        for c in range(left, right + 1):
            if geodesic[r, c] > reach:
                continue
            a = z[r, c]
            edge = cell[r, c] * a
            t = _edge(a, cell[r, c], edge_m, edge_slope)
            area += edge * edge
            count += 1
            for k in range(4):
                y = r + (1 if k == 0 else -1 if k == 1 else 0)
                x = c + (1 if k == 2 else -1 if k == 3 else 0)
                if y < 0 or x < 0 or y >= height or x >= width:
                    covered += edge
                    continue
                b = z[y, x]
                if b > 0.0 and abs(b - a) <= t:
                    if geodesic[y, x] > reach:
                        opening += edge
                elif b > 0.0 and b < a - hidden:
                    covered += edge
                else:
                    outline += edge
    out[0], out[1], out[2], out[3] = area, opening * _CROFTON, outline * _CROFTON, covered * _CROFTON
    return count
