"""One parameter: what it allows, and how it is described to ROS."""

from __future__ import annotations

import pytest

from hand_pose_ros.nodes.parameters.parameter_schema import Parameter


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


def test_ros_descriptor_has_the_range_and_the_choices():
    real = Parameter("share", 0.5, "A share.", minimum=0.0, maximum=1.0, live=True).descriptor()
    assert (real.floating_point_range[0].from_value, real.floating_point_range[0].to_value) == (0.0, 1.0)
    assert real.additional_constraints == ""
    whole = Parameter("count", 3, "A count.", minimum=1).descriptor()
    assert (whole.integer_range[0].from_value, whole.integer_range[0].to_value) == (1, 2**63 - 1)
    text = Parameter("mode", "auto", "A mode.", choices=("auto", "off")).descriptor()
    assert "auto, off" in text.additional_constraints
