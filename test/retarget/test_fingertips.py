"""Whether a robot's fingertips lie as those of a hand of its side."""

from __future__ import annotations

import numpy as np
import pytest

from hand_pose_ros.evaluation.operator_hands import operator_hand
from hand_pose_ros.hand.skeleton import ANGLE_COUNT, SIDES
from hand_pose_ros.retarget.fingertips import turn_rad
from hand_pose_ros.retarget.retargeter import build_retargeter
from hand_pose_ros.retarget.robot_config import read_robot
from hand_pose_ros.retarget.robot_description import parse_description

FINGER = """<link name="f{0}"/><link name="t{0}"/>
<joint name="j{0}" type="revolute"><parent link="wrist"/><child link="f{0}"/><axis xyz="0 1 0"/>
<limit lower="{2}" upper="1.6" velocity="3" effort="1"/></joint>
<joint name="e{0}" type="fixed"><parent link="f{0}"/><child link="t{0}"/><origin xyz="{1}"/></joint>"""


@pytest.fixture
def robot(tmp_path):
    """robot(side, turn): a robot's hand with the fingertips of a person's, turned by roll, pitch and yaw (rad)."""

    def make(side="right", turn="0 0 0", count=5, lower=-0.1, size=1.3):
        points = operator_hand(side, np.zeros(ANGLE_COUNT)).points
        places = [" ".join(map(str, size * place)) for place in (points[4::4] - points[0])[:count]]
        fingers = "".join(FINGER.format(number, place, lower) for number, place in enumerate(places))
        text = f"""<robot name="r"><link name="base"/><link name="wrist"/>{fingers}
            <joint name="mount" type="fixed"><parent link="base"/><child link="wrist"/>
            <origin xyz="0 0 0.3" rpy="{turn}"/></joint></robot>"""
        direct = "".join(f"  j{number}: {{angles: {{index_mcp_flexion: 1.0}}}}\n" for number in range(count))
        tips = ", ".join(f"t{number}" for number in range(count))
        path = tmp_path / "robot.yaml"
        path.write_text(
            f"direct:\n{direct}retargeting: {{type: dexpilot, wrist_link_name: wrist, finger_tip_link_names: [{tips}]}}"
        )
        return build_retargeter(read_robot(path), "direct", side, parse_description(text, "r.urdf"))

    return make


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("count", [3, 4, 5])
@pytest.mark.parametrize(
    "turn, degrees",
    [("0 0 0", 0), ("1.5708 0 0", 90), ("0 -1.5708 0", 90), ("0 0 3.1416", 180), ("0.5 0 0", 29)],
)
def test_turn_is_that_of_the_axes(robot, side, count, turn, degrees):
    assert np.degrees(turn_rad(robot(side, turn, count), side)) == pytest.approx(degrees, abs=2.0)


@pytest.mark.parametrize("side, other", [SIDES, SIDES[::-1]])
def test_hand_of_the_other_side_is_turned_far(robot, side, other):
    assert np.degrees(turn_rad(robot(side), other)) > 120.0


def test_of_two_fingers_nothing_is_known(robot, claw, tmp_path):
    assert turn_rad(robot(count=2), "right") is None
    (tmp_path / "claw.yaml").write_text("direct: {curl: {angles: {index_mcp_flexion: 1.0}}}")
    made = build_retargeter(read_robot(tmp_path / "claw.yaml"), "direct", "right", claw)
    assert turn_rad(made, "right") is None


def test_tips_at_the_wrist_are_in_no_direction(robot):
    assert turn_rad(robot(size=0.0), "right") is None
