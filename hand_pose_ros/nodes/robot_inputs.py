"""What the robot says of itself: where its joints are, and its description.

In: ``JointState`` on ``joint_states``, the URDF on ``robot_description`` (latched). Out: the positions that commands
start from; ValueError with one sentence where they must be known and are not.
"""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Sequence

import numpy as np
from lifecycle_msgs.msg import State
from rclpy.clock import Clock, ClockType
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import JointState
from std_msgs.msg import String

from hand_pose_ros.nodes.managed_lifecycle import ManagedNode
from hand_pose_ros.nodes.qos_overrides import SUBSCRIPTION, Endpoint, subscription_options
from hand_pose_ros.nodes.steady_clock import STEADY, SteadyClock
from hand_pose_ros.nodes.subscription_thread import Reader, SubscriptionThread
from hand_pose_ros.nodes.throttled_logger import ThrottledLogger, error_line
from hand_pose_ros.nodes.topics import LATCHED_QOS, ROBOT_DESCRIPTION_TOPIC, ROBOT_STATES_TOPIC
from hand_pose_ros.validation import shown

# Of each publisher only the newest counts. Best effort hears reliable and best-effort robots alike.
_STATES = Endpoint(
    ROBOT_STATES_TOPIC, SUBSCRIPTION, QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
)
_DESCRIPTION = Endpoint(ROBOT_DESCRIPTION_TOPIC, SUBSCRIPTION, LATCHED_QOS)
ROBOT_ENDPOINTS = (_STATES, _DESCRIPTION)
_LOOK_S = 0.5  # how often it is looked whether a description that came too late is there; guessed
_STATES_AGE_S = 1.0  # older joint states are none. Guessed: robots publish them at 10 Hz or more


class RobotInputs:
    """Listens until it is closed, by a thread of its own: robots say where they are a thousand times a second."""

    def __init__(
        self, node: ManagedNode, throttled_logger: ThrottledLogger, clock: SteadyClock = STEADY
    ) -> None:
        self._node, self._throttled_logger = node, throttled_logger
        self._now_s = clock.now_s
        self.description: str | None = None
        # Arm and hand may each publish their own joints on the one topic. Threads replace it as a whole.
        self._positions: dict[str, tuple[float, float]] = {}
        self._without_s = -math.inf  # when joints without positions came
        readers = [
            Reader(kind, subscription_options(node, endpoint, throttled_logger), callback)
            for kind, endpoint, callback in (
                (JointState, _STATES, self._on_states),
                (String, _DESCRIPTION, self._on_description),
            )
        ]
        self._thread = SubscriptionThread(node, readers, self._on_failure)
        self._late = node.create_timer(
            _LOOK_S, self._start_late, node.transitions, Clock(clock_type=ClockType.STEADY_TIME)
        )
        self._late.cancel()

    def close(self) -> None:
        """Listens no more; before the node is destroyed."""
        self._thread.close()

    def wait_for_description(self, seconds: float) -> str | None:
        """The robot's URDF, None where it does not come within so many seconds. A node that starts by itself is then
        started when it comes."""
        end = time.monotonic() + seconds
        while self.description is None and self._node.context.ok() and time.monotonic() < end:
            time.sleep(0.05)
        if self.description is None:
            self._late.reset()
        return self.description

    def start_positions(
        self, source: str, names: Sequence[str], needed: Collection[str], since_s: float = -math.inf
    ) -> np.ndarray | None:
        """Where the joints (K,) of these names stand; None for where they were sent last, at first their rest pose.

        ``source``: the parameter ``start_from``. Of those that are not ``needed``, for they are not sent, nobody has to
        say where they are: NaN. A robot that was sent on at ``since_s`` stands where it was sent last, not where it
        said to stand before.
        """
        if source == "rest":
            return None
        now_s, known = self._now_s(), self._positions
        fresh = {name: position for name, (at_s, position) in known.items() if now_s - at_s < _STATES_AGE_S}
        missing = [name for name in names if name in needed and name not in fresh]
        if not missing:
            moved_since = any(known[name][0] < since_s for name in names if name in needed)
            return None if moved_since else np.array([fresh.get(name, math.nan) for name in names])
        what = f"does not hold {shown(', '.join(missing))}" if fresh else "is silent"
        if not fresh and now_s - self._without_s < _STATES_AGE_S:
            what = "holds no positions"
        topic = self._node.resolve_topic_name(ROBOT_STATES_TOPIC)
        if source == "joint_states" or self._node.count_publishers(topic):
            raise ValueError(
                f"where the robot stands is not known: '{topic}' {what} (where nobody says: parameter start_from is"
                f" '{source}', want rest)"
            )
        self._throttled_logger.warn(
            "start",
            f"nobody publishes '{topic}': the robot is taken to stand where it was sent last, or at rest",
        )
        return None

    def _on_states(self, message: JointState, *_: object) -> None:
        now_s = self._now_s()
        if len(message.name) > len(message.position):  # which of them have one?
            self._without_s = now_s
            if message.position:  # none at all is what a robot may say
                topic = self._node.resolve_topic_name(ROBOT_STATES_TOPIC)
                count, names = len(message.position), len(message.name)
                raise ValueError(f"'{topic}' has {count} positions for {names} names, want one each")
            return
        known = {name: seen for name, seen in self._positions.items() if now_s - seen[0] < _STATES_AGE_S}
        known |= {name: (now_s, value) for name, value in zip(message.name, message.position, strict=False)}
        self._positions = known

    def _on_description(self, message: String, *_: object) -> None:
        if self.description not in (None, message.data):
            self._throttled_logger.warn(
                "description",
                f"another robot came on '{self._node.resolve_topic_name(ROBOT_DESCRIPTION_TOPIC)}': where urdf is"
                f" '{ROBOT_DESCRIPTION_TOPIC}', it is taken when this node is configured again",
            )
        self.description = message.data

    def _start_late(self) -> None:
        state = self._node.lifecycle_state
        if state in (State.PRIMARY_STATE_INACTIVE, State.PRIMARY_STATE_ACTIVE, State.PRIMARY_STATE_FINALIZED):
            self._late.cancel()  # somebody was faster
        elif state == State.PRIMARY_STATE_UNCONFIGURED and self.description is not None:
            self._late.cancel()
            self._node.autostart()

    def _on_failure(self, error: Exception) -> None:
        self._throttled_logger.error("robot", f"what the robot says was left out: {error_line(error)}")
