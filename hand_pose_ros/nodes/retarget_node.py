"""The lifecycle node ``hand_retarget``: hands in, the commands of a robot's hand out, within its limits.

Hands, the deadman's button and commands have threads of their own, so that a slow engine holds up neither of the other
two, nor the executor any of them. What happens while it is active is in ``robot_driver``. Nothing is sent before the
service ``~/engage`` (or the deadman's button) asks for it.
"""

from __future__ import annotations

import gc
import sys
import time
from typing import Any

from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from rclpy.qos import QoSProfile, ReliabilityPolicy
from std_msgs.msg import Bool, String
from std_srvs.srv import SetBool

from hand_pose_ros.msg import HandPoseArray
from hand_pose_ros.nodes.command_loop import CommandLoop
from hand_pose_ros.nodes.hand_bytes import read_hands, read_stamp_ns
from hand_pose_ros.nodes.managed_lifecycle import ManagedNode, run_managed_node
from hand_pose_ros.nodes.node_main import of_a_living_node, publish_if_alive
from hand_pose_ros.nodes.parameters.retarget_parameters import RETARGET_PAGE, RETARGET_PARAMETERS
from hand_pose_ros.nodes.qos_overrides import (
    PUBLISHER,
    SUBSCRIPTION,
    Endpoint,
    publisher_options,
    subscription_options,
)
from hand_pose_ros.nodes.retarget_statistics import RetargetStatistics, RetargetStatus, retarget_diagnostics
from hand_pose_ros.nodes.robot_commands import COMMAND_ENDPOINTS, CommandMessages
from hand_pose_ros.nodes.robot_driver import NOTHING, RobotDriver
from hand_pose_ros.nodes.robot_inputs import ROBOT_ENDPOINTS, RobotInputs
from hand_pose_ros.nodes.robot_setup import build_commander, build_gate, build_robot, remarks
from hand_pose_ros.nodes.several_publishers import SeveralPublishers
from hand_pose_ros.nodes.steady_clock import STEADY, SteadyClock
from hand_pose_ros.nodes.subscription_thread import Reader, SubscriptionThread
from hand_pose_ros.nodes.throttled_logger import error_line
from hand_pose_ros.nodes.topics import DEADMAN_TOPIC, HANDS_TOPIC, LATCHED_QOS
from hand_pose_ros.retarget.driven_joints import leaders
from hand_pose_ros.retarget.engagement import Engagement
from hand_pose_ros.retarget.retargeter import Retargeter
from hand_pose_ros.retarget.safety import SafetyState

# Only the newest counts. Best effort hears reliable and best-effort buttons alike.
_HANDS = Endpoint(HANDS_TOPIC, SUBSCRIPTION, QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE))
_DEADMAN = Endpoint(
    DEADMAN_TOPIC, SUBSCRIPTION, QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
)
_STATE = Endpoint("~/state", PUBLISHER, LATCHED_QOS)
_ENDPOINTS = (_HANDS, _DEADMAN, *ROBOT_ENDPOINTS, *COMMAND_ENDPOINTS.values(), _STATE)
_SWITCH_S = 0.0005  # a thread that computes lets others run: Python's 5 ms are a command's latency; guessed
_THREADS = 2  # a transition, everything else


