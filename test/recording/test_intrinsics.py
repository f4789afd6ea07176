"""Intrinsics from files in their three forms; what is wrong with one is named with the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.recording.intrinsics import Intrinsics, read_intrinsics
from hand_pose_ros.recording.recorded_frame import RecordingError

DISTORTION = (0.1, -0.05, 0.001, 0.002, 0.01)
CAMERA = Camera(64, 48, 60.0, 61.0, 31.5, 23.5, DISTORTION, "plumb_bob")
OWN = "{fx: 60.0, fy: 61, cx: 31.5, cy: 23.5, width: 64, height: 48, distortion: [0.1, -0.05, 0.001, 0.002, 0.01]}"
CALIBRATION = """
image_width: 64
image_height: 48
camera_name: head_camera
camera_matrix: {rows: 3, cols: 3, data: [60.0, 0, 31.5, 0, 61.0, 23.5, 0, 0, 1]}
distortion_model: plumb_bob
distortion_coefficients: {rows: 1, cols: 5, data: [0.1, -0.05, 0.001, 0.002, 0.01]}
rectification_matrix: {rows: 3, cols: 3, data: [1, 0, 0, 0, 1, 0, 0, 0, 1]}
projection_matrix: {rows: 3, cols: 4, data: [55.0, 0, 31.0, 0, 0, 56.0, 23.0, 0, 0, 0, 1, 0]}
"""
MESSAGE = """
header: {stamp: {sec: 1, nanosec: 2}, frame_id: camera}
height: 48
width: 64
distortion_model: plumb_bob
d: [0.1, -0.05, 0.001, 0.002, 0.01]
k: [60.0, 0, 31.5, 0, 61.0, 23.5, 0, 0, 1]
r: [1, 0, 0, 0, 1, 0, 0, 0, 1]
p: [55.0, 0, 31.0, 0, 0, 56.0, 23.0, 0, 0, 0, 1, 0]
binning_x: 0
binning_y: 0
roi: {x_offset: 0, y_offset: 0, height: 0, width: 0, do_rectify: false}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "intrinsics.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "text", [OWN, CALIBRATION, MESSAGE, f"{MESSAGE}---\n", f"{MESSAGE}---\n{MESSAGE}---\n"]
)
def test_every_form_gives_the_same_camera(tmp_path, text) -> None:
    assert read_intrinsics(written(tmp_path, text)).camera(64, 48) == CAMERA


@pytest.mark.parametrize("text", [CALIBRATION, MESSAGE])
def test_rectified_pictures_have_the_projection_and_no_distortion(tmp_path, text) -> None:
    camera = read_intrinsics(written(tmp_path, text), rectified=True).camera(64, 48)
    assert camera == Camera(64, 48, 55.0, 56.0, 31.0, 23.0)


@pytest.mark.parametrize("text", [CALIBRATION, MESSAGE])
def test_one_of_two_calibrations_is_enough(tmp_path, text) -> None:
    lines = text.splitlines()
    without_k = "\n".join(line for line in lines if not line.startswith(("k:", "camera_matrix")))
    assert read_intrinsics(written(tmp_path, without_k)).camera(64, 48) == Camera(
        64, 48, 55.0, 56.0, 31.0, 23.0, DISTORTION, "plumb_bob"
    )
    for empty in ("p: []", "projection_matrix: {rows: 3, cols: 4, data: []}"):
        own = empty.partition(":")[0]
        without_p = "\n".join(empty if line.startswith(f"{own}:") else line for line in lines)
        assert read_intrinsics(written(tmp_path, without_p)).camera(64, 48) == CAMERA


def test_a_unit_and_a_picture_of_unknown_size_are_taken(tmp_path) -> None:
    found = read_intrinsics(written(tmp_path, "{fx: 60, fy: 60, cx: 31, cy: 23, depth_unit: 0.00025}"))
    assert found == Intrinsics(60.0, 60.0, 31.0, 23.0, depth_unit_m=0.00025)
    assert found.camera(640, 480).width == 640


def test_another_size_is_refused(tmp_path) -> None:
    with pytest.raises(RecordingError, match="are of 64x48 pictures, the frames have 640x480"):
        read_intrinsics(written(tmp_path, OWN)).camera(640, 480)


@pytest.mark.parametrize(
    ("lens", "model"),
    [
        ("distortion_model: fisheye, distortion: [0.1, 0, 0, 0]", "equidistant"),
        ("distortion_model: Plumb_Bob, distortion: [0.1, 0, 0, 0]", "plumb_bob"),
        ("distortion_model: brown_conrady, distortion: [0, 0, 0, 0, 0]", "none"),
        ("distortion_model: plumb_bob, distortion: [0.1, 0, 0, 0, 0, 0.2, 0, 0]", "rational_polynomial"),
        ("distortion_model: no", "none"),
        ("distortion: [0.1, 0, 0, 0]", "plumb_bob"),
    ],
)
def test_lenses_go_by_the_names_that_camera_infos_have(tmp_path, lens, model) -> None:
    found = read_intrinsics(written(tmp_path, f"{{fx: 60, fy: 60, cx: 31, cy: 23, {lens}}}"))
    assert found.camera(64, 48).distortion_model == model


@pytest.mark.parametrize(
    "text, message",
    [
        ("%YAML:1.0\n---\nK: !!opencv-matrix\n   rows: 3\n", "OpenCV's own form of YAML, want fx"),
        ("", "fx is None, want a number"),
        ("[1, 2]", "want a mapping"),
        ("{fx: a, fy: 1, cx: 1, cy: 1}", "fx is 'a'"),
        ("{fx: 1, fy: 1, cx: 1, cy: 1, unit: 2}", "no field 'unit'"),
        ("{fx: 1, fy: 1, cx: 1, cy: 1, depth_unit: 1}", "depth_unit is 1"),
        ("{fx: 1, fy: 1, cx: 1, cy: 1, width: 3}", "want height beside it"),
        ("{fx: 1, fy: 1, cx: 1, cy: 1, distortion: 3}", "distortion is 3, want a list"),
        ("{k: [1, 2], width: 3, height: 4}", "K has 2 numbers"),
        ("{k: 3, width: 3, height: 4}", "k is 3, want a list"),
        ("{camera_matrix: 3, image_width: 3, image_height: 3}", "camera_matrix is 3"),
        ("{camera_matrix: {data: [1, 0, 0, 0, 1, 0, 0, 0, 1]}}", "width is None"),
        ("{fx: 1, fy: [", "cannot read the intrinsics"),
        (MESSAGE.replace("height: 0,", "height: -1,"), "height is -1"),
    ],
)
def test_faults_are_named_with_the_file(tmp_path, text, message) -> None:
    path = written(tmp_path, text)
    with pytest.raises(RecordingError) as caught:
        read_intrinsics(path)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(path))
