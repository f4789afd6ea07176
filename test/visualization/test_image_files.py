"""Files are whole: pictures open, JSON is JSON, nothing half-written stays."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.visualization.image_files import GIF_WIDTH, write_gif, write_overlays
from hand_pose_ros.visualization.overlay import FINGER_COLOURS, OverlayFrame

CAMERA = Camera(320, 240, 240.0, 240.0, 159.5, 119.5)


def frames(count: int) -> list[OverlayFrame]:
    joints = np.random.default_rng(1).normal([0, 0, 0.5], 0.05, (23, 3))
    depth = np.full((240, 320), 0.5, np.float32)
    return [
        OverlayFrame(
            depth + 0.001 * i, CAMERA, [SimpleNamespace(joints=joints + [0.004 * i, 0, 0])], f"{i}", 0.1 * i
        )
        for i in range(count)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("count, size", [(1, (320, 240)), (2, (640, 240)), (5, (960, 480)), (20, (960, 480))])
def test_animation_has_every_frame_and_sheet_up_to_six(tmp_path, count, size):
    write_overlays(tmp_path, frames(count))
    with Image.open(tmp_path / "overlay.gif") as animation:
        assert animation.n_frames == count
        assert animation.size[0] == GIF_WIDTH
        if count > 1:
            assert animation.info["duration"] == 100
    with Image.open(tmp_path / "overlay.png") as sheet:
        assert sheet.size == size
    assert sorted(path.name for path in tmp_path.iterdir()) == ["overlay.gif", "overlay.png"]


def test_frames_of_a_camera_that_changes_its_resolution_are_in_both_pictures(tmp_path):
    small = OverlayFrame(
        np.full((60, 160), 0.5, np.float32), Camera(160, 60, 120.0, 120.0, 79.5, 29.5), [], "4", 0.4
    )
    write_overlays(tmp_path, [*frames(2), small])
    with Image.open(tmp_path / "overlay.gif") as animation:
        assert animation.n_frames == 3
    with Image.open(tmp_path / "overlay.png") as sheet:
        assert sheet.size == (960, 240)


def test_nothing_to_draw_writes_nothing(tmp_path):
    write_overlays(tmp_path, [])
    assert list(tmp_path.iterdir()) == []


def test_fingers_keep_their_colours_in_an_animation_whatever_else_is_in_it(tmp_path):
    """Thin lines among many shades of one colour, which a palette of the most frequent colours would merge."""
    rng = np.random.default_rng(0)
    picture = np.stack(
        [rng.integers(0, 90, (300, GIF_WIDTH)), rng.integers(60, 200, (300, GIF_WIDTH))] * 2, -1
    )
    picture = picture[..., :3].astype(np.uint8)
    for row, colour in enumerate(FINGER_COLOURS.values()):
        picture[20 * row + 10, 50:60] = colour
    write_gif(tmp_path / "a.gif", [picture, picture], 0.1)
    with Image.open(tmp_path / "a.gif") as animation:
        found = np.asarray(animation.convert("RGB"))
    for row, colour in enumerate(FINGER_COLOURS.values()):
        assert (found[20 * row + 10, 50:60] == colour).all()