class HandRetargetNode(ManagedNode):
    """One robot's hand."""

    def __init__(
        self, node_name: str = "hand_retarget", steady: SteadyClock = STEADY, **node_arguments: Any
    ) -> None:
        super().__init__(node_name, **node_arguments)
        self._steady, self.statistics = steady, RetargetStatistics(steady)
        self._declare(RETARGET_PARAMETERS, _ENDPOINTS)
        self._retargeter: Retargeter | None = None
        self._messages: CommandMessages | None = None
        self._driver: RobotDriver | None = None
        self._before = NOTHING
        self._commands: Any = None
        self._loop: CommandLoop | None = None
        self._hands: SubscriptionThread | None = None
        self._button: SubscriptionThread | None = None
        self._state = self.create_publisher(String, **publisher_options(self, _STATE, self.throttled_logger))
        self._publish_state(SafetyState.DISENGAGED, "not active")
        self._trackers = SeveralPublishers(self, self.resolve_topic_name(HANDS_TOPIC))
        self._robot_inputs = RobotInputs(self, self.throttled_logger, steady)
        self.create_service(SetBool, "~/engage", self._on_engage)
        self._begin_diagnostics(self._publish_diagnostics)

    @of_a_living_node
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Checks the parameters and builds the engine. Fails with one message when something is wrong."""
        self._configure_error, self.parameters.locked = None, True
        try:
            self.parameters.check()
            robot = build_robot(self.parameters, self._robot_inputs.wait_for_description)
            self._messages = CommandMessages(
                self.parameters["output"], robot.engine.joint_names, robot.prismatic, self.parameters["joint_prefix"],
                self.parameters["joints"], self.parameters["degrees"], 1.0 / self.parameters["command_rate_hz"],
                leaders(robot.description),
            )  # fmt: skip
            endpoint = COMMAND_ENDPOINTS[self.parameters["output"]]
            options = publisher_options(self, endpoint, self.throttled_logger)
            self._commands = self.create_lifecycle_publisher(self._messages.kind, **options)
            self._retargeter = robot
            result = super().on_configure(state)
        except Exception as error:  # noqa: BLE001  whatever it is, it is told, and the node stays to be configured again
            self._retargeter = None
            return self._refuse_to_configure(error)
        return result

    @of_a_living_node
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Listens to hands; nothing is sent before it is engaged."""
        result = super().on_activate(state)
        assert self._retargeter is not None
        assert self._messages is not None
        self.throttled_logger.reset()
        parameters, names, sent = self.parameters, self._messages.all_names, self._messages.names
        self._driver = RobotDriver(
            self._retargeter, build_gate(parameters),
            Engagement(
                parameters["deadman"], parameters["deadman_timeout_s"], self._before.stopped, self._before.heard
            ),
            build_commander(parameters, self._retargeter, names, sent), self.statistics, self.throttled_logger,
            lambda since_s: self._robot_inputs.start_positions(parameters["start_from"], names, sent, since_s),
            self._send, self._publish_state, self._steady, self._before,
        )  # fmt: skip
        # As the tracker's worker does: a full collection would hold up seven commands in a row.
        gc.collect()
        gc.freeze()
        period_s = 1.0 / parameters["command_rate_hz"]
        self._loop = CommandLoop(period_s, self._driver.tick, self._on_failure, self._steady)
        hands = subscription_options(self, _HANDS, self.throttled_logger)
        reader = Reader(HandPoseArray, {**hands, "raw": True}, self._on_hands)
        self._hands = SubscriptionThread(self, [reader], self._on_failure)
        if parameters["deadman"] != "off":
            button = subscription_options(self, _DEADMAN, self.throttled_logger)
            # A thread beside that of the hands: an engine that hangs must not hold up a button that is let go.
            self._button = SubscriptionThread(
                self, [Reader(Bool, button, self._on_deadman)], self._on_failure
            )
        self.get_logger().info(
            f"'{parameters['robot']}' ({parameters['side']}) by {self._retargeter.engine.name}, commands on"
            f" '{self._commands.topic_name}': engage with '{self.get_fully_qualified_name()}/engage'"
        )
        for remark in remarks(parameters, self._retargeter, names, sent):
            self.get_logger().warning(remark)
        return result

    @of_a_living_node
    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Nothing is sent any more."""
        self.close()
        return super().on_deactivate(state)

    @of_a_living_node
    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Forgets the robot; parameters may change again."""
        self.close()
        if self._commands is not None:
            self.destroy_lifecycle_publisher(self._commands)
        self._commands = self._retargeter = None
        self.parameters.locked = False
        return super().on_cleanup(state)

    def close(self) -> None:
        """Stops sending; before destroy_node, in whatever state."""
        driver, self._driver = self._driver, None
        if driver is not None:
            self._before = driver.close(brakes=self.context.ok())
            gc.unfreeze()
        ending = self._loop, self._button, self._hands
        self._loop = self._button = self._hands = None
        for thread in ending:
            if thread is not None:
                thread.close()

    def destroy_node(self) -> None:
        """Ends what listens in every state."""
        self._robot_inputs.close()
        super().destroy_node()

    def _others(self) -> str:
        """Who else sends the robot commands, and whether several send hands, in words; empty where nobody does."""
        several = self._trackers.report(self._steady.now_s())
        faults = [] if several is None else [f"{several}: end all but one, or remap"]
        count = 0 if self._commands is None else self.count_publishers(self._commands.topic_name) - 1
        if count > 0:
            topic = self._commands.topic_name
            faults.append(f"{count} more publish '{topic}': right only where they move other joints")
        return "; ".join(faults)

    def _on_hands(self, message: bytes, sent_ns: int, received_ns: int, sender: bytes) -> None:
        driver, loop = self._driver, self._loop
        if driver is None or loop is None:
            return
        self._trackers.saw(sender, self._steady.now_s())
        if driver.on_hands(read_hands(message), sender, read_stamp_ns(message)):
            loop.postpone()  # the next command is due one period after this one

    def _on_failure(self, error: Exception) -> None:
        self.throttled_logger.error("command", f"no command was sent: {error_line(error)}")

    def _on_deadman(self, message: Bool, *_: object) -> None:
        if self._driver is not None:
            self._driver.press(message.data)

    def _on_engage(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        """Begins to follow the hand, or ends it."""
        driver = self._driver
        response.success, response.message = (
            (False, "the node is not active") if driver is None else driver.switch(request.data)
        )
        others = self._others() if driver is not None and request.data else ""
        if others:
            self.throttled_logger.warn("others", others)
            response.message += f"; {others}"
        return response

    def _send(self, command: Any) -> None:
        assert self._messages is not None
        clock: Any = self.get_clock()
        # Without simulated time the clock is this one, and takes longer to say so than the message to be made.
        now_ns = clock.now().nanoseconds if clock.ros_time_is_active else time.time_ns()
        message = self._messages.serialized(command, now_ns)
        publish_if_alive(self, self._commands, message)

    def _publish_state(self, state: SafetyState, reason: str) -> None:
        publish_if_alive(
            self, self._state, String(data=f"{state.value}: {reason}" if reason else state.value)
        )

    def _publish_diagnostics(self) -> None:
        driver, robot = self._driver, self._retargeter
        lifecycle = "active" if driver else ("inactive" if robot else self.unloaded_state)
        state, reason = driver.state if driver else (SafetyState.DISENGAGED, "not active")
        last = self.throttled_logger.last_error()
        self._diagnostics.publish(
            retarget_diagnostics(
                f"{self.get_fully_qualified_name()}: robot hand", self.parameters["robot"],
                self.get_clock().now().to_msg(), self.statistics,
                RetargetStatus(
                    lifecycle, state, reason, self._configure_error, last[0] if last else "",
                    self._others() if driver else "",
                    {"engine": robot.engine.name if robot else "", "side": self.parameters["side"]},
                ),
            )
        )  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Runs the node until it is interrupted; 2 with one line where it cannot be made."""
    sys.setswitchinterval(_SWITCH_S)
    return run_managed_node(RETARGET_PAGE, HandRetargetNode, arguments, threads=_THREADS)
