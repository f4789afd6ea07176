"""Camera presets: those of the package are whole, and faults in one's own are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from hand_pose_ros.depth.camera_presets import camera_preset, preset_names
from hand_pose_ros.resources import resource

WANTED = {"d405", "d435", "d455", "l515", "azure_kinect", "femto_bolt", "gemini", "oak_d", "kinect2", "zed"}


def test_the_cameras_that_people_have_are_there() -> None:
    assert set(preset_names()) == WANTED


@pytest.mark.parametrize("name", sorted(WANTED))
def test_every_preset_is_whole(name) -> None:
    preset = camera_preset(name)
    assert preset.name == name
    assert preset.driver_settings
    assert preset.image is not None
    assert all((preset.camera, preset.driver, preset.measured))
    assert preset.range_m is not None
    assert preset.range_m[0] < preset.range_m[1]
    assert preset.topics.camera_info.rpartition("/")[2] == "camera_info"
    # The node takes topics called image_rect... for rectified by itself: a preset must not say otherwise.
    if preset.topics.depth_image.rpartition("/")[2].startswith("image_rect"):
        assert preset.parameters.rectified == "true"


def test_a_name_that_is_not_there_lists_those_that_are() -> None:
    with pytest.raises(ValueError, match="camera is 'd999', want one of azure_kinect, d405"):
        camera_preset("d999")


@pytest.mark.parametrize(
    "old, new, message",
    [
        ("16UC1", "rgb8", "image.encoding is 'rgb8', want one of 16UC1, 32FC1"),
        ("depth_unit: 0.001", "depth_unit: 1.0", "parameters.depth_unit is 1.0"),
        ("depth_unit: 0.001", "depth_unit: much", "parameters.depth_unit is 'much'"),
        ("/camera/camera/depth/image_rect_raw", "depth", "topics.depth_image is 'depth'"),
        ("width: 848", "width: .nan", "image.width"),
        ("  width: 848\n", "", "image.width is missing"),
        ("range_m: [0.28, 1.5]", "range_m: [2.0, 1.5]", "range_m is"),
        ("range_m: [0.28, 1.5]", "range_m: here", "range_m is 'here'"),
        ("camera: Intel", "colour: Intel", "no field 'colour'"),
        ('"false"', "false", "driver_settings"),
        ("topics:\n", "topics: 3\nx:\n", "no field 'x'"),
    ],
)
def test_faults_in_a_file_of_ones_own_are_named(tmp_path: Path, old, new, message) -> None:
    text = resource("config/cameras/d435.yaml").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "mine.yaml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ValueError, match="mine.yaml") as caught:
        camera_preset(str(path))
    assert message in str(caught.value)
    path.write_text(text, encoding="utf-8")
    assert camera_preset(str(path)).name == "mine"


def test_a_file_of_ones_own_needs_the_topics_alone(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    topics = "topics:\n  depth_image: /my/depth\n  camera_info: /my/camera_info\n"
    path.write_text(topics)
    preset = camera_preset(str(path))
    assert (preset.topics.depth_image, preset.parameters.depth_unit) == ("/my/depth", 0.001)
    path.write_text(topics + "parameters:\n  depth_unit: 0.00025\n")
    assert camera_preset(str(path)).parameters.depth_unit == 0.00025
    path.write_text("parameters:\n  depth_unit: 0.00025\n")
    with pytest.raises(ValueError, match="topics is None, want depth_image and camera_info"):
        camera_preset(str(path))
