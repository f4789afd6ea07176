"""Walks over a surface: what is met and what borders on it has its metric size, and holes are mended."""

from __future__ import annotations

import numpy as np
import pytest

from hand_pose_ros.detection.config import BlobDetectorConfig
from hand_pose_ros.detection.surface_flood import flood, interior, mend

SIZE, CELL, DEPTH_M = 61, np.float32(0.006), np.float32(0.5)
EDGE_M = float(CELL * DEPTH_M)
CONFIG = BlobDetectorConfig()
EDGE = (CONFIG.edge_m, CONFIG.edge_slope)


def plate(half: int, depth_m: float = DEPTH_M) -> np.ndarray:
    """A square plate of 2 half + 1 cells about the middle, nothing beside it."""
    z = np.zeros((SIZE, SIZE), np.float32)
    middle = slice(SIZE // 2 - half, SIZE // 2 + half + 1)
    z[middle, middle] = depth_m
    return z


def cells() -> np.ndarray:
    return np.full((SIZE, SIZE), CELL)


def rays() -> np.ndarray:
    row, column = np.mgrid[0:SIZE, 0:SIZE] - SIZE // 2
    return np.ascontiguousarray(np.stack([column, row], axis=-1) * CELL, dtype=np.float32)


def flooded(z: np.ndarray, reach_m: float, max_area_m2: float = 1.0) -> tuple[int, np.ndarray]:
    """What a flood from the middle meets: number of cells; area m2, opening m, outline m, covered m."""
    geodesic = np.full(z.shape, np.inf, np.float32)
    out = np.empty(4)
    queue = np.empty((4 * z.size + 16, 2), np.int32)
    count = flood(
        z, rays(), cells(), SIZE // 2, SIZE // 2, reach_m, max_area_m2, 0.06, *EDGE, geodesic, queue, out
    )
    assert np.isposinf(geodesic).all(), "it is left as it was"
    return count, out


def test_within_reach_of_a_wide_surface_lies_a_disc_that_leads_on_all_around() -> None:
    reach_m = 0.05
    count, (area, opening, outline, covered) = flooded(plate(30), reach_m)
    assert area == pytest.approx(count * EDGE_M**2)
    # Ways over a grid are up to 8 % longer than straight ones.
    assert area == pytest.approx(np.pi * reach_m**2, rel=0.12)
    assert opening == pytest.approx(2 * np.pi * reach_m, rel=0.12)
    assert (outline, covered) == (0.0, 0.0)


def test_a_plate_within_reach_has_an_outline_and_no_opening() -> None:
    count, (area, opening, outline, covered) = flooded(plate(5), 1.0)
    assert count == 121
    assert area == pytest.approx(121 * EDGE_M**2)
    assert outline == pytest.approx(44 * EDGE_M * np.pi / 4)
    assert (opening, covered) == (0.0, 0.0)


def test_what_stands_before_a_border_or_cuts_it_covers_it() -> None:
    before = plate(5)
    before[:, SIZE // 2 + 6 :] = DEPTH_M - 0.1
    _, (_, _, outline, covered) = flooded(before, 1.0)
    assert covered == pytest.approx(11 * EDGE_M * np.pi / 4)
    assert outline == pytest.approx(33 * EDGE_M * np.pi / 4)
    _, (_, _, outline, covered) = flooded(plate(30), 1.0)
    assert covered == pytest.approx(4 * SIZE * EDGE_M * np.pi / 4)
    assert outline == 0.0


def test_a_surface_too_large_is_given_up() -> None:
    assert flooded(plate(30), 0.05, max_area_m2=0.004)[0] == -1


def test_holes_are_filled_and_flying_cells_removed() -> None:
    z = plate(10)
    z[30, 30] = 0.0
    z[5, 5] = 0.4
    mended = np.empty_like(z)
    mend(z, cells(), *EDGE, CONFIG.hole_depth_m, mended)
    assert mended[30, 30] == pytest.approx(DEPTH_M)
    assert mended[5, 5] == 0.0


def test_the_inside_of_a_surface_ends_before_its_edges() -> None:
    z = plate(10)
    z[:, 31:] += np.float32(0.1) * (z[:, 31:] > 0)
    inside = np.empty(z.shape, np.uint8)
    interior(z, cells(), *EDGE, inside)
    assert inside[30, 25] == 1
    assert inside[30, 30] == inside[30, 31] == 0
    assert inside[20, 25] == inside[5, 5] == 0


def test_a_flood_gives_up_after_its_steps_and_counts_them() -> None:
    z = plate(10)
    geodesic = np.full(z.shape, np.inf, np.float32)
    queue = np.empty((4 * z.size + 16, 2), np.int32)

    def walk(most_steps: int) -> tuple[int, int]:
        out = np.empty(5)
        count = flood(
            z, rays(), cells(), SIZE // 2, SIZE // 2, 1.0, 1.0, 0.06, *EDGE, geodesic, queue, out, most_steps
        )
        assert np.isposinf(geodesic).all(), "it is left as it was"
        return count, int(out[4])

    count, steps = walk(10**6)
    assert (count, steps >= count) == (21 * 21, True)
    assert walk(steps) == (count, steps)
    assert walk(steps - 1) == (-1, steps - 1)
