"""The visible surface as a coarse grid of cells.

In: depth (H,W) float32 metres (NaN = no reading) and its Camera. Out: cells z (h,w) float32 metres (0 = nothing) and
their geometry. Cells are about `CELL_RAD` wide whatever the resolution, so cost and behaviour do not depend on the
sensor.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.kernel_cache import njit

CELL_RAD = 0.006
"""About how wide a cell is, radians: 3.6 mm at 0.6 m, a quarter of a finger. Guessed."""

MOST_CELLS = 800_000
"""No grid of :func:`depth_grid` has more cells by itself: lenses that see wide in fine pixels get wider cells. Guessed:
more than twice those of 640x480 at a pixel each."""


@dataclass(frozen=True, eq=False)
class Grid:
    """Geometry of the cells."""

    step: int
    """Pixels along an edge of a cell."""
    rays: NDArray[np.float32]
    """(h,w,2): X/Z and Y/Z of the cells' middles."""
    cell: NDArray[np.float32]
    """(h,w): length of a cell's edge at a depth of 1 m, 0 where the lens model does not hold."""


@lru_cache(maxsize=8)
def depth_grid(camera: Camera, step: int | None = None) -> Grid:
    """The camera's grid, computed once a camera (undistorting is slow); step px a cell, from CELL_RAD and
    MOST_CELLS if None."""
    if step is None:
        fewest = math.ceil(math.sqrt(camera.width * camera.height / MOST_CELLS))
        step = max(1, fewest, round(CELL_RAD * math.sqrt(camera.fx * camera.fy)))
    rows, columns = camera.height // step, camera.width // step
    # One row and column of pixels more than cells: the differences give the cells' sizes.
    v, u = np.mgrid[0 : rows + 1, 0 : columns + 1] * float(step) + 0.5 * (step - 1)
    rays = camera.back_project(np.stack([u, v], -1), 1.0)[..., :2]
    right, down = rays[:-1, 1:] - rays[:-1, :-1], rays[1:, :-1] - rays[:-1, :-1]
    area = np.abs(right[..., 0] * down[..., 1] - right[..., 1] * down[..., 0])
    middle = rays[:-1, :-1]
    cell = np.where(np.isfinite(area) & np.isfinite(middle).all(-1), np.sqrt(area), 0.0)
    return Grid(step, np.ascontiguousarray(middle, dtype=np.float32), cell.astype(np.float32))


@njit(nogil=True, cache=True)
def downsample_depth(
    depth: NDArray[np.float32], step: int, row: int, column: int, near: float, far: float, cell: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:  # fmt: skip
    """Fill out (h,w) float32: lower median of five readings a cell within [near, far] m; 0 where under two.

    The cells start at cell (row, column) of the whole grid; cell (h,w) as in Grid, of the same window.
    """
    low, middle, high = step // 4, step // 2, step - 1 - step // 4
    values = np.empty(5, np.float32)
    for r in range(out.shape[0]):
        for c in range(out.shape[1]):
            y, x = (row + r) * step, (column + c) * step
            count = 0
            for i in range(5):
                if i == 0:
                    z = depth[y + middle, x + middle]
                else:
                    z = depth[y + (low if i < 3 else high), x + (low if i % 2 == 1 else high)]
                if not (z >= near and z <= far):
                    continue
                j = count
                while j > 0 and values[j - 1] > z:
                    values[j] = values[j - 1]
                    j -= 1
                values[j] = z
                count += 1
            out[r, c] = values[(count - 1) // 2] if count >= 2 and cell[r, c] > 0.0 else 0.0
