"""A sample's way into the network's picture, and what does not make a sample."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hand_pose_ros.datasets.icvl import Icvl
from hand_pose_ros.datasets.sample import (
    OWN_JOINT_SET,
    Sample,
    centre_of_mass,
    crop_sample,
    joint_set_names,
)
from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.hand.joint_sets import JOINT_SETS
from hand_pose_ros.hand.skeleton import JOINT_NAMES


@pytest.fixture
def sample(icvl_archive) -> Sample:
    return Icvl(icvl_archive.root)[0]


def crop_value_at(cropped) -> tuple[np.ndarray, np.ndarray]:
    """What the crop shows on each joint's pixel, and what it should: d; joints outside the cube left out."""
    uvd = cropped.frame.local_to_crop(cropped.joints)
    inside = (np.abs(uvd) < 0.95).all(axis=1)
    column, row = np.floor(cropped.frame.crop_to_pixel(uvd[inside]) + 0.5).astype(int).T
    return cropped.crop[row, column], uvd[inside, 2]


@pytest.mark.slow
@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("size", [96, 224])
def test_joints_and_pixels_agree_in_the_crop(sample, side, size):
    cropped = crop_sample(replace(sample, side=side), size)
    shown, wanted = crop_value_at(cropped)
    assert len(shown) == 16
    # A disc is flat along the camera's axis, the crop's depth runs along the view's: up to 3 mm of a 125 mm half.
    np.testing.assert_allclose(shown, wanted, atol=0.025)
    assert cropped.frame.mirrored == (side == "left")
    assert cropped.frame.cube_m == sample.cube_m


@pytest.mark.slow
def test_a_left_hand_is_the_mirror_image_of_a_right_one(sample):
    left, right = (crop_sample(replace(sample, side=side), 96) for side in ("left", "right"))
    np.testing.assert_allclose(left.joints, right.joints * [-1, 1, 1], atol=1e-12)
    np.testing.assert_array_equal(left.crop, right.crop[:, ::-1])


def test_the_centre_of_mass_of_a_patch_is_its_middle():
    camera = Camera(width=100, height=80, fx=100.0, fy=100.0, cx=50.0, cy=40.0)
    depth = np.full((80, 100), np.nan, np.float32)
    depth[30:41, 60:71] = 0.5
    depth[0:5, 0:5] = 0.5  # outside the window
    depth[35, 75] = 1.2  # inside the window, behind the cube
    start = camera.back_project(np.array([62.0, 33.0]), 0.5)
    found = centre_of_mass(depth, camera, start, 0.2)
    np.testing.assert_allclose(found, camera.back_project(np.array([65.0, 35.0]), 0.5), atol=1e-7)


@pytest.mark.parametrize("start", [[0.0, 0.0, 0.2], [5.0, 0.0, 0.5]])
def test_an_empty_cube_keeps_its_start(start):
    camera = Camera(width=100, height=80, fx=100.0, fy=100.0, cx=50.0, cy=40.0)
    depth = np.full((80, 100), 0.9, np.float32)
    np.testing.assert_array_equal(centre_of_mass(depth, camera, np.array(start), 0.2), start)


@pytest.mark.slow
@pytest.mark.parametrize(
    "change, problem",
    [
        ({"joints": np.zeros((21, 3))}, "joints have shape \\(21, 3\\), want \\(16, 3\\)"),
        ({"depth": np.zeros((240, 320))}, "want float32"),
        ({"depth": np.zeros((24, 32), np.float32)}, "must agree"),
        ({"side": "both"}, "side is 'both'"),
        ({"centre": np.array([0.0, 0.0, -0.4])}, "want 3 finite numbers with z > 0"),
        ({"cube_m": 0.0}, "want a positive length"),
        ({"joint_set": "icvl17"}, "joint_set is 'icvl17'"),
    ],
)
def test_fields_that_do_not_fit_are_refused(sample, change, problem):
    with pytest.raises(ValueError, match=problem):
        replace(sample, **change)


def test_joint_sets_include_our_own():
    assert joint_set_names(OWN_JOINT_SET) == JOINT_NAMES
    assert OWN_JOINT_SET not in JOINT_SETS
