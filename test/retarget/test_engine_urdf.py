"""What packages of optimisers read is what this package has read: axes, ranges, what follows what."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest

from hand_pose_ros.retarget.engine_urdf import engine_urdf, with_ranges, without_followers
from hand_pose_ros.retarget.robot_description import parse_description


def joints_of(text) -> dict[str, ElementTree.Element]:
    return {joint.get("name"): joint for joint in ElementTree.fromstring(text).findall("joint")}


def test_engines_get_no_meshes(claw):
    assert "mesh" not in engine_urdf(claw)
    assert parse_description(engine_urdf(claw), "again").links == claw.links


@pytest.mark.parametrize(
    "axis, wanted", [("0 0 2", "0.0 0.0 1.0"), ("0 -0.5 0", "-0.0 -1.0 0.0"), ("0 3 4", "0.0 0.6 0.8")]
)
def test_axes_are_of_length_1(urdf, axis, wanted):
    text = engine_urdf(parse_description(urdf.replace('axis xyz="0 0 2"', f'axis xyz="{axis}"'), "claw"))
    written = joints_of(text)["slide"].find("axis").get("xyz").split()
    assert [float(value) for value in written] == [float(value) for value in wanted.split()]


@pytest.mark.parametrize("limit", ["", '<limit velocity="1" effort="2"/>', '<limit lower="-9" upper="9"/>'])
@pytest.mark.parametrize("kind", ["revolute", "continuous", "prismatic"])
def test_ranges_of_a_file_are_written_down(urdf, kind, limit):
    own = '<limit lower="-0.2" upper="1.5" velocity="3" effort="1"/>'
    changed = urdf.replace(own, limit).replace('"curl" type="revolute"', f'"curl" type="{kind}"')
    description = with_ranges(parse_description(changed, "claw"), {"curl": (-0.1, 0.75)})
    joint = joints_of(engine_urdf(description))["curl"]
    (written,) = joint.findall("limit")
    assert (float(written.get("lower")), float(written.get("upper"))) == (-0.1, 0.75)
    assert {"velocity", "effort"} <= set(written.keys())
    assert joint.get("type") == ("prismatic" if kind == "prismatic" else "revolute")
    again = parse_description(engine_urdf(description), "again")
    assert (again.moving["curl"].lower, again.moving["curl"].upper) == (-0.1, 0.75)


def test_range_that_nobody_knows_is_left_as_it_is(urdf):
    changed = urdf.replace('lower="-0.2" upper="1.5" ', "").replace(
        '"curl" type="revolute"', '"curl" type="continuous"'
    )
    joint = joints_of(engine_urdf(parse_description(changed, "claw")))["curl"]
    assert joint.get("type") == "continuous"
    assert joint.find("limit").get("lower") is None


def test_joints_that_are_to_follow_none_follow_none(claw, urdf):
    alone = without_followers(claw)
    assert set(alone.moving) == {"curl", "follow", "slide"}
    assert "mimic" not in engine_urdf(alone)
    fixed = parse_description(urdf.replace('"follow" type="revolute"', '"follow" type="fixed"'), "claw")
    assert "mimic" not in engine_urdf(fixed)
