"""Launch arguments: what a text means, what can be typed for nothing, what was meant by a name that is none."""

from __future__ import annotations

import pytest

from hand_pose_ros.nodes.launch_arguments import (
    executable_error,
    misspelt,
    plain_text,
    topic_error,
    unheard,
    value_of,
)

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


@pytest.mark.parametrize(
    "kind, text, value",
    [(float, "1e-3", 0.001), (float, "1", 1.0), (float, "mm", None), (float, "true", None), (float, "'1'", None),
     (int, "2", 2), (int, "2.0", None), (int, "true", None), (bool, "True", True), (bool, "off", False),
     (bool, "1", True), (bool, "0", False), (bool, "2", None), (bool, "", None), (bool, "1.0", None),
     (str, "007", "007"), (str, "", ""), (int, "2026-99-99", None), (float, "[", None)],
)  # fmt: skip
def test_a_text_is_what_people_mean_by_it(kind, text, value):
    assert value_of(kind, text) == value
    assert type(value_of(kind, text)) is type(value)


@pytest.mark.parametrize("topic", ["/a", "a/b_1", "~/a", "/A9/_b"])
def test_topics_are_topics(topic):
    assert topic_error("x", topic) is None


@pytest.mark.parametrize(
    "topic", ["", "/", "/a b", "1a", "a/", "a//b", "~a", "a-b", "/ä", "{node}/a", "/a~b"]
)
def test_what_is_no_topic_is_named(topic):
    assert f"x is '{topic}', want a topic" in str(topic_error("x", topic))


def test_a_program_that_is_not_there_is_named():
    assert "x needs 'nothing' of the package 'no_such_package'" in str(
        executable_error("x", "no_such_package", "nothing")
    )


def test_a_file_for_other_nodes_is_told_and_one_for_this_is_not(tmp_path):
    file = tmp_path / "mine.yaml"
    for content, heard in (("a", True), ("/**", True), ("/*/a", False), ("b: {a", False), ("x/a", False)):
        file.write_text(f"{content}: {{ros__parameters: {{c: 1}}}}{'}' * content.count('{')}")
        assert (unheard("params_file", str(file), "/a") == []) == heard
    assert unheard("params_file", str(tmp_path / "none.yaml"), "/a") == []
