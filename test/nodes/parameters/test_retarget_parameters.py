"""The parameters of hand_retarget: one table, repeated in the file that is shipped and in the documentation."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

pytest.importorskip("rclpy", reason="needs ROS 2: source tools/environment.sh")

from hand_pose_ros.nodes.parameters.retarget_parameters import RETARGET_PARAMETERS

ROOT = Path(__file__).resolve().parents[3]


def test_shipped_yaml_agrees_with_the_declarations():
    content = yaml.safe_load((ROOT / "config" / "hand_retarget.yaml").read_text())
    assert content["/**"]["ros__parameters"] == {p.name: p.default for p in RETARGET_PARAMETERS}


def test_documentation_names_every_parameter_with_its_default():
    text = (ROOT / "docs" / "reference" / "parameters.md").read_text()
    section = text.split("## hand_retarget")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (\S+) \|", section, re.MULTILINE)
    documented = {name: yaml.safe_load(default.strip("`")) for name, default in rows}
    assert documented == {p.name: p.default for p in RETARGET_PARAMETERS}
