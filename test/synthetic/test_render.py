"""The rasteriser against what geometry says: exact depths, nearest wins, no gaps between triangles."""

from __future__ import annotations

import numpy as np
import pytest

from hand_pose_ros.synthetic.render import draw_ellipsoid, draw_plane, dress_forearm, rasterize

F, C, SIZE = 100.0, 32.0, 65


def blank() -> np.ndarray:
    return np.full((SIZE, SIZE), np.inf, np.float32)


def square(z: float, tilt: float = 0.0, half: float = 0.2) -> tuple[np.ndarray, np.ndarray]:
    corners = np.array([[-half, -half], [half, -half], [half, half], [-half, half]])
    vertices = np.column_stack([corners, z + tilt * corners[:, 0]]).astype(np.float32)
    return vertices, np.array([[0, 1, 2], [0, 2, 3]], np.int32)


def test_a_tilted_square_has_the_depth_of_its_plane_at_every_pixel():
    depth = blank()
    rasterize(*square(1.0, tilt=0.8), F, F, C, C, depth)
    rows, columns = np.nonzero(np.isfinite(depth))
    x = (columns - C) / F
    assert np.allclose(depth[rows, columns], 1.0 / (1.0 - 0.8 * x), atol=1e-5)
    assert len(rows) > 500


def test_two_triangles_share_an_edge_without_a_gap():
    depth = blank()
    rasterize(*square(1.0), F, F, C, C, depth)
    rows, columns = np.nonzero(np.isfinite(depth))
    filled = np.isfinite(depth[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1])
    assert filled.all()
    assert (columns.min(), columns.max()) == (12, 52)


def test_the_nearer_surface_wins_in_either_order():
    near, far = square(0.8), square(1.2)
    first, second = blank(), blank()
    for vertices, faces in (near, far):
        rasterize(vertices, faces, F, F, C, C, first)
    for vertices, faces in (far, near):
        rasterize(vertices, faces, F, F, C, C, second)
    assert np.array_equal(first, second)
    assert first[32, 32] == pytest.approx(0.8)


def test_triangles_behind_the_camera_or_outside_the_image_leave_it_untouched():
    depth = blank()
    rasterize(*square(-1.0), F, F, C, C, depth)
    vertices, faces = square(1.0)
    rasterize(vertices + np.float32([5, 0, 0]), faces, F, F, C, C, depth)
    assert not np.isfinite(depth).any()


def test_an_ellipsoid_is_nearest_in_its_middle_and_as_wide_as_projected():
    depth = blank()
    draw_ellipsoid(np.array([0.0, 0.0, 1.0]), np.diag([1 / 0.1, 1 / 0.2, 1 / 0.05]), F, F, C, C, depth)
    assert depth[32, 32] == pytest.approx(0.95, abs=1e-6)
    assert depth[32, 32] == np.nanmin(depth)
    width, height = np.isfinite(depth[32]).sum(), np.isfinite(depth[:, 32]).sum()
    assert 20 <= width <= 22
    assert 40 <= height <= 42


def test_a_camera_inside_an_ellipsoid_sees_nothing_of_it():
    depth = blank()
    draw_ellipsoid(np.array([0.0, 0.0, 0.1]), np.diag([2.0, 2.0, 2.0]), F, F, C, C, depth)
    assert not np.isfinite(depth).any()


def test_a_plane_fills_the_image_behind_what_is_already_there():
    depth = blank()
    rasterize(*square(0.9), F, F, C, C, depth)
    draw_plane(np.array([0.0, 0.0, 1.0]), 1.5, F, F, C, C, depth)
    assert np.isfinite(depth).all()
    assert depth[32, 32] == pytest.approx(0.9)
    assert depth[0, 0] == pytest.approx(1.5)


def test_a_forearm_ends_where_it_is_cut_and_widens_where_the_sleeve_begins():
    rest = np.array(
        [[-0.05, 0.03, 0.0], [-0.15, 0.03, 0.0], [-0.25, 0.03, 0.0], [-0.15, -0.03, 0.0]], np.float32
    )
    along = np.array([0.0, 0.1, 0.2, 0.1], np.float32)
    matrix = np.concatenate([np.eye(3), [[0.0], [0.0], [1.0]]], axis=1).astype(np.float32)
    posed = rest + np.float32([0, 0, 1])
    dress_forearm(rest, along, matrix, np.array([0.15, 0.05, 2.0]), posed)
    assert posed[2, 2] == -1.0
    assert np.allclose(posed[0], rest[0] + [0, 0, 1])
    # The arm's axis is the mean of what lies behind the wrist: y = 0.01.
    assert np.allclose(posed[1], [-0.15, 0.05, 1.0], atol=1e-6)
    assert np.allclose(posed[3], [-0.15, -0.07, 1.0], atol=1e-6)
