"""Launch arguments: what can be typed for nothing, and what was meant by a name that is none."""

from __future__ import annotations

import pytest

from hand_pose_ros.nodes.launch_arguments import misspelt, plain_text

OWN = ("side", "hands", "camera", "camera_info", "depth_image", "depth_unit", "model", "robot_description")


@pytest.mark.parametrize("text", ["''", '""', " '' ", ""])
def test_quotes_around_nothing_are_nothing(text):
    assert plain_text(text).strip() == ""


@pytest.mark.parametrize("text", ["small", "'", "'a'", "''b''", "/a b/c.safetensors"])
def test_every_other_text_stays(text):
    assert plain_text(text) == text


@pytest.mark.parametrize(
    ("name", "meant"),
    [("sidee", "side"), ("camera_inf", "camera_info"), ("depth_images", "depth_image"), ("modell", "model")],
)
def test_a_name_that_is_nearly_an_argument_is_told(name, meant):
    (line,) = misspelt("a.launch.py", ["side", name], OWN)
    assert line == f"a.launch.py: '{name}' is none of its arguments, is '{meant}' meant?"


@pytest.mark.parametrize("name", ["camera_name", "depth_module", "rate", "ros_namespace", *OWN])
def test_names_of_other_files_are_not(name):
    assert misspelt("a.launch.py", [name], OWN) == []
