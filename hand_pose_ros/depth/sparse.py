"""Surfaces whose readings lie a few pixels apart, with no reading in the pixels between them.

In: depth (H,W) float32 metres, NaN = no reading. Out: the same with the depth of the surface in the holes between the
readings; the very same array where the image is dense.

Depth registered into a colour camera of higher resolution, interlaced rows and thinned images are such: the readings
are exact, and the holes between them are no background. How dense the surfaces are is measured over the whole image;
where nearly every pixel has a reading (single ones may be missing) nothing is changed. In a sparse image the readings
about a pixel are weighted by a tent as wide as their spacing (so that a regular pattern weighs 1 everywhere on a
surface, a half on its outline and nothing beyond): a surface is where the readings weigh more than a half, so outlines
neither grow nor shrink on average, and a gap wider than the spacing stays open.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.kernel_cache import njit


class Spacing(NamedTuple):
    """How far apart the readings on a surface lie."""

    column_px: int
    """How far to the left and right of a pixel readings count, px."""
    row_px: int
    """The same up and down, px."""
    whole: float
    """What the readings about a pixel weigh amid a surface."""
    least: float
    """What they weigh at least where there is a surface."""


# Edge of a tile, px, and of the blocks in it that must each hold a reading for the tile to show a surface: a block is
# as wide as the sparsest pattern's spacing, and a tile that an outline or a gap crosses has empty ones. The tile is a
# whole multiple of the spacings 2, 3, 4 and 6.
_TILE = 12
_BLOCK = 4
# So many tiles that show a surface decide, at least and at most. Guessed: the most is a few hundredths of a whole
# dense image; a dense hand that has fewer than the least is thinner than a tile everywhere.
_LEAST_TILES, _ENOUGH_TILES = 10, 64
# An image is dense when a tenth of these tiles have so large a share of pixels with a reading: a whole tile has 1 but
# for noise, the densest pattern tried (registered, 1.1 times) 0.84.
_DENSE_SHARE, _DENSEST = 0.85, 0.9
# With less than this share (readings more than four px apart) a surface cannot be told from scattered readings: left
# as it is.
_LEAST_SHARE = 1.0 / 16.0 - 1e-6
# With more readings than this in the mean gap along a row times that along a column, the pattern is no lattice: a
# checkerboard has 2, random readings more.
_IRREGULAR = 1.5
# Mean spacings that a tent then reaches. Derived: it holds 16 random readings, whose weight seldom falls below a half.
_SPACINGS = 2.0
# A gap this near to a whole number of px, as a share of it, is that: single readings are missing in any image.
_WHOLE_SHARE = 0.075
# Readings whose depths differ by more than all of these belong to two surfaces: 10 mm, as the blob detector's edges; a
# share of the depth a pixel between them, a surface slanted by 60 degrees at 500 px of focal length; and m per m2 of
# depth, three times the noise of a poor sensor (2.5 mm at 0.6 m, growing with the square).
_EDGE_M = 0.01
_EDGE_SHARE = 0.0035
_EDGE_NOISE = 0.02
# More of a nearer surface than this, and a reading behind it shines through between its readings: as a register node
# leaves them beside an object's edge. Guessed, between the half of an outline and the whole.
_COVERED = 0.75
# Depth of a pixel without a reading where the nearest is looked for, m: beyond every reading.
_NO_READING_M = np.float32(3.0e38)
# Share of the whole weight from which on a pixel lies on the surface: half on an outline is neither to grow nor to
# shrink; less where the weight varies, which moves an outline by a tenth of the tent.
_ON_SURFACE, _ON_IRREGULAR_SURFACE = 0.5, 0.4
# Sums of weights are rounded: half is half within this share of it.
_ROUNDING = 1.0e-5
# Readings about a pixel that are told apart, the most: a tent of 8 px holds that many.
_MOST_READINGS = 256
# With more pixels than this looked at for those between several surfaces, the tents' areas together, what such a pixel
# shows is not asked: it keeps its own reading, and a hole stays one. Derived: 0.04 us each (rubble in 12 million
# pixels took 22 s on a busy core), so a third of a second in any picture; what 1280x720 needs with outlines in a sixth
# of it where a quarter of the pixels has a reading.
_MOST_LOOKED_AT = 8_000_000


def fill_between_readings(depth: NDArray[np.float32]) -> NDArray[np.float32]:
    """Depth (H,W) float32 m, NaN = no reading -> the same with the holes between the readings of a surface filled.

    Itself, not a copy, where the image is dense or shows no surface. A pixel's own reading stands, but where it shines
    through between those of a nearer surface.
    """
    spacing = readings_spacing(depth)
    if spacing is None:
        return depth
    along_row, along_column = _tent(spacing.column_px), _tent(spacing.row_px)
    read = (depth > 0.0) & (depth < np.inf)
    known = np.where(read, depth, np.float32(0.0))
    weight, total = (
        np.asarray(
            cv2.sepFilter2D(picture, cv2.CV_32F, along_row, along_column, borderType=cv2.BORDER_CONSTANT),
            np.float32,
        )
        for picture in (read.astype(np.float32), known)
    )
    about = np.ones((len(along_column), len(along_row)), np.uint8)
    nearest = np.asarray(cv2.erode(np.where(read, depth, _NO_READING_M), about), np.float32)
    farthest = np.asarray(cv2.dilate(known, about), np.float32)
    out = np.empty_like(depth)
    _fill(known, weight, total, nearest, farthest, spacing, _MOST_LOOKED_AT, out)
    return out


def readings_spacing(depth: NDArray[np.float32]) -> Spacing | None:
    """The spacing of the readings of depth (H,W) float32 m; None where they are dense or there is no surface."""
    share, column_gap, row_gap = _measure(depth)
    if not _LEAST_SHARE <= share < 1.0:
        return None
    # A lattice has one reading in column_gap x row_gap px and weighs the same everywhere; the weight of irregular
    # readings varies, and a wider tent evens it out.
    in_gaps = share * column_gap * row_gap
    widen = 1.0 if in_gaps < _IRREGULAR else _SPACINGS / math.sqrt(in_gaps)
    column_px, row_px = _whole_px(widen * column_gap), _whole_px(widen * row_gap)
    whole = share * column_px * row_px
    on_surface = _ON_SURFACE if in_gaps < _IRREGULAR else _ON_IRREGULAR_SURFACE
    return Spacing(column_px, row_px, whole, on_surface * whole * (1.0 + _ROUNDING))


def _whole_px(gap: float) -> int:
    """The widest distance between two readings that are a gap (px, at least 1) apart on average."""
    return round(gap) if abs(gap - round(gap)) <= _WHOLE_SHARE * gap else math.ceil(gap)


def _tent(reach: int) -> NDArray[np.float64]:
    """What readings weigh that are so many px off, from the farthest on the one side to that on the other."""
    most = reach - 1
    return np.asarray(1.0 - np.abs(np.arange(-most, most + 1)) / reach)


@njit(nogil=True, cache=True)
def _measure(depth: NDArray[np.float32]) -> tuple[float, float, float]:
    """The median share of pixels with a reading in tiles that show a surface, and the mean distance from a reading to
    the next along a row and along a column of these tiles, px; share 1 of a dense image, 0 without a surface."""
    # Tiles overlap: they begin at every block.
    rows, columns = (depth.shape[0] - _TILE) // _BLOCK + 1, (depth.shape[1] - _TILE) // _BLOCK + 1
    if rows < 1 or columns < 1:
        return 0.0, 1.0, 1.0
    tiles = rows * columns
    shares = np.empty(_ENOUGH_TILES, np.float64)
    chosen = np.empty(_ENOUGH_TILES, np.int64)
    found = 0
    # Steps of the golden ratio, prime to the number of tiles, scatter the tiles over the image.
    step = max(int(tiles * 0.618), 1)
    while tiles > 1 and _common_divisor(step, tiles) > 1:
        step += 1
    for n in range(tiles):
        tile = (n * step) % tiles
        total = _readings_of_surface(depth, tile // columns * _BLOCK, tile % columns * _BLOCK)
        if total == 0:
            continue
        shares[found], chosen[found] = total / (_TILE * _TILE), tile
        found += 1
        if found == _ENOUGH_TILES:
            break
    if found < _LEAST_TILES:
        return 0.0, 1.0, 1.0
    if np.quantile(shares[:found], _DENSEST) >= _DENSE_SHARE:
        return 1.0, 1.0, 1.0
    share = float(np.median(shares[:found]))
    column_px = column_gaps = row_px = row_gaps = 0
    for n in range(found):
        y, x = chosen[n] // columns * _BLOCK, chosen[n] % columns * _BLOCK
        for i in range(_TILE):
            in_row = in_column = -1
            for j in range(_TILE):
                if depth[y + i, x + j] > 0.0:
                    if in_row >= 0:
                        column_px += j - in_row
                        column_gaps += 1
                    in_row = j
                if depth[y + j, x + i] > 0.0:
                    if in_column >= 0:
                        row_px += j - in_column
                        row_gaps += 1
                    in_column = j
    return share, column_px / max(column_gaps, 1), row_px / max(row_gaps, 1)


@njit(nogil=True, cache=True)
def _readings_of_surface(depth: NDArray[np.float32], row: int, column: int) -> int:
    """How many pixels of the tile that begins at (row, column) have a reading; 0 when a block of it has none."""
    total = 0
    for top in range(row, row + _TILE, _BLOCK):
        for left in range(column, column + _TILE, _BLOCK):
            count = 0
            for r in range(top, top + _BLOCK):
                for c in range(left, left + _BLOCK):
                    count += depth[r, c] > 0.0
            if count == 0:
                return 0
            total += count
    return total


@njit(nogil=True, cache=True)
def _common_divisor(a: int, b: int) -> int:
    """The greatest."""
    while b:
        a, b = b, a % b
    return a


@njit(nogil=True, cache=True)
def _fill(
    known: NDArray[np.float32], weight: NDArray[np.float32], total: NDArray[np.float32], nearest: NDArray[np.float32],
    farthest: NDArray[np.float32], spacing: Spacing, most_looked_at: int, out: NDArray[np.float32],
) -> int:  # fmt: skip
    """Fill out (H,W) m: the surface's depth, NaN where there is none. Returns how many pixels were looked at where
    several surfaces meet, 0 where these would be more than ``most_looked_at``.

    known (H,W) m, 0 = no reading; of the readings about each pixel weight, the sum of their weights, total (m), the
    weighted sum of their depths, nearest and farthest (m).
    """
    slope = _EDGE_SHARE * 0.5 * (spacing.column_px + spacing.row_px)
    between = 0  # pixels between several surfaces
    for r in range(known.shape[0]):
        for c in range(known.shape[1]):
            own = known[r, c]
            if own > 0.0:
                out[r, c] = own
            elif weight[r, c] <= spacing.least:
                out[r, c] = np.nan
                continue
            else:
                out[r, c] = total[r, c] / weight[r, c]
            if farthest[r, c] - nearest[r, c] > _edge(nearest[r, c], slope):
                between += 1
                if own <= 0.0:
                    out[r, c] = np.nan
    looked_at = between * (2 * spacing.column_px - 1) * (2 * spacing.row_px - 1)
    if looked_at > most_looked_at:
        return 0
    depths, weights = np.empty(_MOST_READINGS, np.float64), np.empty(_MOST_READINGS, np.float64)
    for r in range(known.shape[0] if between else 0):
        for c in range(known.shape[1]):
            if known[r, c] <= 0.0 and weight[r, c] <= spacing.least:
                continue
            edge = _edge(nearest[r, c], slope)
            if farthest[r, c] - nearest[r, c] > edge:
                out[r, c] = _one_surface(known, r, c, spacing, edge, depths, weights)
    return looked_at


@njit(nogil=True, cache=True)
def _edge(near: float, slope: float) -> float:
    """By how much readings of two surfaces differ at a depth, m."""
    return max(_EDGE_M, slope * near, _EDGE_NOISE * near * near)


@njit(nogil=True, cache=True)
def _one_surface(
    known: NDArray[np.float32], row: int, column: int, spacing: Spacing, edge: float, depths: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> float:  # fmt: skip
    """Depth (m) at a pixel about which the readings belong to several surfaces, edge (m) or more apart: its own, but
    where that shines through; of a hole, that of the surface with the greatest weight. depths, weights:
    room for the readings."""
    own = known[row, column]
    across, along = spacing.column_px - 1, spacing.row_px - 1
    count = 0
    for r in range(max(row - along, 0), min(row + along + 1, known.shape[0])):
        w = 1.0 - abs(r - row) / spacing.row_px
        for c in range(max(column - across, 0), min(column + across + 1, known.shape[1])):
            z = known[r, c]
            if z <= 0.0 or count == len(depths):
                continue
            a = w * (1.0 - abs(c - column) / spacing.column_px)
            # Insertion sort by depth.
            i = count
            while i > 0 and depths[i - 1] > z:
                depths[i], weights[i] = depths[i - 1], weights[i - 1]
                i -= 1
            depths[i], weights[i] = z, a
            count += 1
    best_weight = best = 0.0
    start = 0
    while start < count:
        weight, total, end = weights[start], weights[start] * depths[start], start + 1
        while end < count and depths[end] - depths[end - 1] <= edge:
            weight += weights[end]
            total += weights[end] * depths[end]
            end += 1
        if own > 0.0:
            if depths[end - 1] >= own:
                return own
            if weight > _COVERED * spacing.whole:
                return total / weight
        elif weight > best_weight:
            best_weight, best = weight, total / weight
        start = end
    return best
