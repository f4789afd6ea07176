"""The RViz configuration shows what the nodes publish, upright, from the camera's side, in windows of a sensible size.

RViz itself is not run: its arithmetic and Qt's format of the window's state are repeated here.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import yaml

from hand_pose_ros.nodes.parameters.demo_parameters import CAMERA_PARAMETERS
from hand_pose_ros.nodes.topics import DEPTH_TOPIC
from hand_pose_ros.resources import resource


@pytest.fixture(scope="module")
def content() -> dict[str, Any]:
    return yaml.safe_load(resource("rviz/hand_tracker.rviz").read_text())


@pytest.fixture(scope="module")
def displays(content) -> dict[str, Any]:
    return {display["Name"]: display for display in content["Visualization Manager"]["Displays"]}


def test_rviz_shows_depth_markers_and_frames(content, displays):
    image, cloud = displays["Depth image"], displays["Depth cloud"]
    assert image["Topic"]["Value"] == cloud["Depth Map Topic"] == DEPTH_TOPIC
    assert image["Topic"]["Reliability Policy"] == "Best Effort"
    assert displays["Hand markers"]["Topic"]["Value"] == "markers"
    assert displays["Hand frames"]["Enabled"]
    frame_id = {parameter.name: parameter.default for parameter in CAMERA_PARAMETERS}["frame_id"]
    assert content["Visualization Manager"]["Global Options"]["Fixed Frame"] == frame_id


@pytest.mark.parametrize("side", ["right", "left"])
def test_solid_hand_is_the_one_that_robot_state_publisher_moves(displays, side):
    """Not the tracker's description: links without a transform of their own are drawn at the camera."""
    topic = displays[f"{side.capitalize()} hand"]["Description Topic"]
    assert topic["Value"] == f"{side}_hand/robot_description"
    assert topic["Durability Policy"] == "Transient Local"


def test_robots_hand_stands_beside_the_tracked_one_in_its_own_configuration(content):
    """Which is otherwise the same."""
    both = yaml.safe_load(resource("rviz/robot_hand.rviz").read_text())
    displays = both["Visualization Manager"]["Displays"]
    (robot,) = (display for display in displays if display["Name"] == "Robot hand")
    assert robot["Description Topic"]["Value"] == "robot_description"
    assert robot["Description Topic"]["Durability Policy"] == "Transient Local"
    displays.remove(robot)
    assert both == content


def test_what_costs_much_is_off_until_somebody_wants_it(displays):
    for name in ("Depth cloud", "Overlay"):
        assert displays[name]["Enabled"] is False
        assert displays[name]["Value"] is False


def test_view_is_from_the_cameras_side_slightly_raised_and_upright(content):
    """As rviz_default_plugins' OrbitViewController::updateCamera places its camera."""
    view = content["Visualization Manager"]["Views"]["Current"]
    assert view["Class"] == "rviz_default_plugins/Orbit"
    sign = -1.0 if view["Invert Z Axis"] else 1.0
    yaw, pitch = sign * view["Yaw"], sign * view["Pitch"]
    focal = np.array([view["Focal Point"][axis] for axis in "XYZ"], float)
    away = np.array([np.cos(yaw) * np.cos(pitch), np.sin(yaw) * np.cos(pitch), np.sin(pitch)])
    position = focal + view["Distance"] * away
    # In the optical frame y points down and z into the scene.
    assert position[2] < 0.0
    raised = np.degrees(np.arctan2(-(position - focal)[1], -(position - focal)[2]))
    assert 5.0 < raised < 30.0
    up = np.array([0.0, 0.0, sign])
    up -= (up @ away) * away
    up /= np.linalg.norm(up)
    right = np.cross(-away, up)
    assert up @ [0.0, -1.0, 0.0] > 0.9
    assert right @ [1.0, 0.0, 0.0] > 0.99
    assert 0.3 < focal[2] < 0.7


def docks(state: bytes) -> dict[str, bool]:
    """Names of the docks in a state of Qt's main window, and whether each is shown."""
    found = {}
    for match in re.finditer(rb"\xfb\x00\x00\x00(.)", state, re.DOTALL):
        start = match.end()
        name = state[start : start + match[1][0]].decode("utf-16-be")
        found[name] = bool(state[start + match[1][0]] & 1)
    return found


def test_layout_leaves_the_room_to_the_hand(content, displays):
    geometry = content["Window Geometry"]
    state = bytes.fromhex(geometry["QMainWindow State"])
    assert state[:4] == b"\x00\x00\x00\xff"
    shown = docks(state)
    panels = {panel["Name"] for panel in content["Panels"]} | {"Depth image", "Overlay"}
    assert set(shown) == panels
    # RViz switches the display of an image on and off with its dock.
    for name in ("Depth image", "Overlay"):
        assert shown[name] == displays[name]["Enabled"]
    assert not shown["Views"]
    # The last numbers before the corners: size of the middle, which is the 3D view.
    end = state.index(b"\x00\x00\x00\x04\x00\x00\x00\x04\x00\x00\x00\x08\x00\x00\x00\x08\xfc")
    width, height = (int.from_bytes(state[end - 8 + 4 * i : end - 4 + 4 * i], "big") for i in range(2))
    assert width > 0.5 * geometry["Width"]
    assert height > 0.8 * geometry["Height"]
