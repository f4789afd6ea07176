"""Where is a hand in a depth image: the start of a track.

In: depth (H,W) float32 metres (NaN = no reading) and its Camera. Out: Locations (the middle of the palm, metres,
camera's optical frame), or none.

A hand is looked for as the end of something: a place from which, walking over the surface, only a wrist's width
leads on. The candidates are the ridges of the silhouette's distance transform, in metres. Around each the surface
is flooded as far as `reach_m`; the width of what leads on (the opening), the area and the outline tell a hand from
a forearm (two openings), from a trunk or a wall (all opening) and from an arm that comes in at the image's edge
(which counts as an opening). So the forearm is cut by geometry, not by depth, and it does not matter which way the
hand points. Of the places that pass, the nearest wins; being less like a hand costs as much as being farther away.
All lengths are metric and along the surface, so a foreshortened arm is measured right.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.depth.downsample import Grid, depth_grid, downsample_depth, flood, interior, mend

# What being less like a hand costs, in metres of distance. A wrist or a sleeve leads on with less than _WRIST m;
# the palm is what is wide, at least _RADIUS m to either side.
_WRIST, _OPENING_COST = 0.09, 3.0
_RADIUS, _RADIUS_COST = 0.04, 4.0
# Fingers make a long outline within reach: 0.7 to 1.2 m, against 0.6 for a face, 0.4 for a fist or an elbow's end.
# They also reach beyond, so a hand with fingers leads on with _FINGERS more, and may with up to max_opening_m
# instead of _SLEEVE.
_OUTLINES, _OUTLINE_COST = (0.45, 0.85), 0.2
_SLEEVE, _FINGERS = 0.12, 0.04
# Two hands are at least so far apart, and places nearer than the other belong to one hand, m.
_HAND_LENGTH, _SAME_HAND = 0.15, 0.10
# Nearer by more than this is something else before the surface, not a finger before the palm.
_HIDDEN = 0.06
# From the skin to the middle of the palm, m.
_PALM_DEPTH = 0.012


@dataclass(frozen=True)
class LocateConfig:
    """What counts as a hand. Raises ValueError when a field makes no sense.

    min_range_m, max_range_m: depths searched. reach_m: how far a hand goes from the middle of its palm, along the
    surface. min_area_m2, max_area_m2: visible area within that reach. min_radius_m, max_radius_m: from the palm's
    middle to the nearest depth edge. max_opening_m: the widest a wrist may be. max_candidates: places looked at,
    nearest first, which bounds the time.
    """

    min_range_m: float = 0.15
    max_range_m: float = 1.5
    reach_m: float = 0.14
    min_area_m2: float = 0.003
    max_area_m2: float = 0.035
    min_radius_m: float = 0.010
    max_radius_m: float = 0.060
    max_opening_m: float = 0.20
    max_candidates: int = 40

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"locate {field.name} is {value}: it must be positive")
        for low, high in (
            ("min_range_m", "max_range_m"),
            ("min_area_m2", "max_area_m2"),
            ("min_radius_m", "max_radius_m"),
        ):
            if getattr(self, low) >= getattr(self, high):
                raise ValueError(
                    f"locate {low} is {getattr(self, low)}: it must be below {high}, {getattr(self, high)}"
                )
        if int(self.max_candidates) != self.max_candidates:
            raise ValueError(f"locate max_candidates is {self.max_candidates}: it must be a whole number")


@dataclass(frozen=True, eq=False)
class Location:
    """A place that looks like a hand. centre (3,) m, middle of the palm, camera optical frame; score 0..1, how
    much it looks like one (1: one wrist and many fingers); pixels: size of the hand in the image."""

    centre: NDArray[np.float64]
    score: float
    pixels: int


@dataclass(frozen=True, eq=False)
class _Cells:
    """A window of the grid: z (h,w) m, radius (h,w) m to the nearest depth edge, rays and cell as in Grid."""

    z: NDArray[np.float32]
    radius: NDArray[np.float32]
    rays: NDArray[np.float32]
    cell: NDArray[np.float32]
    pixels_a_cell: int

    def point(self, row: int, column: int) -> NDArray[np.float64]:
        """The middle of a cell and of its neighbours on the same surface, m."""
        block = self.z[max(row - 2, 0) : row + 3, max(column - 2, 0) : column + 3]
        z = float(np.median(block[np.abs(block - self.z[row, column]) < 0.02]))
        return np.array([*self.rays[row, column], 1.0]) * z


def _window(grid: Grid, roi: tuple[int, int, int, int] | None) -> tuple[slice, slice]:
    """The grid's cells that lie wholly in roi (x, y, w, h) px."""
    rows, columns = grid.cell.shape
    if roi is None:
        return slice(0, rows), slice(0, columns)
    x, y, w, h = roi
    if w < 1 or h < 1:
        raise ValueError(f"roi {tuple(roi)} is empty: it must be (x, y, width, height) in pixels")
    step = grid.step
    r0, c0 = max(-(-y // step), 0), max(-(-x // step), 0)
    return slice(r0, max(min((y + h) // step, rows), r0)), slice(c0, max(min((x + w) // step, columns), c0))


def _cells(
    depth: NDArray[np.float32],
    camera: Camera,
    near: float,
    far: float,
    roi: tuple[int, int, int, int] | None,
) -> _Cells | None:
    if depth.ndim != 2:
        raise ValueError(f"depth has shape {depth.shape}: it must be (height, width)")
    camera.require_size(depth.shape[1], depth.shape[0])
    grid = depth_grid(camera)
    rows, columns = _window(grid, roi)
    cell = np.ascontiguousarray(grid.cell[rows, columns])
    if min(cell.shape) < 3:
        return None
    z = np.empty(cell.shape, np.float32)
    image = np.ascontiguousarray(depth, dtype=np.float32)
    downsample_depth(image, grid.step, rows.start, columns.start, near, far, cell, z)
    mended = np.empty_like(z)
    mend(z, cell, mended)
    z = mended
    inside = np.empty(z.shape, np.uint8)
    interior(z, cell, inside)
    radius = cv2.distanceTransform(inside, cv2.DIST_L2, 3) * (z * cell)
    return _Cells(z, radius, np.ascontiguousarray(grid.rays[rows, columns]), cell, grid.step**2)


def _ridges(cells: _Cells, config: LocateConfig) -> NDArray[np.intp]:
    """Cells (n,2) whose radius is a hand's and the largest of their 5x5 neighbours; one a plateau."""
    most = cv2.dilate(cells.radius, np.ones((5, 5), np.uint8))
    top = (cells.radius >= config.min_radius_m) & (cells.radius <= config.max_radius_m)
    top &= cells.radius >= most
    _, _, _, middles = cv2.connectedComponentsWithStats(top.astype(np.uint8), connectivity=8)
    # A plateau's centroid may lie beside it, so its member nearest to it stands for it.
    places = np.argwhere(top)
    if len(places) == 0:
        return places
    nearest = [int(np.argmin(((places - m[::-1]) ** 2).sum(1))) for m in middles[1:]]
    return places[nearest]


def _search(
    cells: _Cells,
    config: LocateConfig,
    count: int,
    old: NDArray[np.float64] | None = None,
    within: float = 1e9,
) -> list[Location]:
    """The count best hands, 0.15 m apart: nearest to the camera, or to the old place (3,) m and within so many m."""
    places = _ridges(cells, config)
    points = [cells.point(r, c) for r, c in places]
    away = np.array([p[2] if old is None else np.linalg.norm(p - old) for p in points])
    geodesic = np.full(cells.z.shape, np.inf, np.float32)
    queue = np.empty((4 * cells.z.size + 16, 2), np.int32)
    measured = np.empty(4)
    passed: list[tuple[float, float, Location]] = []
    enough = math.inf
    for i in np.argsort(away)[: config.max_candidates]:
        if away[i] > within or away[i] > enough + _SAME_HAND:
            break
        row, column = places[i]
        size = flood(
            cells.z,
            cells.rays,
            cells.cell,
            row,
            column,
            config.reach_m,
            config.max_area_m2,
            _HIDDEN,
            geodesic,
            queue,
            measured,
        )
        area, opening, outline, covered = measured
        opening += covered
        fingers = float(np.interp(outline, _OUTLINES, (0.0, 1.0)))
        limit = _SLEEVE + fingers * max(config.max_opening_m - _SLEEVE, 0.0)
        if size < 0 or area < config.min_area_m2 or opening > limit:
            continue
        penalty = _OPENING_COST * max(opening - _WRIST - fingers * _FINGERS, 0.0)
        penalty += _OUTLINE_COST * (1.0 - fingers)
        penalty += _RADIUS_COST * max(_RADIUS - float(cells.radius[row, column]), 0.0)
        centre = points[i] * (1.0 + _PALM_DEPTH / np.linalg.norm(points[i]))
        place = Location(centre, math.exp(-penalty / 0.3), int(size) * cells.pixels_a_cell)
        passed.append((away[i] + penalty, penalty, place))
        best = _apart(passed)
        # A place costs at least its distance: past the dearest one wanted, nothing can be better.
        enough = best[count - 1][0] if len(best) >= count else math.inf
    # Which hand it is, distance has a say in; where on that hand the palm is, it has not.
    hands = [place for _, _, place in _apart(passed)[:count]]
    return [
        min((p for p in passed if _gap(p[2], hand) < _SAME_HAND), key=lambda p: p[1])[2] for hand in hands
    ]


def _gap(a: Location, b: Location) -> float:
    return float(np.linalg.norm(a.centre - b.centre))


def _apart(passed: list[tuple[float, float, Location]]) -> list[tuple[float, float, Location]]:
    """Cheapest first, without those within a hand's length of a cheaper one."""
    kept: list[tuple[float, float, Location]] = []
    for item in sorted(passed, key=lambda p: p[0]):
        if all(_gap(item[2], other[2]) > _HAND_LENGTH for other in kept):
            kept.append(item)
    return kept


def locate_hands(
    depth: NDArray[np.float32],
    camera: Camera,
    config: LocateConfig | None = None,
    roi: tuple[int, int, int, int] | None = None,
    count: int = 2,
) -> list[Location]:
    """Up to count places that look like hands, best (nearest) first. See locate_hand."""
    config = config or LocateConfig()
    cells = _cells(depth, camera, config.min_range_m, config.max_range_m, roi)
    return [] if cells is None else _search(cells, config, count)


def locate_hand(
    depth: NDArray[np.float32],
    camera: Camera,
    config: LocateConfig | None = None,
    roi: tuple[int, int, int, int] | None = None,
) -> Location | None:
    """The nearest hand in depth (H,W) m, or None. roi (x, y, width, height) px restricts the search.

    Raises ValueError when the image's size is not the camera's or the roi is empty.
    """
    found = locate_hands(depth, camera, config, roi, 1)
    return found[0] if found else None


def recentre(
    depth: NDArray[np.float32],
    camera: Camera,
    centre: ArrayLike,
    cube_m: float,
    config: LocateConfig | None = None,
) -> NDArray[np.float64] | None:
    """The middle of the palm (3,) m nearest to where it was (3,) m, within the cube about it; None: no hand there."""
    config = config or LocateConfig()
    old = np.asarray(centre, dtype=np.float64)
    half = 0.5 * cube_m
    # A hand at the cube's border still needs its whole reach to be measured.
    around = half + config.reach_m
    uv = camera.project(old + around * np.array([[x, y, 0.0] for x in (-1, 1) for y in (-1, 1)]))
    if not np.isfinite(uv).all():
        return None
    low, high = np.floor(uv.min(0)).astype(int), np.ceil(uv.max(0)).astype(int)
    roi = (int(low[0]), int(low[1]), int(high[0] - low[0]) + 1, int(high[1] - low[1]) + 1)
    near = max(float(old[2]) - around, config.min_range_m)
    cells = _cells(depth, camera, near, float(old[2]) + around, roi)
    found = [] if cells is None else _search(cells, config, 1, old, half)
    return found[0].centre if found else None
