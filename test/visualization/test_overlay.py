"""The skeleton is drawn where the joints are."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.hand.skeleton import BONES, JOINT_NAMES
from hand_pose_ros.visualization.overlay import JOINT_COLOURS, colour_depth, draw_overlay

CAMERA = Camera(320, 240, 240.0, 240.0, 159.5, 119.5)


def spread_hand() -> np.ndarray:
    """Joints on a grid at 0.5 m, all far enough from each other to be told apart."""
    index = np.arange(23)
    return np.stack([(index % 6 - 2.5) * 0.08, (index // 6 - 1.5) * 0.08, np.full(23, 0.5)], axis=1)


def test_every_joint_has_its_fingers_colour():
    joints = spread_hand()
    depth = np.full((240, 320), 0.52, np.float32)
    picture = draw_overlay(depth, CAMERA, [SimpleNamespace(joints=joints)])
    pixels = np.round(CAMERA.project(joints)).astype(int)
    for name, (u, v), colour in zip(JOINT_NAMES, pixels, JOINT_COLOURS, strict=True):
        np.testing.assert_allclose(picture[v, u], colour, atol=3, err_msg=name)


def test_bones_of_a_finger_share_its_colour():
    for parent, child in BONES:
        finger = JOINT_NAMES[child].split("_")[0]
        if JOINT_NAMES[parent].startswith(finger):
            assert JOINT_COLOURS[parent] == JOINT_COLOURS[child]


def test_depth_picture_shows_near_far_and_nothing_differently():
    depth = np.array([[0.4, 0.5, 0.6, 2.0, np.nan]], np.float32)
    brightness = colour_depth(depth, 0.35, 0.65).sum(axis=2)[0].astype(int)
    assert brightness[0] > brightness[1] > brightness[2] > brightness[3] > brightness[4] == 0


@pytest.mark.parametrize(
    "joints",
    [
        spread_hand() + [5.0, 0.0, 0.0],
        spread_hand() * [1, 1, -1],
        spread_hand() * [1e6, 1, 1],
        np.full((23, 3), np.nan),
    ],
    ids=["beside the image", "behind the camera", "far away", "nan"],
)
def test_joints_that_cannot_be_drawn_are_left_out(joints):
    depth = np.full((240, 320), 0.52, np.float32)
    picture = draw_overlay(depth, CAMERA, [SimpleNamespace(joints=joints)])
    assert picture.shape == (240, 320, 3)
    assert picture.dtype == np.uint8


def test_no_hand_and_no_reading_are_drawn_too():
    assert draw_overlay(np.full((240, 320), np.nan, np.float32), CAMERA, []).max() == 0


def test_size_that_differs_from_the_cameras_is_refused():
    with pytest.raises(ValueError, match="320x240"):
        draw_overlay(np.zeros((10, 10), np.float32), CAMERA, [])
