"""A robot's commands as bytes are the messages that rclpy would have made, whatever the numbers are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rclpy.serialization import deserialize_message

from hand_pose_ros.nodes.robot_commands import CommandMessages
from hand_pose_ros.retarget.safety import JointCommand

NAMES = ("curl", "joint_12.0", "slide")
numbers = st.lists(st.floats(-1e6, 1e6), min_size=6, max_size=6)


def made(output="joint_state", joints="", degrees=False, names=NAMES, prefix=""):
    return CommandMessages(output, names, (False, False, True)[: len(names)], prefix, joints, degrees, 0.01)


def read(messages: CommandMessages, positions, velocities, stamp_ns=0):
    command = JointCommand(np.array(positions), np.array(velocities))
    return deserialize_message(messages.serialized(command, stamp_ns), messages.kind)


@given(values=numbers, stamp_ns=st.integers(0, 2**31 * 10**9 - 1), prefix=st.text("äb_/", max_size=5))
@settings(max_examples=60)
def test_joint_states_have_the_numbers_names_and_stamp(values, stamp_ns, prefix):
    found = read(made(prefix=prefix), values[:3], values[3:], stamp_ns)
    assert found.name == [prefix + name for name in NAMES]
    assert (list(found.position), list(found.velocity), list(found.effort)) == (values[:3], values[3:], [])
    assert found.header.stamp.sec * 10**9 + found.header.stamp.nanosec == stamp_ns


@given(
    first=numbers, then=numbers, output=st.sampled_from(["joint_state", "position_array", "joint_trajectory"])
)
@settings(max_examples=60)
def test_no_command_keeps_anything_of_the_one_before(first, then, output):
    messages = made(output)
    read(messages, first[:3], first[3:])
    assert read(messages, then[:3], then[3:], 5) == read(made(output), then[:3], then[3:], 5)


@given(values=numbers, order=st.permutations(range(3)), count=st.integers(1, 3))
def test_arrays_have_the_drivers_order(values, order, count):
    chosen = list(order)[:count]
    messages = made("position_array", ", ".join(NAMES[i] for i in chosen))
    found = read(messages, values[:3], values[3:])
    assert list(found.data) == [values[i] for i in chosen]
    (dimension,) = found.layout.dim
    assert (dimension.label, dimension.size, dimension.stride) == (
        ",".join(NAMES[i] for i in chosen),
        count,
        count,
    )


@given(values=numbers)
def test_degrees_are_of_joints_that_turn(values):
    found = read(made(degrees=True), values[:3], values[3:])
    assert list(found.position) == pytest.approx([*np.degrees(values[:2]), values[2]])
    assert list(found.velocity) == pytest.approx([*np.degrees(values[3:5]), values[5]])


@given(values=numbers, stamp_ns=st.integers(0, 10**18))
def test_trajectories_are_to_begin_at_once_and_reach_their_point_a_period_later(values, stamp_ns):
    found = read(made("joint_trajectory"), values[:3], values[3:], stamp_ns)
    assert (found.header.stamp.sec, found.header.stamp.nanosec) == (0, 0)
    (point,) = found.points
    # joint_trajectory_controller refuses a point that moves on at the end of a trajectory.
    assert (list(point.positions), list(point.velocities)) == (values[:3], [])
    assert (point.time_from_start.sec, point.time_from_start.nanosec) == (0, 10_000_000)
    assert list(found.joint_names) == list(NAMES)


def test_one_joint_is_enough():
    assert list(read(made(names=("only",)), [0.25], [0.5]).position) == [0.25]


@pytest.mark.parametrize(
    "joints, error",
    [
        ("a, b,", "parameter 'joints' is 'a, b,', want one comma between names: .* place 3 of 3"),
        (",", "parameter 'joints' is ',', want one comma between names: .* place 1 of 2"),
        ("a,,b", "parameter 'joints' is 'a,,b', want one comma between names: .* place 2 of 3"),
        ("a, b, a", "parameter 'joints' names a twice, want of a, b"),
        ("a, z", "parameter 'joints' names z which the robot has not, want of a, b"),
    ],
)
def test_name_that_cannot_be_commanded_is_told(joints, error):
    with pytest.raises(ValueError, match=error):
        made(joints=joints, names=("a", "b"))


def test_joint_that_only_follows_another_is_told_as_such():
    with pytest.raises(
        ValueError, match=r"'joints' names rh_b, which only follows rh_a in the URDF \(mimic\)"
    ):
        CommandMessages("joint_state", ("a",), (False,), "rh_", "rh_a,rh_b", False, 0.01, leaders={"b": "a"})
