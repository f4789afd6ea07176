"""Solids against geometry: exact depths, drawn windows lose nothing, and rigid motions keep shapes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from hand_pose_ros.synthetic.primitives import cup, gripper, head, limb, trunk
from hand_pose_ros.synthetic.solids import (
    BOX,
    CYLINDER,
    ELLIPSOID,
    NOTHING,
    VESSEL,
    Solids,
    draw_solids,
    gather,
    moved,
    solid,
    where,
)

F, C, SIZE = 60.0, 20.0, 41


def draw(solids: Solids) -> np.ndarray:
    depth = np.full((SIZE, SIZE), np.inf, np.float32)
    draw_solids(*solids, F, F, C, C, depth)
    return depth


def size_at(kind: int, offset: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """What is 1 on the surface, for points (..., 3) from the solid's middle."""
    local = np.abs(offset @ axes.T)
    if kind == ELLIPSOID:
        return np.linalg.norm(local, axis=-1)
    if kind == BOX:
        return local.max(axis=-1)
    return np.maximum(np.hypot(local[..., 0], local[..., 1]), local[..., 2])


def test_the_middle_of_each_solid_is_its_near_side():
    half = (0.1, 0.2, 0.05)
    for kind in (ELLIPSOID, BOX, CYLINDER):
        assert draw(solid(kind, (0, 0, 1.0), half))[20, 20] == pytest.approx(0.95, abs=1e-6)
    assert not np.isfinite(draw(solid(NOTHING, (0, 0, 1.0), half))).any()


def test_a_box_has_flat_sides_and_a_cylinder_a_round_one():
    flat = draw(solid(BOX, (0, 0, 1.0), (0.2, 0.2, 0.2)))
    assert flat[20, 15] == flat[20, 20] == pytest.approx(0.8, abs=1e-6)
    upright = np.array([[1.0, 0, 0], [0, 0, 1.0], [0, -1.0, 0]])
    round_ = draw(solid(CYLINDER, (0, 0, 1.0), (0.2, 0.2, 0.3), upright))
    assert round_[15, 20] == round_[20, 20] == pytest.approx(0.8, abs=1e-6)
    # Where the ray (x / z = 5 / 60) meets the circle of radius 0.2 about z = 1.
    slope = 5 / 60
    z = (1 - np.sqrt(1 - (1 + slope**2) * (1 - 0.04))) / (1 + slope**2)
    assert round_[20, 25] == pytest.approx(z, abs=1e-6)


@pytest.mark.slow
@settings(deadline=None, max_examples=30)
@given(
    st.sampled_from([ELLIPSOID, BOX, CYLINDER]),
    st.tuples(st.floats(-0.6, 0.6), st.floats(-0.6, 0.6), st.floats(0.1, 1.5)),
    st.tuples(*[st.floats(0.02, 0.4)] * 3),
    st.integers(0, 10_000),
)
def test_a_pixel_is_drawn_if_its_ray_enters_the_solid(kind, centre, half, seed):
    """The window that drawing is restricted to must lose no pixel: march along every ray and compare."""
    turn = Rotation.random(random_state=seed).as_matrix()
    shape = solid(kind, centre, half, turn)
    axes = shape.axes[0]
    v, u = np.mgrid[0:SIZE, 0:SIZE]
    rays = np.stack([(u - C) / F, (v - C) / F, np.ones_like(u, float)], axis=-1)
    z = np.linspace(0.002, 2.6, 200)
    reach = size_at(kind, rays[..., None, :] * z[:, None] - centre, axes)
    start = size_at(kind, -np.array(centre), axes)
    if start < 1.15:
        return  # at the camera
    inside = reach < 0.98
    first = np.where(inside.any(axis=-1), z[inside.argmax(axis=-1)], np.inf)
    depth = draw(shape)
    too_near = (reach[..., z < 0.08] < 1.3).any(axis=-1)  # what begins before 5 cm is not drawn
    sure = np.isfinite(first) & ~too_near
    assert np.isfinite(depth[sure]).all()
    assert (depth[sure] <= first[sure] + 1e-6).all()
    drawn = np.isfinite(depth)
    assert np.allclose(size_at(kind, rays[drawn] * depth[drawn][:, None] - centre, axes), 1.0, atol=2e-3)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_a_vessel_is_a_cylinder_that_one_sees_into_through_its_mouth(seed):
    rng = np.random.default_rng(seed)
    turn = Rotation.random(random_state=rng).as_matrix()
    middle, half = np.array([*rng.uniform(-0.1, 0.1, 2), 1.0]), rng.uniform(0.06, 0.2, 3)
    full, empty = (draw(solid(kind, middle, half, turn)) for kind in (CYLINDER, VESSEL))
    assert np.array_equal(np.isfinite(full), np.isfinite(empty))
    deeper = np.isfinite(empty) & (empty > full)
    rows, columns = np.nonzero(deeper)
    z = empty[rows, columns].astype(float)
    points = np.stack([(columns - C) / F * z, (rows - C) / F * z, z], axis=-1)
    local = ((points - middle) @ turn.T) / half
    across, along = np.hypot(local[:, 0], local[:, 1]), local[:, 2]
    assert np.all((np.abs(across - 0.9) < 1e-4) | (np.abs(along + 0.9) < 1e-4))
    assert np.all((across < 0.9001) & (along > -0.9001) & (along < 1.0))
    if turn[2] @ middle > 0:  # the mouth is turned away
        assert not deeper.any()


