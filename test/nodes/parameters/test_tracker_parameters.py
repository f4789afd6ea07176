"""Every parameter is declared once, with a description and what is allowed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from rclpy.parameter import Parameter as RosParameter

from hand_pose_ros.nodes.parameters.demo_parameters import CAMERA_PARAMETERS, WATCHER_PARAMETERS
from hand_pose_ros.nodes.parameters.tracker_parameters import TRACKER_PARAMETERS

ROOT = Path(__file__).resolve().parents[3]


def test_shipped_yaml_agrees_with_the_declarations():
    content = yaml.safe_load((ROOT / "config" / "hand_tracker.yaml").read_text())
    assert list(content) == ["/**"]
    written = content["/**"]["ros__parameters"]
    assert written == {parameter.name: parameter.default for parameter in TRACKER_PARAMETERS}
    for parameter in TRACKER_PARAMETERS:
        assert type(written[parameter.name]) is type(parameter.default), parameter.name


def test_readme_agrees_with_the_declarations():
    section = (ROOT / "README.md").read_text().split("### Parameters")[1]
    rows = re.findall(r"^\| `(\w+)` \| (\S+) \|", section, re.MULTILINE)
    documented = {name: yaml.safe_load(default.strip("`")) for name, default in rows}
    defaults = {parameter.name: parameter.default for parameter in TRACKER_PARAMETERS}
    assert len(documented) >= 8
    assert documented == {name: defaults[name] for name in documented}


@pytest.mark.parametrize("table", [TRACKER_PARAMETERS, CAMERA_PARAMETERS, WATCHER_PARAMETERS])
def test_tables_are_complete(table):
    assert len({parameter.name for parameter in table}) == len(table)
    for parameter in table:
        assert parameter.description.endswith("."), parameter.name
        if type(parameter.default) in (int, float):
            assert parameter.minimum is not None, f"{parameter.name} has no range"


@pytest.mark.slow
def test_declared_parameters_can_be_described(rig, fake_tracker):
    node = rig(fake_tracker()).node
    for parameter in TRACKER_PARAMETERS:
        descriptor = node.describe_parameter(parameter.name)
        assert descriptor.description == parameter.description
        for choice in parameter.choices:
            assert choice in descriptor.additional_constraints


def test_live_parameter_takes_effect_at_once(rig, fake_tracker, hand):
    bench = rig(fake_tracker((hand(),)), tf_mode="none")
    bench.connect()
    bench.send()
    assert bench.wait_for_answers(1)
    assert not bench.received["/tf"]
    assert bench.node.set_parameters([RosParameter("tf_mode", value="root")])[0].successful
    bench.send()
    assert bench.spin_until(lambda: bench.received["/tf"])


def test_parameter_of_the_model_is_locked_while_configured(rig, fake_tracker):
    node = rig(fake_tracker()).node
    result = node.set_parameters([RosParameter("side", value="left")])[0]
    assert not result.successful
    assert "'side'" in result.reason
    node.trigger_deactivate()
    node.trigger_cleanup()
    assert node.set_parameters([RosParameter("side", value="left")])[0].successful


@pytest.mark.slow
def test_value_that_is_not_allowed_is_rejected_with_the_choices(rig, fake_tracker):
    node = rig(fake_tracker()).node
    result = node.set_parameters([RosParameter("tf_mode", value="all")])[0]
    assert not result.successful
    assert "none, root, full" in result.reason
    assert node.get_parameter("tf_mode").value == "root"


def test_whole_number_is_welcome_for_a_real_one(rig, fake_tracker):
    """max_age_s: 1 in a YAML file."""
    node = rig(fake_tracker(), max_age_s=2).node
    assert node.parameters["max_age_s"] == 2.0
    node.parameters.check()
