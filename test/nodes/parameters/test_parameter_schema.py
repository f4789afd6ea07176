"""One parameter: what it allows, and how it is described to ROS."""

from __future__ import annotations

import pytest
import yaml

from hand_pose_ros.nodes.parameters.demo_parameters import CAMERA_PARAMETERS, WATCHER_PARAMETERS
from hand_pose_ros.nodes.parameters.parameter_schema import Parameter
from hand_pose_ros.nodes.parameters.retarget_parameters import RETARGET_PARAMETERS
from hand_pose_ros.nodes.parameters.tracker_parameters import TRACKER_PARAMETERS


@pytest.mark.parametrize(
    "value, allowed",
    [
        (0.0, True),
        (1.0, True),
        (-0.1, False),
        (1.1, False),
        (float("nan"), False),
        ("1", False),
        (True, False),
    ],
)
def test_range_is_kept(value, allowed):
    parameter = Parameter("share", 0.5, "A share.", minimum=0.0, maximum=1.0)
    assert (parameter.error(value) is None) == allowed


def test_default_outside_its_own_range_is_a_mistake():
    with pytest.raises(ValueError, match="share"):
        Parameter("share", 2.0, "A share.", minimum=0.0, maximum=1.0)


@pytest.mark.parametrize(
    "parameter, good, bad",
    [
        (Parameter("mode", "auto", "A mode.", choices=("auto", "off")), "off", "on"),
        (Parameter("places", [0.0, 1.0], "Two places."), [2.0, 3.0], [2.0]),
        (Parameter("places", [0.0, 1.0], "Two places."), [2.0, 3.0], [2.0, "3"]),
        (Parameter("count", 3, "A count.", minimum=1), 1, 0),
        (Parameter("on", True, "A switch."), False, 0),
    ],
)
def test_error_names_the_parameter_and_its_value(parameter, good, bad):
    assert parameter.error(good) is None
    error = parameter.error(bad)
    assert f"'{parameter.name}'" in error
    assert str(bad) in error


SWITCH = Parameter("rectified", "auto", "A switch.", choices=("auto", "true", "false"))
TEXT = Parameter("user", "", "A text.")
MODE = Parameter("mode", "auto", "A mode.", choices=("auto", "off"))
REAL = Parameter("limit", 1.0, "A limit.")
PLACES = Parameter("places", [0.0, 1.0], "Two places.")
COUNT = Parameter("count", 3, "A count.", minimum=1)
ON = Parameter("on", True, "A switch.")


@pytest.mark.parametrize(
    "parameter, given, value",
    [
        (SWITCH, True, "true"), (SWITCH, False, "false"), (SWITCH, "yes", "true"), (SWITCH, "No", "false"),
        (SWITCH, "ON", "true"), (SWITCH, "off", "false"), (SWITCH, "True", "true"), (SWITCH, "auto", "auto"),
        (TEXT, 7, "7"), (TEXT, 2.5, "2.5"), (TEXT, True, "yes"), (TEXT, False, "no"), (TEXT, "true", "true"),
        (TEXT, "007", "007"), (TEXT, "", ""), (MODE, False, "off"), (MODE, "off", "off"),
        (REAL, 2, 2.0), (REAL, -3, -3.0), (PLACES, [1, 2], [1.0, 2.0]), (COUNT, 2, 2), (ON, False, False),
    ],
)  # fmt: skip
def test_value_that_yaml_reads_as_another_type_is_taken_for_what_was_written(parameter, given, value):
    taken = parameter.from_ros(given)
    assert (taken, type(taken)) == (value, type(value))
    assert parameter.error(taken) is None


TABLES = (*TRACKER_PARAMETERS, *RETARGET_PARAMETERS, *CAMERA_PARAMETERS, *WATCHER_PARAMETERS)


@pytest.mark.parametrize(
    "parameter, choice", [(p, c) for p in TABLES for c in p.choices if type(p.default) is str]
)
def test_every_choice_may_be_written_in_a_file_without_quotes(parameter, choice):
    taken = parameter.from_ros(yaml.safe_load(choice))
    assert taken == choice
    assert parameter.error(taken) is None


@pytest.mark.parametrize(
    "parameter, given",
    [
        (SWITCH, 1), (SWITCH, "maybe"), (MODE, True), (MODE, 3), (REAL, True), (REAL, "2"), (COUNT, 2.5),
        (COUNT, True), (COUNT, "two"), (ON, 1), (PLACES, "ab"), (PLACES, [True, False]), (TEXT, ["a"]),
    ],
)  # fmt: skip
def test_value_that_means_nothing_is_refused_with_the_parameters_name(parameter, given):
    error = parameter.error(parameter.from_ros(given))
    assert error is not None
    assert f"'{parameter.name}'" in error


def test_rule_of_its_own_is_asked_last():
    parameter = Parameter(
        "prefix", "", "A prefix.", rule=lambda text: "begins with b" if text[:1] == "b" else None
    )
    assert parameter.error("ab") is None
    assert parameter.error("ba") == "parameter 'prefix' is 'ba': it begins with b"
    assert "want a str" in parameter.error(3)


def test_ros_descriptor_has_the_range_and_the_choices():
    real = Parameter("share", 0.5, "A share.", minimum=0.0, maximum=1.0, live=True).descriptor()
    assert (real.floating_point_range[0].from_value, real.floating_point_range[0].to_value) == (0.0, 1.0)
    assert real.additional_constraints == ""
    whole = Parameter("count", 3, "A count.", minimum=1).descriptor()
    assert (whole.integer_range[0].from_value, whole.integer_range[0].to_value) == (1, 2**63 - 1)
    text = Parameter("mode", "auto", "A mode.", choices=("auto", "off")).descriptor()
    assert "auto, off" in text.additional_constraints
    place = Parameter("place", [0, 0], "A place.", minimum=0, live=True).descriptor()
    assert place.additional_constraints == "2 numbers, at least 0"
    several = Parameter("sets", ["a"], "Which.", choices=("", "a", "b")).descriptor()
    assert several.additional_constraints == 'any of: "", a, b; read when the node configures'


def test_a_wrong_type_is_named():
    assert str(Parameter("count", 1, "A count.").error("two")).endswith("is 'two' (str), want an int")
    assert str(Parameter("share", 1.0, "A share.").error("two")).endswith("want a float")
