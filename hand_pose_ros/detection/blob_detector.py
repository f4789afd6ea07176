"""Places in a depth image that look like hands, found by geometry alone.

In: a DepthFrame. Out: :class:`Blob` (the middle of the palm, metres, camera's optical frame), the best first, or none.

A hand is found as the end of something: a place from which, walking over the surface, only a wrist's width
leads on. The candidates are the ridges of the silhouette's distance transform, in metres. Around each the surface
is flooded as far as `reach_m`; the width of what leads on (the opening), the area and the outline separate a hand from
a forearm (two openings), from a trunk or a wall (all opening) and from an arm that comes in at the image's edge
(which counts as an opening). So the forearm is cut by geometry, not by depth, and it does not matter which way the
hand points. Of the places that pass, the nearest wins; being less like a hand costs as much as being farther away.
All lengths are metric and along the surface, so a foreshortened arm is measured right.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from hand_pose_ros.depth.downsample import depth_grid, downsample_depth
from hand_pose_ros.depth.frame import DepthFrame
from hand_pose_ros.detection.config import BlobDetectorConfig
from hand_pose_ros.detection.surface_flood import flood, interior, mend

Array32 = NDArray[np.float32]

# Cells to each side of a cell that are looked at about it: a ridge is the largest of them, the palm's depth their
# median. Guessed: wider than a cell's noise, narrower than a palm.
_BESIDE = 2
# So many ridges a candidate are placed, those of the nearest cells: the order of their medians may differ a little from
# that of the cells. Guessed.
_RIDGES_A_CANDIDATE = 10


@dataclass(frozen=True, eq=False)
class Blob:
    """A place that looks like a hand."""

    centre: NDArray[np.float64]
    """(3,) m, the middle of the palm, camera's optical frame."""
    score: float
    """0..1, how much it looks like a hand (1: one wrist and many fingers)."""
    pixels: int
    """Size of the hand in the image, pixels."""


class _Candidate(NamedTuple):
    """A blob with what it costs, in metres of distance."""

    cost: float
    """Distance and penalty together."""
    penalty: float
    """The cost of being less like a hand alone."""
    blob: Blob
    """The place."""


