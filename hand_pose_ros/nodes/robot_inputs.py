"""What the robot says of itself: where its joints are, and its description.

In: ``JointState`` on ``joint_states``, the URDF on ``robot_description`` (latched). Out: the positions that commands
start from; ValueError with one sentence where they must be known and are not.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import JointState
from std_msgs.msg import String

from hand_pose_ros.nodes.qos_overrides import SUBSCRIPTION, Endpoint, subscription_options
from hand_pose_ros.nodes.throttled_logger import ThrottledLogger
from hand_pose_ros.nodes.topics import LATCHED_QOS, ROBOT_DESCRIPTION_TOPIC, ROBOT_STATES_TOPIC

# Only the newest counts. Best effort hears reliable and best-effort robots alike.
_STATES = Endpoint(
    ROBOT_STATES_TOPIC, SUBSCRIPTION, QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
)
_DESCRIPTION = Endpoint(ROBOT_DESCRIPTION_TOPIC, SUBSCRIPTION, LATCHED_QOS)
ROBOT_ENDPOINTS = (_STATES, _DESCRIPTION)
_STATES_AGE_S = 1.0  # older joint states are none. Guessed: robots publish them at 10 Hz or more


class RobotInputs:
    """Listens while the node lives."""

    def __init__(self, node: Node, throttled_logger: ThrottledLogger) -> None:
        self._node, self._throttled_logger = node, throttled_logger
        self.description: str | None = None
        self._states: tuple[float, JointState] | None = None
        group = ReentrantCallbackGroup()  # heard while the node configures
        for kind, endpoint, callback in (
            (JointState, _STATES, self._on_states),
            (String, _DESCRIPTION, self._on_description),
        ):
            options = subscription_options(node, endpoint, throttled_logger)
            node.create_subscription(kind, callback=callback, callback_group=group, **options)

    def start_positions(self, source: str, names: Sequence[str]) -> np.ndarray | None:
        """Where the joints (K,) of these names stand; None for where they were sent last, at first their rest pose.

        ``source``: the parameter ``start_from``.
        """
        if source == "rest":
            return None
        states = self._states
        if states is not None and time.monotonic() - states[0] < _STATES_AGE_S:
            positions = positions_from(states[1], names)
            if positions is not None:
                return positions
            missing = [name for name in names if name not in states[1].name]
            what = f"does not hold {', '.join(missing)}" if missing else "holds fewer positions than names"
        else:
            what = "is silent"
        topic = self._node.resolve_topic_name(ROBOT_STATES_TOPIC)
        if source == "joint_states" or self._node.count_publishers(topic):
            raise ValueError(f"where the robot stands is not known: '{topic}' {what}")
        self._throttled_logger.warn(
            "start",
            f"nobody publishes '{topic}': the robot is taken to stand where it was sent last, or at rest",
        )
        return None

    def _on_states(self, message: JointState) -> None:
        self._states = time.monotonic(), message

    def _on_description(self, message: String) -> None:
        self.description = message.data


def positions_from(state: JointState, names: Sequence[str]) -> np.ndarray | None:
    """The positions (K,) of these joints in a message, None where it does not hold all of them."""
    if len(state.name) > len(state.position):
        return None
    of_name = dict(zip(state.name, state.position, strict=False))
    if any(name not in of_name for name in names):
        return None
    return np.array([of_name[name] for name in names])
