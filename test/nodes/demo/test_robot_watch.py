"""The demo's operator engages a robot's hand as a person does, and keeps what it is sent."""

from __future__ import annotations

import time

import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool, Header, String
from std_srvs.srv import SetBool

from hand_pose_ros.msg import HandPoseArray
from hand_pose_ros.nodes import conversions
from hand_pose_ros.nodes.demo import robot_watch
from hand_pose_ros.nodes.demo.watcher_node import WatcherNode
from hand_pose_ros.nodes.topics import LATCHED_QOS

pytestmark = pytest.mark.slow


class RobotNode:
    """Answers as hand_retarget does; the first call comes before it is active."""

    def __init__(self, context) -> None:
        self.node = rclpy.create_node("robot", context=context)
        self.calls: list[bool] = []
        self.first_button: int | None = None
        self.called_before_button = 0
        self.node.create_service(SetBool, "hand_retarget/engage", self._on_engage)
        self.node.create_subscription(Bool, "deadman", self._on_button, 10)
        self.state = self.node.create_publisher(String, "hand_retarget/state", LATCHED_QOS)
        self.commands = self.node.create_publisher(JointState, "joint_command", 10)
        self.hands = self.node.create_publisher(HandPoseArray, "hands", 10)
        self.pressed = 0

    def _on_engage(self, request, response):
        self.calls.append(request.data)
        response.success = len(self.calls) > 1
        response.message = "" if response.success else "the node is not active"
        return response

    def _on_button(self, message) -> None:
        if not self.pressed:
            self.called_before_button = len(self.calls)
        self.pressed += message.data


@pytest.fixture
def rig(monkeypatch):
    monkeypatch.setattr(robot_watch, "_TRACKED_S", 0.3)
    context = rclpy.Context()
    rclpy.init(context=context)
    overrides = [Parameter("robot", value="panda"), Parameter("side", value="right")]
    watcher = WatcherNode(context=context, parameter_overrides=overrides)
    robot = RobotNode(context)
    executor = SingleThreadedExecutor(context=context)
    for node in (watcher, robot.node):
        executor.add_node(node)

    def spin(condition=lambda: False, timeout_s=60.0, each=lambda: None) -> bool:
        end, due = time.monotonic() + timeout_s, 0.0
        while not condition() and time.monotonic() < end:
            if time.monotonic() > due:
                each()
                due = time.monotonic() + 0.03
            executor.spin_once(timeout_sec=0.01)
        return condition()

    yield watcher, robot, spin
    executor.shutdown()
    for node in (watcher, robot.node):
        node.destroy_node()
    rclpy.shutdown(context=context)


def test_operator_waits_for_the_hand_then_calls_then_holds_the_button(rig, hand):
    watcher, robot, spin = rig
    record = watcher._robot.record
    spin(timeout_s=1.0, each=lambda: send(robot, []))
    assert robot.calls == []
    assert spin(lambda: robot.pressed > 2, each=lambda: send(robot, [hand()]))
    assert robot.calls == [True, True]  # the first was answered that the node is not active
    assert robot.called_before_button == 2
    assert record.refusal == ""
    assert len(record.engage_times) == 1
    # After a loss the node asks for a new engagement.
    robot.state.publish(String(data="hold: another hand (track 2, not 1): engage again"))
    assert spin(lambda: len(record.engage_times) == 2)
    assert robot.calls == [True, True, True]


def test_hand_of_the_other_side_engages_nothing(rig, hand):
    _, robot, spin = rig
    spin(timeout_s=1.5, each=lambda: send(robot, [hand(side="left")]))
    assert robot.calls == []
    assert robot.pressed == 0


def test_commands_are_kept_with_the_time_at_which_they_were_sent(rig):
    watcher, robot, spin = rig
    record = watcher._robot.record
    assert spin(lambda: robot.commands.get_subscription_count() > 0)
    before = watcher.get_clock().now().nanoseconds
    robot.commands.publish(JointState(name=["a", "b"], position=[0.01, 0.02], velocity=[0.0, 0.1]))
    assert spin(lambda: bool(record.command_times))
    assert before <= record.command_times[0] <= watcher.get_clock().now().nanoseconds
    assert record.positions[0].tolist() == [0.01, 0.02]
    summary = record.summary(watcher.record)
    assert summary["commands"] == summary["commands_before_engage"] == 1


def send(robot: RobotNode, hands) -> None:
    header = Header(frame_id="camera", stamp=robot.node.get_clock().now().to_msg())
    robot.hands.publish(conversions.hands_message(hands, 1, header))
