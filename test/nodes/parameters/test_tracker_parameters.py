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


def test_what_people_change_agrees_with_the_declarations():
    section = (ROOT / "docs" / "how_to" / "tune_tracking.md").read_text().split("## What people change")[1]
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


def test_file_of_all_parameters_loads_into_an_active_node_where_only_live_ones_differ(rig, fake_tracker):
    """ros2 param load /hand_tracker hand_tracker.yaml, and what sets all of them atomically."""
    node = rig(fake_tracker()).node
    present = [RosParameter(p.name, value=node.parameters[p.name]) for p in TRACKER_PARAMETERS]
    changed = [RosParameter(p.name, value=1.5) if p.name == "max_age_s" else p for p in present]
    assert [result.reason for result in node.set_parameters(present) if not result.successful] == []
    assert node.set_parameters_atomically(changed).successful
    assert node.parameters["max_age_s"] == 1.5
    changed = [RosParameter(p.name, value="left") if p.name == "side" else p for p in present]
    assert "'side'" in node.set_parameters_atomically(changed).reason
    assert node.parameters["max_age_s"] == 1.5


@pytest.mark.slow
def test_value_that_is_not_allowed_is_rejected_with_the_choices(rig, fake_tracker):
    node = rig(fake_tracker()).node
    result = node.set_parameters([RosParameter("tf_mode", value="all")])[0]
    assert not result.successful
    assert "none, root, full" in result.reason
    assert node.get_parameter("tf_mode").value == "root"


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, given, value",
    [
        ("rectified", True, "true"), ("rectified", False, "false"), ("rectified", "yes", "true"), ("user", 7, "7"),
        ("user", False, "no"), ("frame_prefix", 2, "2"), ("coast_s", 1, 1.0), ("sync_slop_s", 0, 0.0),
        ("model", True, "yes"), ("smoothing_hz", 1, 1.0),
    ],
)  # fmt: skip
def test_value_in_a_parameter_file_means_what_was_written(rig, fake_tracker, tmp_path, name, given, value):
    node = rig(fake_tracker(), user_folder=str(tmp_path), **{name: given}).node
    node.parameters.check()
    assert node.parameters[name] == value
    assert node.get_parameter(name).value == value


@pytest.mark.slow
def test_text_that_was_read_as_something_else_is_told(rig, fake_tracker, capfd):
    rig(fake_tracker(), user=7)
    assert "parameter 'user' was read as the int 7 and is taken as '7'" in capfd.readouterr().err
    rig(fake_tracker(), rectified=True, max_age_s=2)
    assert "was read as" not in capfd.readouterr().err


@pytest.mark.slow
def test_value_is_set_at_run_time_as_yaml_reads_it(rig, fake_tracker):
    """ros2 param set /hand_tracker max_age_s 2, and of a node that is not configured anything else."""
    node = rig(fake_tracker(), autostart=False).node
    given = {
        "max_age_s": 2,
        "rectified": True,
        "user": 12,
        "frame_prefix": 3,
        "coast_s": 1,
        "roi": [1, 2, 30, 40],
    }
    results = node.set_parameters([RosParameter(name, value=value) for name, value in given.items()])
    assert [result.reason for result in results if not result.successful] == []
    values = {name: node.parameters[name] for name in given}
    assert values == {"max_age_s": 2.0, "rectified": "true", "user": "12", "frame_prefix": "3", "coast_s": 1.0,
                      "roi": [1, 2, 30, 40]}  # fmt: skip
    assert isinstance(values["max_age_s"], float)
    refused = {"max_age_s": True, "hands": 1.5, "refine": 1, "rectified": 2, "tf_mode": False}
    for name, value in refused.items():
        result = node.set_parameters([RosParameter(name, value=value)])[0]
        assert not result.successful, name
        assert name in result.reason or "Wrong parameter type" in result.reason


@pytest.mark.slow
@pytest.mark.parametrize("prefix", ["/robot/", "a b", "tab\t", "line\n", "nul\0"])
def test_prefix_that_tf2_cannot_take_is_refused(rig, fake_tracker, prefix):
    node = rig(fake_tracker()).node
    result = node.set_parameters([RosParameter("frame_prefix", value=prefix)])[0]
    assert not result.successful
    assert "frame_prefix" in result.reason
    assert node.parameters["frame_prefix"] == "auto"


@pytest.mark.slow
def test_whole_number_is_welcome_for_a_real_one(rig, fake_tracker):
    """max_age_s: 1 in a YAML file."""
    node = rig(fake_tracker(), max_age_s=2).node
    assert node.parameters["max_age_s"] == 2.0
    node.parameters.check()
