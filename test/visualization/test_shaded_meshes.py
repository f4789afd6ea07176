"""Meshes are drawn where they are, in their colours, the nearer one in front."""

from __future__ import annotations

import numpy as np
import pytest

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.visualization.shaded_meshes import (
    BACKGROUND,
    Mesh,
    box,
    capsule,
    cylinder,
    draw_meshes,
    moved,
)

CAMERA = Camera(120, 90, 200.0, 200.0, 59.5, 44.5)
RED, GREEN = (200, 0, 0), (0, 200, 0)


def at(x: float = 0.0, y: float = 0.0, z: float = 0.5) -> np.ndarray:
    frame = np.eye(4)
    frame[:3, 3] = x, y, z
    return frame


def seen(picture: np.ndarray) -> np.ndarray:
    return (picture != np.array(BACKGROUND)).any(axis=2)


@pytest.mark.parametrize(
    "mesh, width, height",
    [
        (box((0.08, 0.04, 0.02), RED), 0.08, 0.04),
        (capsule((0, 0, 0), (0, 0, 0), 0.03, RED), 0.06, 0.06),
        (capsule((-0.03, 0, 0), (0.03, 0, 0), 0.02, RED), 0.10, 0.04),
        (cylinder(0.03, 0.02, RED), 0.06, 0.06),
    ],
    ids=["box", "sphere", "capsule", "cylinder"],
)
def test_mesh_covers_what_the_camera_sees_of_it(mesh, width, height):
    mask = seen(draw_meshes([mesh], [at()], CAMERA))
    rows, columns = np.nonzero(mask)
    assert np.ptp(columns) + 1 == pytest.approx(width * 200 / 0.49, abs=3)
    assert np.ptp(rows) + 1 == pytest.approx(height * 200 / 0.49, abs=3)
    assert columns.mean() == pytest.approx(59.5, abs=0.5)
    assert rows.mean() == pytest.approx(44.5, abs=0.5)


def test_meshes_are_closed():
    """Every edge belongs to two triangles, so that nothing is seen through."""
    for mesh in (box((1, 2, 3), RED), capsule((0, 0, 0), (0.1, 0.2, 0.0), 0.03, RED)):
        edges = np.sort(
            np.concatenate([mesh.faces[:, [0, 1]], mesh.faces[:, [1, 2]], mesh.faces[:, [2, 0]]]), axis=1
        )
        assert (np.unique(edges, axis=0, return_counts=True)[1] <= 2).all()


def test_nearer_mesh_hides_the_other_whatever_their_order():
    near, far = box((0.04, 0.04, 0.01), RED), box((0.08, 0.08, 0.01), GREEN)
    one = draw_meshes([near, far], [at(z=0.4), at(z=0.6)], CAMERA)
    other = draw_meshes([far, near], [at(z=0.6), at(z=0.4)], CAMERA)
    np.testing.assert_array_equal(one, other)
    assert one[45, 60, 0] > 80
    assert one[45, 60, 1] == 0
    assert (one[..., 1] > 80).any()


def test_surface_that_faces_the_light_is_brighter():
    """The light comes from the upper left."""
    ball = draw_meshes([capsule((0, 0, 0), (0, 0, 0), 0.06, (255, 255, 255))], [at()], CAMERA)[..., 0].astype(
        int
    )
    upper_left, middle, lower_right = ball[35, 50], ball[44, 59], ball[55, 70]
    assert upper_left > middle > lower_right > 60


def test_nothing_and_what_is_behind_the_camera_are_background():
    for meshes, frames in (([], []), ([box((0.1, 0.1, 0.1), RED)], [at(z=-0.5)])):
        assert not seen(draw_meshes(meshes, frames, CAMERA)).any()


def test_moved_mesh_is_where_the_frame_puts_it():
    mesh = Mesh(
        np.array([[0.0, 0.0, 0.0], [0.1, 0.0, 0.0], [0.0, 0.1, 0.0]], np.float32), np.array([[0, 1, 2]]), RED
    )
    np.testing.assert_allclose(moved(mesh, at(1.0, 2.0, 3.0)).vertices[1], [1.1, 2.0, 3.0], atol=1e-6)
