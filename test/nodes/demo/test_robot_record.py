"""The figures of a robot's hand, checked against runs whose figures are known."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.hand.skeleton import JOINT_COUNT, JOINT_INDEX
from hand_pose_ros.nodes.demo.robot_frames import robot_frames
from hand_pose_ros.nodes.demo.robot_record import RobotRecord
from hand_pose_ros.nodes.demo.run_record import RunRecord, SeenHand
from hand_pose_ros.retarget.retargeter import build_retargeter
from hand_pose_ros.retarget.robot_config import read_robot, robot_file
from hand_pose_ros.visualization.overlay import OverlayFrame

MS = 1_000_000
PERIOD = 40 * MS
START = 1_000_000 * MS


def hand(gap_m: float = 0.05) -> SeenHand:
    joints = np.zeros((JOINT_COUNT, 3)) + [0.0, 0.0, 0.5]
    joints[JOINT_INDEX["thumb_tip"]] += [gap_m, 0.0, 0.0]
    return SeenHand("right", 0.9, joints, np.eye(3))


def gripper() -> RobotRecord:
    return RobotRecord(
        "panda", "right", build_retargeter(read_robot(robot_file("panda", "right")), "auto", "right")
    )


def known_run(
    frames: int = 50,
    opening: float = 0.02,
    pinch_from: int = 1000,
    lost: range = range(0),
    speed: float = 0.0,
) -> tuple[RunRecord, RobotRecord]:
    """Hands 20 ms after their images; the robot's commands 4 ms after its hands and 10 ms after each other, from the
    tenth frame on; ``speed`` m a command. The pinch begins at a frame; the hand is lost in some."""
    run, robot = RunRecord(), gripper()
    robot.add_state(START, "disengaged: not engaged")
    engaged = START + 10 * PERIOD + 21 * MS
    robot.engage_times.append(engaged)
    held = False
    for frame in range(frames):
        stamp = START + frame * PERIOD
        sent = stamp + 20 * MS
        run.add_frame(stamp)
        run.add_output(
            stamp, sent + MS, [] if frame in lost else [hand(0.013 if frame >= pinch_from else 0.05)]
        )
        robot.hands_sent[stamp] = sent
        if frame >= pinch_from:
            run.add_gestures(stamp, [], ["index pinch"])
        if frame == 10:
            robot.add_state(engaged + MS, "follow")
        if held != (frame in lost):
            held = frame in lost
            robot.add_state(sent + 3 * MS, "hold: no hand" if held else "approach")
        if frame >= 10:
            for k in range(4):
                number = 4 * (frame - 10) + k
                robot.add_command(sent + (4 + 10 * k) * MS, [opening / 2 + number * speed] * 2, [speed] * 2)
    return run, robot


def test_known_run_has_its_figures():
    run, robot = known_run()
    summary = robot.summary(run)
    assert summary["commands"] == 160
    assert summary["rate_hz"] == pytest.approx(100.0, abs=0.01)
    assert summary["latency_ms"] == {"p50": 4.0, "p95": 4.0}
    assert summary["age_ms"] == {"p50": 24.0, "p95": 24.0}
    assert summary["commands_before_engage"] == 0
    assert (summary["max_step_m"], summary["max_step_rad"]) == (0.0, None)
    assert (summary["losses"], summary["hold_frames_after_loss"]) == (0, 0)
    assert summary["pinch_gap_mm"] is None
    json.dumps(summary)


def test_held_pinch_is_measured_once_it_is_held_for_a_while():
    run, robot = known_run(opening=0.004, pinch_from=30)
    summary = robot.summary(run)
    assert summary["human_pinch_mm"] == pytest.approx(13.0)
    assert summary["pinch_gap_mm"] == pytest.approx(4.0)
    assert summary["pinch_frames"] == 15  # of twenty: 200 ms are five of 40 ms


def test_commands_before_the_operator_engaged_are_counted():
    run, robot = known_run()
    robot.engage_times[:] = [robot.command_times[7]]
    assert robot.summary(run)["commands_before_engage"] == 7
    robot.engage_times.clear()
    assert robot.summary(run)["commands_before_engage"] == 160


def test_frames_in_which_the_robot_holds_are_counted_and_have_no_latency():
    run, robot = known_run(lost=range(20, 27))
    summary = robot.summary(run)
    assert (summary["losses"], summary["hold_frames_after_loss"]) == (1, 7)
    assert summary["latency_ms"]["p95"] == 4.0


def test_largest_step_is_of_metres_for_what_slides_and_of_radians_for_what_turns():
    run, robot = known_run(opening=0.0, speed=0.0002)
    summary = robot.summary(run)
    assert summary["max_step_m"] == pytest.approx(0.0002)
    assert summary["max_step_rad"] is None
    robot.robot = replace(robot.robot, prismatic=(True, False))
    summary = robot.summary(run)
    assert summary["max_step_m"] == summary["max_step_rad"] == pytest.approx(0.0002)


def test_commands_beyond_the_limits_are_counted():
    run, robot = known_run(opening=0.0, speed=0.001)
    summary = robot.summary(run)
    assert summary["commands_outside_limits"] == 160 - 41
    robot.velocities[3][:] = 1.0
    assert robot.summary(run)["commands_over_velocity"] == 1


def test_nothing_seen_gives_figures_that_are_unknown():
    summary = gripper().summary(RunRecord())
    assert summary["commands"] == 0
    assert summary["rate_hz"] is None
    assert summary["latency_ms"] == {"p50": None, "p95": None}
    json.dumps(summary)


def test_robot_is_drawn_beside_each_frame_as_it_was_sent_by_then():
    run, robot = known_run(opening=0.0, speed=0.0002)
    camera = Camera(64, 48, 60.0, 60.0, 31.5, 23.5)
    stamps = [START, START + 20 * PERIOD, START + 45 * PERIOD]
    overlays = {
        stamp: OverlayFrame(np.full((48, 64), 0.5, np.float32), camera, [hand()], "", stamp * 1e-9)
        for stamp in stamps
    }
    frames = robot_frames(overlays, robot, run)
    np.testing.assert_array_equal(frames[0].positions, robot.robot.rest)
    assert frames[0].caption == "panda: disengaged: not engaged"
    assert frames[1].caption == "panda: follow"
    assert 0.0 < frames[1].positions[0] < frames[2].positions[0]
    pictures = [frame.draw() for frame in frames]
    assert all(picture.shape == (48, 112, 3) for picture in pictures)
    assert (pictures[1][:, :64] == pictures[2][:, :64]).all()
    assert (pictures[1][:, 64:] != pictures[2][:, 64:]).any()
    assert robot_frames({}, robot, run) == []
