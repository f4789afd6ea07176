"""Joints that only follow others may stand in a robot's file, and are left to the robot's driver."""

from __future__ import annotations

import numpy as np
import pytest

from hand_pose_ros.evaluation.operator_hands import operator_hand, pinch_angles
from hand_pose_ros.hand.skeleton import ANGLE_COUNT, SIDES
from hand_pose_ros.retarget.fingertips import pinch_gap_m
from hand_pose_ros.retarget.retargeter import build_retargeter
from hand_pose_ros.retarget.robot_config import read_robot, robot_file
from hand_pose_ros.retarget.robot_description import parse_description

PANDA = """<robot name="panda"><link name="hand"/><link name="left"/><link name="right"/>
<joint name="panda_finger_joint1" type="prismatic"><parent link="hand"/><child link="left"/><axis xyz="0 1 0"/>
<limit effort="20" lower="0.0" upper="0.04" velocity="0.2"/></joint>
<joint name="panda_finger_joint2" type="prismatic"><parent link="hand"/><child link="right"/><axis xyz="0 -1 0"/>
<limit effort="20" lower="0.0" upper="0.04" velocity="0.2"/><mimic joint="panda_finger_joint1"/></joint></robot>"""


@pytest.fixture
def config(tmp_path):
    def make(text):
        path = tmp_path / "robot.yaml"
        path.write_text(text)
        return read_robot(path)

    return make


@pytest.mark.parametrize("side", SIDES)
def test_gripper_whose_second_finger_follows_the_first_is_sent_the_first(side):
    panda = read_robot(robot_file("panda", side))
    made = build_retargeter(panda, "auto", side, parse_description(PANDA, "panda.urdf"))
    assert made.engine.joint_names == ("panda_finger_joint1",)
    assert made.prismatic == (True,)
    assert made.rest.tolist() == [0.04]
    assert made.limits.velocity.tolist() == [0.05]
    alone = build_retargeter(panda, "auto", side)
    for angles in (np.zeros(ANGLE_COUNT), pinch_angles(0.05)):
        hand = operator_hand(side, angles)
        both = alone.engine.retarget(hand)
        assert made.engine.retarget(hand).tolist() == both[:1].tolist()
        gap = pinch_gap_m(made, made.engine.retarget(hand), "index")
        assert gap == pytest.approx(pinch_gap_m(alone, both, "index"))


def test_joint_of_a_file_that_follows_another_is_left_to_its_driver(config, claw, hand_with):
    text = """
direct:
  curl: {angles: {index_mcp_flexion: 1.0}}
  follow: {angles: {index_pip_flexion: 1.0}, coupled: {curl: 0.5}}
  slide: {angles: {}, coupled: {follow: 0.01}}
limits: {follow: {lower: 0.1, upper: 0.6, velocity: 0.5, acceleration: 3.0}}
rest: {follow: 0.3}
"""
    made = build_retargeter(config(text), "direct", "right", claw)
    assert made.engine.joint_names == ("curl", "slide")
    assert np.array(made.limits.lower).tolist() == [0.0, 0.0]  # follow = 0.5 curl + 0.1
    assert np.allclose(made.limits.upper, [1.0, 0.05])
    assert np.allclose(made.limits.velocity, [1.0, 0.1])
    assert np.allclose(made.limits.acceleration, [6.0, 1.0])
    made.engine.start_from(np.array([0.2, 0.01]))
    answer = made.engine.retarget(hand_with(index_mcp_flexion=0.4, index_pip_flexion=0.8))
    assert np.allclose(answer, [0.4, 0.01])


@pytest.mark.parametrize("engine", ["direct", "gripper"])
def test_joint_that_follows_one_that_the_file_does_not_name_is_told_as_such(config, claw, engine):
    text = "direct: {follow: {angles: {}}}\ngripper: {joints: {follow: [0.0, 1.0]}}"
    with pytest.raises(ValueError, match=r"joint follow only follows curl \(mimic\).*name curl"):
        build_retargeter(config(text), engine, "right", claw)


@pytest.mark.parametrize(
    "file, error",
    [
        (
            "limits: {follow: {lower: 2.5, upper: 3.0}}",
            "joint follow: lower limit 2.5 is above the upper one 2",
        ),
        ("rest: {follow: 55}", "rest.follow is 55, want within its limits 0 to 2"),
        (
            "rest: {follow: 0.5}\nlimits: {follow: {upper: 0.4}}",
            "rest.follow is 0.5, want within its limits 0 to 0.4",
        ),
        ("gripper: {joints: {curl: [0, 1], follow: [0, 3]}}", "open end of gripper.joints.follow is 3, want"),
    ],
)
def test_limits_and_places_of_a_joint_that_follows_are_refused_as_a_driven_ones(config, claw, file, error):
    direct = "" if "gripper" in file else "direct: {curl: {angles: {}}}\n"
    with pytest.raises(ValueError, match=error):
        build_retargeter(config(direct + file), "auto", "right", claw)


def test_joint_that_follows_without_limits_may_rest_anywhere(config, urdf):
    endless = urdf.replace('lower="0" upper="2" velocity="3"', "").replace(
        'name="follow" type="revolute"', 'name="follow" type="continuous"'
    )
    description = parse_description(endless, "claw.urdf")
    text = "direct: {curl: {angles: {}}}\nrest: {follow: 55}"
    assert build_retargeter(config(text), "auto", "right", description).rest.tolist() == [0.0]
