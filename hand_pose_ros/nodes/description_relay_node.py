"""The node ``description_relay``: gives the human hand's description to the robot_state_publisher beside it.

In: ``hand_description`` (std_msgs/String, latched; the tracker publishes it once the size of the hand is settled).
Out: the parameter ``robot_description`` of ``robot_state_publisher``, both in this node's namespace. The newest
description is offered again until it is taken, and whenever robot_state_publisher was started again: its service was
gone, or it publishes another description than was taken.
"""

from __future__ import annotations

import time
from typing import Any

from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParameters
from rclpy.client import Client
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.task import Future
from std_msgs.msg import String

from hand_pose_ros.nodes.node_help import NodePage
from hand_pose_ros.nodes.node_main import run_node
from hand_pose_ros.nodes.throttled_logger import ThrottledLogger
from hand_pose_ros.nodes.topics import DESCRIPTION_TOPIC, LATCHED_QOS, ROBOT_DESCRIPTION_TOPIC

_PAGE = NodePage(
    "description_relay",
    f"Gives {DESCRIPTION_TOPIC}, the hand's URDF of hand_tracker, to the robot_state_publisher in its namespace.",
)
_PERIOD_S = 0.5
"""How often a description that is not taken yet is offered. Guessed."""
_PATIENCE = 10
"""Offers without an answer before it is told. Guessed."""
_ANSWER_S = 2.0
"""After this time an offer is no longer waited for: who was to answer may have ended. Guessed: robot_state_publisher
reads a hand's description in some milliseconds."""


class DescriptionRelayNode(Node):
    """``pending`` is the description that is not taken yet, None when there is none."""

    def __init__(self, node_name: str = "description_relay", **node_arguments: Any) -> None:
        super().__init__(node_name, **node_arguments)
        self.pending: str | None = None
        self._description: str | None = None
        self._asked: Future | None = None
        self._asked_s = 0.0
        self._unanswered = 0
        self._throttled_logger = ThrottledLogger(self.get_logger())
        self._client: Client = self.create_client(SetParameters, "robot_state_publisher/set_parameters")
        self.create_subscription(String, DESCRIPTION_TOPIC, self._on_description, LATCHED_QOS)
        # What robot_state_publisher itself publishes: the only sign that it was restarted too quickly to be missed.
        self.create_subscription(String, ROBOT_DESCRIPTION_TOPIC, self._on_published, LATCHED_QOS)
        self.create_timer(_PERIOD_S, self._offer, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def close(self) -> None:
        """Nothing to end."""

    def _on_description(self, message: String) -> None:
        self.pending = self._description = message.data
        self._unanswered = 0
        self._offer()

    def _on_published(self, message: String) -> None:
        if self.pending is None and message.data != self._description:
            self.pending = self._description
            self._offer()

    def _offer(self) -> None:
        ready = self._client.service_is_ready()
        if not ready:  # who comes then was never told
            self.pending = self._description
        if self._asked is not None and not self._asked.done():
            if ready and time.monotonic() - self._asked_s < _ANSWER_S:
                return
            self._client.remove_pending_request(self._asked)
            if ready:
                self._throttled_logger.warn(
                    "silent", f"'{self._client.srv_name}' does not answer: asked again"
                )
        self._asked = None
        if self.pending is None:
            return
        if not ready:
            self._unanswered += 1
            if self._unanswered > _PATIENCE:
                self._throttled_logger.warn(
                    "nobody", f"nobody takes the hand's description: '{self._client.srv_name}' is not there"
                )
            return
        text = self.pending
        value = ParameterValue(type=ParameterType.PARAMETER_STRING, string_value=text)
        request = SetParameters.Request(parameters=[Parameter(name="robot_description", value=value)])
        self._asked, self._asked_s = self._client.call_async(request), time.monotonic()
        self._asked.add_done_callback(lambda future: self._on_answer(future, text))

    def _on_answer(self, future: Future, text: str) -> None:
        answer = future.result()
        results = [] if answer is None else answer.results
        if results and results[0].successful:
            if self.pending == text:
                self.pending = None
            self.get_logger().info("robot_state_publisher has the description of this hand")
            return
        reason = results[0].reason if results else "no answer"
        self._throttled_logger.warn(
            "refused", f"robot_state_publisher refuses the hand's description: {reason}"
        )


def main(arguments: list[str] | None = None) -> int:
    """Runs the node until it is interrupted."""
    return run_node(_PAGE, DescriptionRelayNode, arguments)
