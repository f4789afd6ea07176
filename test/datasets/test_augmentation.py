"""Augmentation moves labels with pixels, and undoes itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hand_pose_ros.datasets.augmentation import (
    AugmentationConfig,
    augment,
    rotate_in_plane,
    rotation_about,
    scale_scene,
    shift_centre,
)
from hand_pose_ros.datasets.icvl import Icvl
from hand_pose_ros.datasets.sample import Sample, crop_sample

ANGLES = st.floats(-np.pi, np.pi)
quick = settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def sample(icvl_archive) -> Sample:
    return Icvl(icvl_archive.root, centre="joint")[0]


def pixels_agree(sample: Sample, tolerance_m: float) -> int:
    """How many joints lie in the picture; asserts that each one's pixel shows its depth."""
    pixel = np.floor(sample.camera.project(sample.joints) + 0.5).astype(int)
    size = [sample.camera.width, sample.camera.height]
    inside = ((pixel >= 0) & (pixel < size)).all(axis=1)
    column, row = pixel[inside].T
    np.testing.assert_allclose(sample.depth[row, column], sample.joints[inside, 2], atol=tolerance_m)
    return int(inside.sum())


@pytest.mark.slow
@quick
@given(ANGLES)
def test_rotation_moves_labels_with_pixels(sample, angle):
    turned = rotate_in_plane(sample, angle)
    # The drawn discs face the camera squarely and tilt with the turn: a pixel beside the middle is up to 1 mm off.
    assert pixels_agree(turned, 1.5e-3) >= 10


@pytest.mark.slow
@quick
@given(ANGLES)
def test_rotation_keeps_lengths_distances_and_the_centre(sample, angle):
    turned = rotate_in_plane(sample, angle)
    np.testing.assert_array_equal(turned.centre, sample.centre)
    for a, b in (
        (turned.joints, sample.joints),
        (np.diff(turned.joints, axis=0), np.diff(sample.joints, axis=0)),
    ):
        np.testing.assert_allclose(np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1), rtol=1e-12)
    back = rotate_in_plane(turned, -angle)
    np.testing.assert_allclose(back.joints, sample.joints, atol=1e-12)


@pytest.mark.slow
@quick
@given(ANGLES)
def test_rotation_turns_the_crop_about_its_middle(sample, angle):
    right = Sample(**{**vars(sample), "side": "right"})
    before, after = crop_sample(right, 96), crop_sample(rotate_in_plane(right, angle), 96)
    turn = rotation_about([0.0, 0.0, 1.0], angle)
    np.testing.assert_allclose(after.joints, before.joints @ turn.T, atol=1e-9)


def test_a_full_turn_gives_the_same_picture(sample):
    turned = rotate_in_plane(sample, 2 * np.pi)
    np.testing.assert_allclose(turned.depth, sample.depth, rtol=1e-6)


def test_positive_rotation_turns_x_towards_y(sample):
    centred = shift_centre(sample, [-sample.centre[0], -sample.centre[1], 0.0])
    turned = rotate_in_plane(centred, np.pi / 2)
    np.testing.assert_allclose(turned.joints[:, :2], centred.joints[:, :2] @ [[0, 1], [-1, 0]], atol=1e-12)


@quick
@given(st.floats(0.6, 1.6))
def test_scale_moves_labels_with_pixels(sample, factor):
    scaled = scale_scene(sample, factor)
    assert pixels_agree(scaled, 1e-3) == 16
    np.testing.assert_allclose(scaled.camera.project(scaled.joints), sample.camera.project(sample.joints))
    np.testing.assert_allclose(scaled.centre, sample.centre * factor, rtol=1e-12)
    back = scale_scene(scaled, 1 / factor)
    np.testing.assert_allclose(back.joints, sample.joints, rtol=1e-12)
    np.testing.assert_allclose(back.depth, sample.depth, rtol=1e-6)


@quick
@given(st.tuples(*[st.floats(-0.03, 0.03)] * 3))
def test_translation_moves_the_hand_in_the_crop_the_other_way(sample, offset):
    moved = shift_centre(sample, offset)
    np.testing.assert_array_equal(moved.joints, sample.joints)
    cropped = crop_sample(moved, 96)
    np.testing.assert_allclose(cropped.frame.local_to_camera(cropped.joints), sample.joints, atol=1e-12)
    uvd = cropped.frame.local_to_crop(cropped.joints)
    inside = (np.abs(uvd) < 0.95).all(axis=1)
    column, row = np.floor(cropped.frame.crop_to_pixel(uvd[inside]) + 0.5).astype(int).T
    np.testing.assert_allclose(cropped.crop[row, column], uvd[inside, 2], atol=0.04)


@pytest.mark.slow
@quick
@given(st.integers(0, 2**32 - 1))
def test_all_three_together_keep_labels_on_pixels(sample, seed):
    config = AugmentationConfig(rotation_rad=1.0, scale=0.2, translation_m=0.03)
    moved = augment(sample, np.random.default_rng(seed), config)
    assert pixels_agree(moved, 2e-3) >= 10
    again = augment(sample, np.random.default_rng(seed), config)
    np.testing.assert_array_equal(moved.depth, again.depth)
    np.testing.assert_array_equal(moved.centre, again.centre)


@pytest.mark.slow
def test_without_room_nothing_moves(sample):
    still = augment(sample, np.random.default_rng(0), AugmentationConfig(0.0, 0.0, 0.0))
    np.testing.assert_allclose(still.depth, sample.depth, rtol=1e-6)
    np.testing.assert_allclose(still.joints, sample.joints, rtol=1e-12)
    np.testing.assert_array_equal(still.centre, sample.centre)


@pytest.mark.parametrize(
    "field, value", [("rotation_rad", -0.1), ("scale", 2.0), ("translation_m", float("nan"))]
)
def test_a_bad_bound_is_named(field, value):
    with pytest.raises(ValueError, match=f"{field} is"):
        AugmentationConfig(**{field: value})


@pytest.mark.slow
def test_a_factor_that_is_no_size_is_refused(sample):
    with pytest.raises(ValueError, match="factor is 0"):
        scale_scene(sample, 0.0)
