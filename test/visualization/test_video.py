"""A video takes pictures of whatever size, and is whole or not there."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from hand_pose_ros.visualization.video import VideoWriter


@pytest.mark.parametrize(
    "sizes", [((48, 64), (24, 32), (64, 48)), ((24, 32), (480, 640)), ((1, 1), (48, 64))]
)
def test_pictures_of_several_sizes_are_in_one_video(
    tmp_path: Path, sizes: tuple[tuple[int, int], ...]
) -> None:
    video = VideoWriter(tmp_path / "a.mp4", 30.0)
    for size in sizes:
        video.add(np.full((*size, 3), 200, np.uint8))
    if video.fault is not None:
        pytest.skip(video.fault)
    assert video.close()
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
    written = cv2.VideoCapture(str(tmp_path / "a.mp4"))
    shown = [picture for found, picture in iter(written.read, (False, None)) if found]
    assert len(shown) == len(sizes)
    assert all(picture.mean() > 100 for picture in shown)
