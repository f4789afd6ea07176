"""The bench of retargeting measures what it says, with engines that need no other package."""

from __future__ import annotations

import numpy as np
import pytest

from hand_pose_ros.evaluation.bench_retarget import measure_robot, retarget_lines
from hand_pose_ros.evaluation.operator_hands import moving_angles, operator_hand, pinch_angles
from hand_pose_ros.evaluation.retarget_faults import FaultFigures, drive_through_faults
from hand_pose_ros.hand.skeleton import ANGLE_LIMITS, SIDES
from hand_pose_ros.retarget.retargeter import build_retargeter
from hand_pose_ros.retarget.robot_config import read_robot, robot_file


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("gap_m", [0.013, 0.05])
def test_pinch_is_as_wide_as_asked_for_and_within_what_a_hand_can_do(side, gap_m):
    angles = pinch_angles(gap_m)
    points = operator_hand(side, angles).points
    assert np.linalg.norm(points[4] - points[8]) == pytest.approx(gap_m, abs=1e-4)
    assert ((angles >= ANGLE_LIMITS[:, 0]) & (angles <= ANGLE_LIMITS[:, 1])).all()


def test_moving_hands_are_smooth_and_the_same_for_a_seed():
    times = np.arange(0.0, 5.0, 1 / 30)
    angles = moving_angles(4, times)
    assert np.array_equal(angles, moving_angles(4, times))
    assert np.abs(np.diff(angles, axis=0)).max() < 0.25


@pytest.mark.parametrize("robot, engine", [("panda", "gripper"), ("inspire", "direct")])
def test_faults_never_lead_outside_the_limits(robot, engine):
    made = build_retargeter(read_robot(robot_file(robot, "left")), engine, "left")
    figures = drive_through_faults(made, "left", 400, 3)
    assert figures.problems == []
    assert figures.losses > 0
    assert figures.commands > 900
    assert 0 < figures.most_step_rad < figures.most_engine_step_rad


def test_what_must_not_be_is_told():
    figures = FaultFigures(before_engage=2, over_velocity=1, commands_until_hold=3)
    assert figures.problems == [
        "2 commands before engage",
        "1 commands over velocity",
        "3 commands before one that holds after a loss",
    ]


def test_figures_of_a_robot_without_fingertips_leave_them_out():
    hand = operator_hand("right", moving_angles(0, np.zeros(1))[0])
    figures = measure_robot("panda", "left", "auto", 60, 0, [hand] * 30)
    assert figures.pinch_gap_mm is None
    assert [still.still_rad for still in figures.still] == [pytest.approx(0.0, abs=1e-12)] * 2
    assert figures.problems == []
    assert "panda left by gripper: 2 joints" in retarget_lines(figures)[0]