def test_one_sees_the_rim_and_the_bottom_of_a_vessel_from_above():
    depth = draw(solid(VESSEL, (0, 0, 1.0), (0.2, 0.2, 0.3), np.diag([1.0, -1.0, -1.0])))
    assert depth[20, 20] == pytest.approx(1.27, abs=1e-6)
    assert depth[20, 36] == pytest.approx(0.7, abs=1e-6)  # 16 / 60 * 0.7 m is in the rim, 0.18 to 0.2 m


def test_moving_solids_is_moving_the_camera():
    rng = np.random.default_rng(0)
    rotation, shift = Rotation.from_rotvec([0.1, -0.2, 0.3]).as_matrix(), np.array([0.02, -0.01, 0.05])
    mug = cup((0.0, 0.0, 0.6), np.eye(3))
    points = mug.centre[0] + 0.03 * rng.normal(size=(50, 3))
    there = moved(mug, rotation, shift)
    before = np.einsum("ij,pj->pi", mug.axes[0], points - mug.centre[0])
    after = np.einsum("ij,pj->pi", there.axes[0], points @ rotation.T + shift - there.centre[0])
    assert np.allclose(before, after)


def test_builders_take_leading_dimensions():
    places = np.array([[0.0, 0.0, 1.0], [0.1, 0.0, 0.8]])
    turns = np.stack([np.eye(3)] * 2)
    size, relief = np.array([1.0, 1.2]), np.array([1.0, 0.9])
    many = gather(
        head(places, turns, size, relief),
        trunk(places, turns, size),
        limb(places, places + 0.2, size / 20),
        cup(places, turns, size, relief, size, np.array([VESSEL, CYLINDER])),
        gripper(places, turns, size, relief, np.array([True, False])),
    )
    for number in range(2):
        one = gather(
            head(places[number], turns[number], size[number], relief[number]),
            trunk(places[number], turns[number], size[number]),
            limb(places[number], places[number] + 0.2, size[number] / 20),
            cup(
                places[number],
                turns[number],
                size[number],
                relief[number],
                size[number],
                (VESSEL, CYLINDER)[number],
            ),
            gripper(places[number], turns[number], size[number], relief[number], number == 0),
        )
        assert all(np.allclose(a[number], b) for a, b in zip(many, one, strict=True))
    chosen = where(np.array([True, False]), many)
    assert (chosen.kind[1] == NOTHING).all()
    assert np.array_equal(chosen.kind[0], many.kind[0])


def test_a_face_has_a_nose():
    depth = draw(head((0.0, 0.0, 0.5), np.eye(3)))
    row = round(20 + 60 * 0.034 / 0.4)
    nose, cheek = depth[row, 20], depth[row, 20 + 8]
    assert 0.01 < cheek - nose < 0.08
