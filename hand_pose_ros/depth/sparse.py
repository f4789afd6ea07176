"""Surfaces whose readings lie a few pixels apart, with no reading in the pixels between them.

In: depth (H,W) float32 metres, NaN = no reading. Out: the same with the depth of the surface in the holes between the
readings; the very same array where the image is dense.

Depth registered into a colour camera of higher resolution, interlaced rows and thinned images are such: the readings
are exact, and the holes between them are no background. How dense the surfaces are is measured over the whole image;
where nearly every pixel has a reading (single ones may be missing) nothing is changed, unless a part is a lattice of
readings: then what is dense is laid aside, and the rest is an image of its own. In a sparse image the readings
about a pixel are weighted by a tent as wide as their spacing (so that a regular pattern weighs 1 everywhere on a
surface, a half on its outline and nothing beyond): a surface is where the readings weigh more than a half, so outlines
neither grow nor shrink on average, and a gap wider than the spacing stays open.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.readings_spacing import Spacing, has_lattice, readings_spacing
from hand_pose_ros.kernel_cache import njit

# Readings whose depths differ by more than all of these belong to two surfaces. Guessed: 10 mm; a share of the depth
# for each pixel between them, as of a surface slanted by 60 degrees at 500 px of focal length; and m per m2 of depth,
# three times the noise of a poor sensor (2.5 mm at 0.6 m, growing with the square).
_EDGE_M = 0.01
_EDGE_SHARE = 0.0035
_EDGE_NOISE = 0.02
# More of a nearer surface than this, and a reading behind it shines through between its readings: as a register node
# leaves them beside an object's edge. Guessed, between the half of an outline and the whole.
_COVERED = 0.75
# Depth of a pixel without a reading where the nearest is looked for, m: beyond every reading.
_NO_READING_M = np.float32(3.0e38)
# Readings about a pixel that are told apart, the most: a tent of 8 px holds that many.
_MOST_READINGS = 256
# Readings in such patches side by side are those of a dense part: wider than any lattice's of up to 4 px.
_DENSE_PATCH = np.ones((5, 5), np.uint8)
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
    if spacing is not None:
        return _filled(depth, spacing)
    if not has_lattice(depth):
        return depth
    # Without its dense part the image is a sparse one.
    read = ((depth > 0.0) & (depth < np.inf)).astype(np.uint8)
    dense = cv2.morphologyEx(read, cv2.MORPH_OPEN, _DENSE_PATCH).astype(bool)
    rest = np.where(dense, np.float32(np.nan), depth)
    spacing = readings_spacing(rest)
    return depth if spacing is None else np.where(dense, depth, _filled(rest, spacing))


def _filled(depth: NDArray[np.float32], spacing: Spacing) -> NDArray[np.float32]:
    """The same of an image with this spacing."""
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


def _tent(reach: int) -> NDArray[np.float64]:
    """What readings weigh that are so many px off, from the farthest on the one side to that on the other."""
    most = reach - 1
    return np.asarray(1.0 - np.abs(np.arange(-most, most + 1)) / reach)


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