@dataclass(frozen=True, eq=False)
class _Cells:
    """The image as a grid."""

    z: Array32
    """(h, w) m, 0 = nothing."""
    radius: Array32
    """(h, w) m to the nearest depth edge."""
    rays: Array32
    """(h, w, 2), as in ``Grid``."""
    cell: Array32
    """(h, w), as in ``Grid``."""
    pixels_a_cell: int
    """Pixels of the image in one cell."""

    def points(self, places: NDArray[np.intp], edge_m: float) -> NDArray[np.float64]:
        """(n, 3) m: each of the cells (n, 2) at the median depth of it and its neighbours on the same surface, within
        ``edge_m`` of its depth."""
        rows, columns = places.T
        blocks = sliding_window_view(np.pad(self.z, _BESIDE, constant_values=np.inf), 2 * (2 * _BESIDE + 1,))
        near = blocks[rows, columns].reshape(len(places), (2 * _BESIDE + 1) ** 2)
        near = np.sort(np.where(np.abs(near - self.z[rows, columns, None]) < edge_m, near, np.inf), axis=1)
        count, each = np.isfinite(near).sum(axis=1), np.arange(len(places))
        middle = (near[each, (count - 1) // 2] + near[each, count // 2]) / 2
        return np.column_stack([self.rays[rows, columns], np.ones(len(places))]) * middle[:, None]


def coarse_depth(frame: DepthFrame, config: BlobDetectorConfig) -> Array32:
    """The frame's depth in the cells that are searched, (h, w) m; 0 where there is nothing within the range."""
    grid = depth_grid(frame.camera)
    coarse = np.empty(grid.cell.shape, np.float32)
    downsample_depth(
        frame.surface, grid.step, 0, 0, config.min_range_m, config.max_range_m, grid.cell, coarse
    )
    return coarse


def detect_blobs(
    frame: DepthFrame,
    config: BlobDetectorConfig | None = None,
    count: int = 2,
    coarse: Array32 | None = None,
) -> list[Blob]:
    """Up to ``count`` places that look like hands, the best (nearest) first.

    coarse: the frame's :func:`coarse_depth`, if it is known.
    """
    config = config or BlobDetectorConfig()
    cells = _cells(frame, config, coarse_depth(frame, config) if coarse is None else coarse)
    return [] if cells is None else _search(cells, config, count)


def _cells(frame: DepthFrame, config: BlobDetectorConfig, coarse: Array32) -> _Cells | None:
    """The frame's cells within the configured range; None for an image of fewer than 3 x 3 cells."""
    grid = depth_grid(frame.camera)
    if min(grid.cell.shape) < 3:
        return None
    z = np.empty_like(coarse)
    mend(coarse, grid.cell, config.edge_m, config.edge_slope, config.hole_depth_m, z)
    inside = np.empty(z.shape, np.uint8)
    interior(z, grid.cell, config.edge_m, config.edge_slope, inside)
    radius = cv2.distanceTransform(inside, cv2.DIST_L2, 3) * (z * grid.cell)
    return _Cells(z, radius, grid.rays, grid.cell, grid.step**2)


def _ridges(cells: _Cells, config: BlobDetectorConfig) -> NDArray[np.intp]:
    """Cells (n,2) whose radius is a hand's and the largest of their neighbours; one a plateau.

    The nearest are enough: their number is bounded, and the time grows with the number of cells alone.
    """
    largest = cv2.dilate(cells.radius, np.ones((2 * _BESIDE + 1, 2 * _BESIDE + 1), np.uint8))
    top = (cells.radius >= config.min_radius_m) & (cells.radius <= config.max_radius_m)
    top &= cells.radius >= largest
    _, labels, _, middles = cv2.connectedComponentsWithStats(top.astype(np.uint8), connectivity=8)
    # A plateau's centroid may lie beside it, so its member nearest to it stands for it.
    places = np.argwhere(top)
    plateau = labels[top]
    beside = ((places - middles[plateau, ::-1]) ** 2).sum(1)
    order = np.lexsort((beside, plateau))
    _, first = np.unique(plateau[order], return_index=True)
    ridges = places[order[first]]
    most = _RIDGES_A_CANDIDATE * config.max_candidates
    if len(ridges) > most:
        nearest = np.argsort(cells.z[ridges[:, 0], ridges[:, 1]], kind="stable")[:most]
        ridges = ridges[np.sort(nearest)]
    return np.asarray(ridges, np.intp)


def _search(cells: _Cells, config: BlobDetectorConfig, count: int) -> list[Blob]:
    """The ``count`` best hands, ``hand_spacing_m`` apart, the nearest to the camera first."""
    ridges = _ridges(cells, config)
    points = cells.points(ridges, config.edge_m)
    distance = points[:, 2]
    geodesic = np.full(cells.z.shape, np.inf, np.float32)
    queue = np.empty((4 * cells.z.size + 16, 2), np.int32)
    passed: list[_Candidate] = []
    enough = math.inf
    steps_left = config.max_steps
    for i in np.argsort(distance)[: config.max_candidates]:
        if distance[i] > enough + config.same_blob_m or steps_left <= 0:
            break
        row, column = ridges[i]
        measured = np.empty(5)
        size = flood(
            cells.z, cells.rays, cells.cell, row, column, config.reach_m, config.max_area_m2, config.occluder_gap_m,
            config.edge_m, config.edge_slope, geodesic, queue, measured, steps_left,
        )  # fmt: skip
        steps_left -= int(measured[4])
        penalty = _penalty(size, measured[:4], float(cells.radius[row, column]), config)
        if penalty is None:
            continue
        centre = points[i] * (1.0 + config.palm_depth_m / np.linalg.norm(points[i]))
        blob = Blob(centre, math.exp(-penalty / config.score_scale_m), int(size) * cells.pixels_a_cell)
        passed.append(_Candidate(distance[i] + penalty, penalty, blob))
        best = _spaced(passed, config.hand_spacing_m)
        # A place costs at least its distance: past the dearest one wanted, nothing can be better.
        enough = best[count - 1].cost if len(best) >= count else math.inf
    # Distance decides between hands, but not between places on one hand.
    return [
        min(
            (other for other in passed if _gap(other.blob, hand.blob) < config.same_blob_m),
            key=lambda other: other.penalty,
        ).blob
        for hand in _spaced(passed, config.hand_spacing_m)[:count]
    ]


def _penalty(
    size: int, measured: NDArray[np.float64], radius_m: float, config: BlobDetectorConfig
) -> float | None:
    """The cost of being less like a hand, in metres of distance; None where there is no hand.

    size: cells that the flood met, -1 when it gave up; measured (4,): what it measured, see ``flood``.
    """
    area, opening, outline, covered = measured
    opening += covered
    fingers = float(np.interp(outline, (config.fist_outline_m, config.fingers_outline_m), (0.0, 1.0)))
    limit = config.max_fist_opening_m
    limit += fingers * max(config.max_opening_m - config.max_fist_opening_m, 0.0)
    if size < 0 or area < config.min_area_m2 or opening > limit:
        return None
    penalty = config.opening_cost * max(opening - config.wrist_m - fingers * config.finger_opening_m, 0.0)
    penalty += config.outline_cost * (1.0 - fingers)
    penalty += config.radius_cost * max(config.palm_radius_m - radius_m, 0.0)
    return float(penalty)


def _gap(a: Blob, b: Blob) -> float:
    return float(np.linalg.norm(a.centre - b.centre))


def _spaced(passed: list[_Candidate], spacing_m: float) -> list[_Candidate]:
    """The cheapest first, without those within ``spacing_m`` of a cheaper one."""
    kept: list[_Candidate] = []
    for candidate in sorted(passed, key=lambda other: other.cost):
        if all(_gap(candidate.blob, other.blob) > spacing_m for other in kept):
            kept.append(candidate)
    return kept
