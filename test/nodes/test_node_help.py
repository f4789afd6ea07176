"""Every node says what it is and what its parameters are, and what it does not know is not passed over."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: source tools/environment.sh")

from hand_pose_ros.nodes import description_relay_node, node_main
from hand_pose_ros.nodes.node_help import NodePage, asks_for_help, help_text, unknown_argument
from hand_pose_ros.nodes.parameters.demo_parameters import CAMERA_PAGE, WATCHER_PAGE
from hand_pose_ros.nodes.parameters.retarget_parameters import RETARGET_PAGE
from hand_pose_ros.nodes.parameters.tracker_parameters import TRACKER_PAGE

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
PAGES = [TRACKER_PAGE, RETARGET_PAGE, CAMERA_PAGE, WATCHER_PAGE, description_relay_node._PAGE]


def module_of(executable: str) -> Any:
    """The module that an executable in scripts/ runs."""
    named = (SCRIPTS / executable).read_text("utf-8").split('run("')[1].split('"')[0]
    return import_module(named)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
@pytest.mark.parametrize(
    "asked", [["--help"], ["-h"], ["--ros-args", "--help"], ["--ros-args", "-p", "a:=1", "--", "--help"]]
)
def test_help_names_every_parameter_with_its_default_and_makes_no_node(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, page: NodePage, asked: list[str]
) -> None:
    monkeypatch.setattr(node_main.rclpy, "init", lambda **_: pytest.fail("a node was made"))
    monkeypatch.setenv("COLUMNS", "200")
    assert module_of(page.name).main([page.name, *asked]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"usage: {page.name} ")
    for parameter in page.parameters:
        assert f"  {parameter.name} (default {parameter.default_text()}" in text
        assert " ".join(parameter.description.split()) in " ".join(text.split())


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (["--verbose"], "argument '--verbose' is not known"),
        (["my_model.safetensors"], "argument 'my_model.safetensors' is not known"),
        (["side:=right"], "argument 'side:=right' stands alone, want --ros-args -p side:=right"),
        (["hands:=2", "--ros-args", "-p", "side:=left"], "'hands:=2' stands alone"),
        (["--ros-args", "-p", "side:=left", "--", "hands:=2"], "'hands:=2' stands alone"),
        (["model:=/opt/hand.safetensors"], "want --ros-args -p model:=/opt/hand.safetensors"),
        (["use_sim_time:=true"], "want --ros-args -p use_sim_time:=true"),
        (["params_file:=/tmp/a.yaml"], "is one of ros2 launch, want --ros-args --params-file /tmp/a.yaml"),
        (["namespace:=/left"], "want --ros-args -r __ns:=/left"),
    ],
)
def test_an_argument_that_would_go_unseen_is_named_and_no_node_is_made(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, given: list[str], named: str
) -> None:
    monkeypatch.setattr(node_main.rclpy, "init", lambda **_: pytest.fail("a node was made"))
    assert module_of("hand_tracker").main(["hand_tracker", *given]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    (line,) = output.err.splitlines()
    assert line.startswith("hand_tracker: ")
    assert named in line


@pytest.mark.parametrize(
    "given",
    [
        [],
        [
            "--ros-args",
            "-p",
            "side:=left",
            "-r",
            "__node:=left",
            "--params-file",
            "x.yaml",
            "--log-level",
            "debug",
        ],
        ["depth/image_rect:=/camera/depth"],
        ["hands:=/robot/hands"],  # a topic of the same name, as ROS 1 wrote it
        ["__ns:=/robot"],
        ["--ros-args", "-r", "hands:=/others", "--", "--ros-args", "-p", "side:=left"],
    ],
)
def test_what_ros_reads_itself_is_left_to_it(given: list[str]) -> None:
    assert unknown_argument(TRACKER_PAGE, ["hand_tracker", *given]) is None
    assert not asks_for_help(["hand_tracker", *given])


@pytest.mark.parametrize("columns", [40, 72, 110])
def test_no_line_is_wider_than_asked_but_for_the_usage_and_words_that_do_not_break(columns: int) -> None:
    for page in PAGES:
        for line in help_text(page, columns).splitlines()[1:]:
            assert len(line) <= columns or len(line.split()) == 1, line


def test_an_escape_in_an_argument_does_not_reach_the_terminal() -> None:
    problem = unknown_argument(WATCHER_PAGE, ["watcher", "\x1b[31m"])
    assert problem is not None
    assert "\x1b" not in problem


@pytest.mark.slow
def test_who_stops_reading_the_page_sees_no_error() -> None:
    """As ``hand_tracker --help | head -1``: the pipe is closed before the page is written."""
    read, write = os.pipe()
    os.close(read)
    outcome = subprocess.run(
        [sys.executable, SCRIPTS / "depth_camera", "--help"], stdout=write, stderr=subprocess.PIPE, timeout=60
    )
    os.close(write)
    assert SimpleNamespace(status=outcome.returncode, told=outcome.stderr) == SimpleNamespace(
        status=0, told=b""
    )
