"""A folder of depth PNGs: natural order, exact counts, every fault named."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hand_pose_ros.recording.frame_folder import RecordedFrames, RecordingError, natural_key

INTRINSICS = (60.0, 60.0, 31.5, 23.5)


def write(path: Path, counts: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), counts)


def frame(value: int) -> np.ndarray:
    return np.full((48, 64), value, np.uint16)


def test_frames_come_in_natural_order_through_sub_folders(tmp_path):
    names = ["a/2.png", "a/10.png", "b/1.png", "frame2.png", "frame10.PNG"]
    for index, name in enumerate(names):
        write(tmp_path / name, frame(index))
    recording = RecordedFrames.open(tmp_path, INTRINSICS)
    assert [recording.name(i) for i in range(len(recording))] == names
    assert [int(recording[i][0, 0]) for i in range(len(recording))] == list(range(len(names)))


@pytest.mark.slow
@given(st.lists(st.integers(0, 10**6), unique=True))
def test_natural_order_is_numeric_order(numbers):
    paths = sorted((Path(f"depth_{number}.png") for number in numbers), key=natural_key)
    assert [int(path.stem[6:]) for path in paths] == sorted(numbers)


def test_counts_are_exact(tmp_path):
    counts = np.random.default_rng(0).integers(0, 2**16, (48, 64), dtype=np.uint16)
    write(tmp_path / "0.png", counts)
    np.testing.assert_array_equal(RecordedFrames.open(tmp_path, INTRINSICS)[0], counts)


def test_camera_has_the_frames_size(tmp_path):
    write(tmp_path / "0.png", frame(1))
    camera = RecordedFrames.open(tmp_path, INTRINSICS).camera
    assert (camera.width, camera.height, camera.fx, camera.cy) == (64, 48, 60.0, 23.5)


def test_faults_are_named(tmp_path):
    with pytest.raises(RecordingError, match="nowhere"):
        RecordedFrames.open(tmp_path / "nowhere", INTRINSICS)
    with pytest.raises(RecordingError, match="no .png"):
        RecordedFrames.open(tmp_path, INTRINSICS)
    write(tmp_path / "0.png", np.zeros((48, 64, 3), np.uint8))
    with pytest.raises(RecordingError, match=r"3 channel\(s\) of 8 bits"):
        RecordedFrames.open(tmp_path, INTRINSICS)
    (tmp_path / "0.png").write_bytes(b"not a picture")
    with pytest.raises(RecordingError, match="not a readable PNG"):
        RecordedFrames.open(tmp_path, INTRINSICS)
    write(tmp_path / "0.png", frame(1))
    with pytest.raises(RecordingError, match="focal length"):
        RecordedFrames.open(tmp_path, (0.0, 60.0, 31.5, 23.5))
    write(tmp_path / "1.png", np.zeros((10, 20), np.uint16))
    recording = RecordedFrames.open(tmp_path, INTRINSICS)
    with pytest.raises(RecordingError, match="20x10"):
        recording[1]
