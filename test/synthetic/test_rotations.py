"""Rotations of scenes: the right way about, orthonormal, and the same as scipy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hand_pose_ros.synthetic import rotations as r

RNG = np.random.default_rng(2)
ANGLES = RNG.uniform(-3.0, 3.0, (4, 5))


@pytest.mark.parametrize(("turn", "axis"), [(r.rotation_x, 0), (r.rotation_y, 1), (r.rotation_z, 2)])
def test_rotations_about_axes_are_scipys_for_any_shape(turn, axis):
    vectors = ANGLES[..., None] * np.eye(3)[axis]
    expected = Rotation.from_rotvec(vectors.reshape(-1, 3)).as_matrix().reshape(4, 5, 3, 3)
    np.testing.assert_allclose(turn(ANGLES), expected, atol=1e-12)
    np.testing.assert_allclose(turn(0.3), turn([0.3])[0])


def test_yaw_pitch_and_roll_follow_one_another():
    yaw, pitch, roll = ANGLES[:3]
    expected = r.rotation_z(roll) @ r.rotation_x(pitch) @ r.rotation_y(yaw)
    np.testing.assert_allclose(r.rotation_yxz(yaw, pitch, roll), expected, atol=1e-12)


def test_random_rotations_are_rotations_in_every_direction():
    turns = r.random_rotations(4000, np.random.default_rng(0))
    np.testing.assert_allclose(
        turns @ turns.swapaxes(1, 2), np.broadcast_to(np.eye(3), turns.shape), atol=1e-12
    )
    np.testing.assert_allclose(np.linalg.det(turns), 1.0)
    assert np.abs(turns.mean(axis=0)).max() < 0.05


def test_axes_are_orthonormal_and_hold_the_direction():
    rng = np.random.default_rng(1)
    direction = rng.normal(size=(50, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    for axes, row in (
        (r.axes_along(direction, rng.normal(size=(50, 3))), 0),
        (r.axes_with_third(direction), 2),
        (r.random_axes(50, rng), None),
    ):
        np.testing.assert_allclose(
            axes @ axes.swapaxes(1, 2), np.broadcast_to(np.eye(3), (50, 3, 3)), atol=1e-12
        )
        if row is not None:
            np.testing.assert_array_equal(axes[:, row], direction)
            np.testing.assert_allclose(np.linalg.det(axes), 1.0)


def test_random_directions_are_unit_vectors_and_flatter_where_they_are_squeezed():
    rng = np.random.default_rng(1)
    even, flat = r.random_directions(4000, rng), r.random_directions(4000, rng, (1.0, 1.0, 0.5))
    np.testing.assert_allclose(np.linalg.norm([even, flat], axis=-1), 1.0, atol=1e-12)
    np.testing.assert_allclose(np.abs(even).mean(axis=0), 0.5, atol=0.02)
    assert np.abs(flat[:, 2]).mean() < 0.4


def test_facing_normals_slope_as_asked_and_point_away_from_the_camera():
    normals = r.facing_normals(4000, 0.4, np.random.default_rng(1))
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1.0, atol=1e-12)
    np.testing.assert_allclose((normals[:, :2] / normals[:, 2:]).std(axis=0), 0.4, atol=0.02)
    assert (normals[:, 2] > 0).all()
