"""Cells have their metric size, and show the surface that most of their readings lie on."""

from __future__ import annotations

import numpy as np
import pytest

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.depth.downsample import CELL_RAD, depth_grid, downsample_depth

CAMERA = Camera(64, 48, 400.0, 400.0, 31.5, 23.5)


def coarse(depth: np.ndarray, near_m: float = 0.1, far_m: float = 2.0) -> np.ndarray:
    grid = depth_grid(CAMERA, 4)
    out = np.empty(grid.cell.shape, np.float32)
    downsample_depth(depth.astype(np.float32), 4, 0, 0, near_m, far_m, grid.cell, out)
    return out


def test_cells_are_as_wide_as_their_pixels_and_their_rays_lead_through_their_middles() -> None:
    grid = depth_grid(CAMERA, 4)
    assert grid.cell.shape == (12, 16)
    np.testing.assert_allclose(grid.cell, 4 / 400.0, rtol=1e-5)
    np.testing.assert_allclose(grid.rays[0, 0], [(1.5 - 31.5) / 400.0, (1.5 - 23.5) / 400.0], rtol=1e-5)


@pytest.mark.parametrize("focal", [120.0, 400.0, 1200.0])
def test_cells_are_about_as_wide_whatever_the_resolution(focal: float) -> None:
    grid = depth_grid(Camera(640, 480, focal, focal, 319.5, 239.5))
    assert grid.step / focal == pytest.approx(CELL_RAD, rel=0.5)


def test_beyond_the_lens_model_a_cell_has_no_size() -> None:
    fisheye = Camera(64, 48, 10.0, 10.0, 31.5, 23.5, (0.0, -0.2, 0.0, 0.0), "equidistant")
    assert (depth_grid(fisheye, 4).cell == 0.0).any()


def test_single_flying_and_missing_pixels_do_not_show() -> None:
    depth = np.full((48, 64), 0.6)
    depth[1::4, 1::4] = 0.3
    depth[1::4, 2::4] = np.nan
    np.testing.assert_array_equal(coarse(depth), np.float32(0.6))


def test_one_reading_is_none_and_what_is_out_of_range_is_not_read() -> None:
    depth = np.full((48, 64), np.nan)
    depth[1, 1] = 0.6
    assert (coarse(depth) == 0.0).all()
    assert (coarse(np.full((48, 64), 0.6), near_m=0.7) == 0.0).all()
    assert (coarse(np.full((48, 64), 0.6), far_m=0.5) == 0.0).all()
