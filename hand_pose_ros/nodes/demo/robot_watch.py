"""The demo's operator and observer of a robot's hand: engages the node hand_retarget, and keeps what it sends.

In: commands, states and diagnostics of the node, the hands that the tracker sends. Out: calls of ``~/engage``, the
deadman's button on ``deadman``, a :class:`RobotRecord`.

The operator does what a person does: waits until the hand is tracked, switches on with the service, then holds the
button; and switches on again when the node asks for it after a loss.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool, String
from std_srvs.srv import SetBool

from hand_pose_ros.msg import HandPoseArray
from hand_pose_ros.nodes.conversions import SIDE_NAMES, stamp_ns
from hand_pose_ros.nodes.demo.heard import passing_over, with_sent_time
from hand_pose_ros.nodes.demo.robot_record import RobotRecord
from hand_pose_ros.nodes.throttled_logger import ThrottledLogger
from hand_pose_ros.nodes.topics import DEADMAN_TOPIC, JOINT_COMMAND_TOPIC, LATCHED_QOS, RELIABLE_QOS
from hand_pose_ros.retarget.retargeter import build_retargeter
from hand_pose_ros.retarget.robot_config import read_robot, robot_file

NODE = "hand_retarget"
# All of these are guessed.
_BUTTON_PERIOD_S = 0.05
_TRACKED_S = 1.0  # so long the hand is tracked before the operator engages
_PRESS_S = 0.3  # after the service has answered the button is pressed: until then nothing may move
_AGAIN_S = 0.5  # between one call of the service and the next


class RobotWatch:
    """``robot`` is a name of config/retarget or a file; ValueError or FileNotFoundError where it cannot be driven."""

    def __init__(self, node: Node, robot: str, side: str, logger: ThrottledLogger) -> None:
        self._node = node
        retargeter = build_retargeter(read_robot(robot_file(robot, side)), "auto", side)
        self.record = RobotRecord(Path(robot).stem, side, retargeter)
        self.problem: str | None = None
        """Why the robot's node cannot configure, as its diagnostics say it."""
        self._tracked_since_s: float | None = None
        self._called_s = -1e9
        self._switched_on_s: float | None = None
        self._pressed = False
        on_command = passing_over(self._on_command, node, JOINT_COMMAND_TOPIC, logger)
        node.create_subscription(JointState, JOINT_COMMAND_TOPIC, with_sent_time(node, on_command), 100)
        node.create_subscription(String, f"{NODE}/state", with_sent_time(node, self._on_state), LATCHED_QOS)
        self._button = node.create_publisher(Bool, DEADMAN_TOPIC, RELIABLE_QOS)
        self._engage: Any = node.create_client(SetBool, f"{NODE}/engage")
        node.create_timer(_BUTTON_PERIOD_S, self._operate, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def on_hands(self, message: HandPoseArray, sent_ns: int) -> None:
        """What the tracker sent, and when."""
        self.record.hands_sent.setdefault(stamp_ns(message), sent_ns)
        if all(SIDE_NAMES.get(hand.side) != self.record.side for hand in message.hands):
            self._tracked_since_s = None
        elif self._tracked_since_s is None:
            self._tracked_since_s = time.monotonic()

    def on_diagnostics(self, message: DiagnosticArray) -> None:
        """Keeps what stops the robot's node."""
        for status in message.status:
            if status.name.endswith(f"{NODE}: robot hand") and status.level == DiagnosticStatus.ERROR:
                self.problem = status.message

    def _on_command(self, message: JointState, sent_ns: int) -> None:
        self.record.add_command(sent_ns, message.position, message.velocity)

    def _on_state(self, message: String, sent_ns: int) -> None:
        self.record.add_state(sent_ns, message.data)

    def _operate(self) -> None:
        """What the operator does now."""
        now_s = time.monotonic()
        if self._switched_on_s is not None and now_s - self._switched_on_s > _PRESS_S:
            if not self._pressed:
                self.record.engage_times.append(self._node.get_clock().now().nanoseconds)
            self._pressed = True
        if self._pressed:
            self._button.publish(Bool(data=True))
        tracked = self._tracked_since_s is not None and now_s - self._tracked_since_s > _TRACKED_S
        asked = self._pressed and self.record.states and self.record.states[-1].endswith("engage again")
        wanted = (self._switched_on_s is None and tracked) or asked
        if wanted and now_s - self._called_s > _AGAIN_S and self._engage.service_is_ready():
            self._called_s = now_s
            self._engage.call_async(SetBool.Request(data=True)).add_done_callback(self._on_answer)

    def _on_answer(self, future: Any) -> None:
        answer = future.result()
        self.record.refusal = "" if answer.success else answer.message
        if not answer.success:  # its node is not active yet: asked again
            return
        if self._switched_on_s is None:
            self._switched_on_s = time.monotonic()
        elif self._pressed:
            self.record.engage_times.append(self._node.get_clock().now().nanoseconds)
