"""What the full-frame detector's network is shown, and how places in its output are meant: numpy and numba alone.

In: cells z (ROWS, COLUMNS) float32 m, 0 = no reading, and the tangent that a cell spans. Out: features
(CHANNELS, ROWS, COLUMNS), anchors (OUT_ROWS, OUT_COLUMNS) m.

The features are what does not depend on the lens: depth's inverse, how many metres a cell spans there, and the relief
against the neighbourhood. So one network serves every resolution and field of view.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.kernel_cache import njit

Array32 = NDArray[np.float32]

ROWS, COLUMNS = 72, 96
"""Cells of the input: any image is brought into them by whole pixels a cell, and padded with "no reading".
Guessed, as STRIDE."""
STRIDE = 4
"""Cells of the input along an edge of one cell of the output."""
OUT_ROWS, OUT_COLUMNS = ROWS // STRIDE, COLUMNS // STRIDE
NEAR_M, FAR_M = 0.15, 3.0
"""Depths that the network is shown. Guessed."""
CHANNELS = 5
OFFSET_M, SIZE_M = 0.1, 0.1
"""Units of the offset and of the size (of its logarithm) in the output. Guessed, as what follows."""
# The input's channels. All these numbers are part of what the weights were trained with: another value wants other
# weights. Guessed, so that features are of order 1 for hands between NEAR_M and FAR_M.
_INVERSE_DEPTH_M = 0.3
"""Unit of depth in the inverse depth's channel."""
_CELL_M, _CELL_GAIN = 0.008, 0.5
"""Unit of a cell's width, and the factor of its logarithm."""
_RELIEF_M, _RELIEF_REACH, _SURFACE_M = 0.04, 2, 0.15
"""Unit of the relief; cells that its neighbourhood reaches to each side (5 x 5); readings whose depths differ by less
than the last lie on the same surface."""
_ABOVE_M, _ABOVE_REACH = 0.3, 6
"""Unit of the height over the nearest cell; cells that its neighbourhood reaches to each side (13 x 13)."""


def views_along(rays: NDArray[np.floating]) -> NDArray[np.float64]:
    """Rays (..., 3) -> rotations (..., 3, 3) camera -> view, the smallest that turn each ray to +z, as CropFrame.view:
    a hand's appearance does then not depend on where in the image it is."""
    # The formula of CropFrame.view over whole arrays, whose rounding differs in the last bit.
    unit = rays / np.linalg.norm(rays, axis=-1, keepdims=True)
    x, y, z = np.moveaxis(unit, -1, 0)
    a = 1.0 / (1.0 + z)
    rows = [[1 - a * x * x, -a * x * y, -x], [-a * x * y, 1 - a * y * y, -y], [x, y, z]]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def detector_features(z: Array32, cell: Array32) -> Array32:
    """Cells z (B, ROWS, COLUMNS) m and the tangents they span (B, ROWS, COLUMNS) -> the network's input
    (B, CHANNELS, ROWS, COLUMNS)."""
    out = np.empty((len(z), CHANNELS, ROWS, COLUMNS), np.float32)
    for n in range(len(z)):
        features_kernel(z[n], cell[n], out[n])
    return out


@njit(nogil=True, cache=True)
def features_kernel(z: Array32, cell: Array32, out: Array32) -> None:
    """Fill out (5, ROWS, COLUMNS): is there a reading, 0.3 m / z, log of metres a cell, relief against the mean of
    5 x 5 cells on the same surface (in 4 cm, clipped), height over the nearest of 13 x 13 cells (in 0.3 m, clipped)."""
    rows, columns = z.shape
    reach, least_k, most_k = _ABOVE_REACH, _ABOVE_REACH - _RELIEF_REACH, _ABOVE_REACH + _RELIEF_REACH + 1
    # One tap of the neighbourhood after the other over whole rows: loops without branches, which become vector code.
    padded = np.full((rows + 2 * reach, columns + 2 * reach), np.float32(np.inf))
    for r in range(rows):
        for c in range(columns):
            padded[r + reach, c + reach] = z[r, c] if z[r, c] > 0.0 else np.float32(np.inf)
    nearest = np.full((rows + 2 * reach, columns), np.float32(np.inf))
    for r in range(reach, rows + reach):
        for k in range(2 * reach + 1):
            for c in range(columns):
                nearest[r, c] = min(nearest[r, c], padded[r, c + k])
    surface, one, none = np.float32(_SURFACE_M), np.float32(1.0), np.float32(0.0)
    total, count, least = np.empty((3, columns), np.float32)
    for r in range(rows):
        total[:], count[:] = none, none
        least[:] = np.float32(np.inf)
        for y in range(r + least_k, r + most_k):
            for k in range(least_k, most_k):
                for c in range(columns):
                    near = abs(padded[y, c + k] - z[r, c]) < surface
                    total[c] += padded[y, c + k] - z[r, c] if near else none
                    count[c] += one if near else none
        for y in range(r, r + 2 * reach + 1):
            for c in range(columns):
                least[c] = min(least[c], nearest[y, c])
        for c in range(columns):
            a = z[r, c]
            if not (a > 0.0 and cell[r, c] > 0.0):
                for k in range(out.shape[0]):
                    out[k, r, c] = 0.0
                continue
            out[0, r, c] = 1.0
            out[1, r, c] = _INVERSE_DEPTH_M / a
            out[2, r, c] = _CELL_GAIN * np.log(a * cell[r, c] / _CELL_M)
            out[3, r, c] = min(max(-total[c] / count[c] / _RELIEF_M, -1.0), 1.0)
            out[4, r, c] = min((a - least[c]) / _ABOVE_M, 1.0)


@njit(nogil=True, cache=True)
def anchors_kernel(z: Array32, out: Array32) -> None:
    """Fill out (OUT_ROWS, OUT_COLUMNS): the nearest reading in each block of STRIDE cells, m, 0 for none."""
    for r in range(out.shape[0]):
        for c in range(out.shape[1]):
            least = np.float32(np.inf)
            for y in range(r * STRIDE, (r + 1) * STRIDE):
                for x in range(c * STRIDE, (c + 1) * STRIDE):
                    if 0.0 < z[y, x] < least:
                        least = z[y, x]
            out[r, c] = least if least < np.inf else 0.0


def anchors(z: Array32) -> Array32:
    """Cells z (B, ROWS, COLUMNS) m -> depth of each output cell's anchor (B, OUT_ROWS, OUT_COLUMNS) m, 0 for none."""
    out = np.empty((len(z), OUT_ROWS, OUT_COLUMNS), np.float32)
    for n in range(len(z)):
        anchors_kernel(z[n], out[n])
    return out
