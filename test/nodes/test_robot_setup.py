"""Parameters and a robot's file become a commander that engages what the file allows."""

from __future__ import annotations

import math

import pytest

rclpy = pytest.importorskip("rclpy", reason="needs ROS 2: source tools/environment.sh")

from hand_pose_ros.nodes import robot_setup
from hand_pose_ros.nodes.parameters.retarget_parameters import RETARGET_PARAMETERS
from hand_pose_ros.nodes.robot_setup import build_commander, remarks
from hand_pose_ros.retarget.retargeter import build_retargeter
from hand_pose_ros.retarget.robot_config import read_robot
from hand_pose_ros.retarget.robot_description import parse_description

URDF = """<robot name="r"><link name="base"/><link name="a"/>
<joint name="j" type="revolute"><parent link="base"/><child link="a"/><axis xyz="0 1 0"/>
<limit lower="0" upper="1.5" velocity="{}" effort="1"/></joint></robot>"""

PARAMETERS = {parameter.name: parameter.default for parameter in RETARGET_PARAMETERS}


@pytest.mark.parametrize("velocity_scale", [0.1, 1.0])
@pytest.mark.parametrize("velocity, stands, too_far", [(1.0, 0.0035, 0.03), (0.1, 0.0015, 0.003)])
def test_locked_joint_without_a_urdf_may_have_an_encoders_noise(
    tmp_path, velocity, stands, too_far, velocity_scale
):
    path = tmp_path / "robot.yaml"
    path.write_text(
        f"direct: {{wrist: {{angles: {{}}}}}}\nrest: {{wrist: 0.3}}\n"
        f"limits: {{wrist: {{lower: 0.3, upper: 0.3, velocity: {velocity}}}}}"
    )
    robot = build_retargeter(read_robot(path), "direct", "right")
    parameters = PARAMETERS | {"velocity_scale": velocity_scale}
    build_commander(parameters, robot, ["wrist"], ["wrist"]).engage([0.3 + stands], 0.0)
    with pytest.raises(ValueError, match="joint wrist stands at"):
        build_commander(parameters, robot, ["wrist"], ["wrist"]).engage([0.3 + too_far], 0.0)


@pytest.mark.parametrize(
    "velocity, degrees, told",
    [
        (3.0, None, []),
        (3.0, 50.0, []),
        (0.5, 10.0, ["joint j takes 3.0 s"]),
        (3.0, 90.0, ["those of a right hand that is turned by 90 degrees: its root link base wants"]),
        (0.5, 170.0, ["joint j takes 3.0 s", "turned by 170 degrees"]),
    ],
)
def test_what_a_user_may_not_have_meant_is_told(tmp_path, monkeypatch, velocity, degrees, told):
    turn = None if degrees is None else math.radians(degrees)
    monkeypatch.setattr(robot_setup, "turn_rad", lambda robot, side: turn)
    path = tmp_path / "robot.yaml"
    path.write_text("direct: {j: {angles: {index_mcp_flexion: 1.0}}}")
    robot = build_retargeter(
        read_robot(path), "direct", "right", parse_description(URDF.format(velocity), "r.urdf")
    )
    found = remarks(PARAMETERS, robot, ["j"], ["j"])
    assert len(found) == len(told)
    assert all(part in remark for part, remark in zip(told, found, strict=True))


HAND = """<robot name="h"><link name="w"/>{}</robot>"""
FINGER = """<link name="f{0}"/><link name="t{0}"/>
<joint name="j{0}" type="{kind}"><parent link="w"/><child link="f{0}"/><axis xyz="0 1 0"/>
<limit lower="0" upper="{upper}" velocity="9" effort="1"/></joint>
<joint name="e{0}" type="fixed"><parent link="f{0}"/><child link="t{0}"/><origin xyz="0 {y} {z}"/></joint>"""


@pytest.mark.parametrize(
    "kind, upper, size, told",
    [
        ("revolute", 1.5, 1.0, []),
        ("revolute", 6.2832, 1.0, []),
        ("revolute", 90, 1.0, ["joint j0 turns by 90 rad: limits are in radians, and these may be degrees"]),
        ("revolute", 1e9, 1.0, []),
        ("prismatic", 90, 1.0, []),
        ("revolute", 1.5, 1000.0, ["is 122 m from the wrist: a URDF is in metres"]),
    ],
)
def test_other_units_are_told(tmp_path, kind, upper, size, told):
    fingers = "".join(
        FINGER.format(number, kind=kind, upper=upper, y=0.02 * number * size, z=0.12 * size)
        for number in range(2)
    )
    path = tmp_path / "robot.yaml"
    path.write_text(
        "direct: {j0: {angles: {index_mcp_flexion: 1.0}}, j1: {angles: {middle_mcp_flexion: 1.0}}}\n"
        "retargeting: {type: dexpilot, wrist_link_name: w, finger_tip_link_names: [t0, t1]}"
    )
    description = parse_description(HAND.format(fingers), "h.urdf")
    robot = build_retargeter(read_robot(path), "direct", "right", description)
    found = [
        remark for remark in remarks(PARAMETERS, robot, ["j0", "j1"], ["j0", "j1"]) if " takes " not in remark
    ]
    assert len(found) == len(told)
    assert all(part in remark for part, remark in zip(told, found, strict=True))
