"""The RViz configuration shows what the nodes publish."""

from __future__ import annotations

import yaml

from hand_pose_ros.nodes.parameters.demo_parameters import CAMERA_PARAMETERS
from hand_pose_ros.nodes.topics import DEPTH_TOPIC
from hand_pose_ros.resources import resource


def test_rviz_shows_depth_markers_and_frames():
    content = yaml.safe_load(resource("rviz/hand_tracker.rviz").read_text())
    manager = content["Visualization Manager"]
    displays = {display["Class"].split("/")[-1]: display for display in reversed(manager["Displays"])}
    assert displays["Image"]["Topic"]["Value"] == DEPTH_TOPIC
    assert displays["Image"]["Topic"]["Reliability Policy"] == "Best Effort"
    assert displays["DepthCloud"]["Depth Map Topic"] == DEPTH_TOPIC
    assert displays["MarkerArray"]["Topic"]["Value"] == "markers"
    assert displays["TF"]["Enabled"]
    frame_id = {parameter.name: parameter.default for parameter in CAMERA_PARAMETERS}["frame_id"]
    assert manager["Global Options"]["Fixed Frame"] == frame_id
