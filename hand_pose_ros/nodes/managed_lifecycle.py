"""What the package's lifecycle nodes share: parameters, diagnostics once a second, how a failed transition ends.

Transitions have a callback group of their own, so that everything else is answered while one takes long. A node says
what it does in each state.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy._rclpy_pybind11 import InvalidHandle
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.duration import Duration
from rclpy.executors import Executor
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.lifecycle.node import LifecycleNodeMixin
from rclpy.node import Node
from rclpy.qos import QoSProfile

from hand_pose_ros.nodes.node_help import NodePage
from hand_pose_ros.nodes.node_main import run_node, spin_on, while_alive
from hand_pose_ros.nodes.parameters.parameter_schema import DeclaredParameters, Parameter
from hand_pose_ros.nodes.qos_overrides import PUBLISHER, Endpoint, publisher_options, qos_parameters
from hand_pose_ros.nodes.throttled_logger import ThrottledLogger, error_line
from hand_pose_ros.nodes.topics import DIAGNOSTICS_TOPIC

_DIAGNOSTICS = Endpoint(DIAGNOSTICS_TOPIC, PUBLISHER, QoSProfile(depth=1))
# Chosen by hand.
_DIAGNOSTICS_PERIOD_S = 1.0
_HEARD_S, _UNSURE_S = 0.5, 0.1
"""How long the last messages may take to be acknowledged by reliable listeners, and how long others have who say
nothing. Guessed: on two busy cores a third of them was lost without. Fast DDS asks for acknowledgements every 3 s, or
when a history is full, so that often the whole time is waited."""
_LOOK_S = 0.005
_SOON_OVER = {"activating", "deactivating", "cleaningup", "shuttingdown", "errorprocessing"}
"""Transitions that are waited for at the end: they stop what moves. To configure may take minutes."""


class ManagedNode(LifecycleNode):
    """A lifecycle node with parameters of a schema, which tells its diagnostics in every state."""

    parameters: DeclaredParameters

    def __init__(self, node_name: str, **node_arguments: Any) -> None:
        Node.__init__(self, node_name, **node_arguments)
        self.transitions = ReentrantCallbackGroup()  # a busy state machine refuses a second transition
        LifecycleNodeMixin.__init__(self, callback_group=self.transitions)
        self._configure_error: str | None = None  # or why another transition failed
        self._finalized = False
        self.throttled_logger = ThrottledLogger(self.get_logger())

    def autostart(self) -> None:
        """Configures and activates, unless the parameter ``autostart`` says no."""
        if self.parameters["autostart"] and self.trigger_configure() == TransitionCallbackReturn.SUCCESS:
            self.trigger_activate()

    def goodbye(self) -> None:
        """Deactivates it, so that nothing of what it sent goes on, and waits until that is heard: before its process
        ends, with which every message is lost that a listener has not yet received."""
        while self.context.ok() and self._state_label in _SOON_OVER:
            time.sleep(_LOOK_S)
        if self._state_label == "active":
            self.trigger_deactivate()
        self._report()
        end = time.monotonic() + _HEARD_S
        for publisher in self.publishers:
            left_s = max(end - time.monotonic(), 0.0)
            with contextlib.suppress(InvalidHandle):  # another transition has destroyed it
                publisher.wait_for_all_acked(Duration(seconds=left_s))
        time.sleep(_UNSURE_S)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Ends everything from any state."""
        result = self.on_cleanup(state)
        self._finalized = result == TransitionCallbackReturn.SUCCESS
        return result

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """A transition failed unexpectedly: back to unconfigured."""
        self.get_logger().error(
            f"the transition from '{state.label}' failed: the node is not configured any more"
        )
        return self.on_cleanup(state)

    @property
    def lifecycle_state(self) -> int:
        """The number of its state, as lifecycle_msgs/State has it."""
        return int(self._state_machine.current_state[0])

    @property
    def _state_label(self) -> str:
        """Its name."""
        return str(self._state_machine.current_state[1])

    @property
    def unloaded_state(self) -> str:
        """The lifecycle state in which nothing is loaded."""
        return "finalized" if self._finalized else "unconfigured"

    def destroy_node(self) -> None:
        """Destroys the state machine too, which threads in the middle of their work would keep, and with it the
        middleware's part of the node."""
        super().destroy_node()
        self._state_machine.destroy_when_not_in_use()

    def _declare(self, parameters: Iterable[Parameter], endpoints: Iterable[Endpoint]) -> None:
        """The parameters of the node, and those of the QoS of its topics, diagnostics included."""
        qos = qos_parameters(self, (*endpoints, _DIAGNOSTICS))
        self.parameters = DeclaredParameters(self, [*parameters, *qos])

    def _begin_diagnostics(self, publish: Callable[[], None]) -> None:
        """From now on ``publish`` is called once a second, whatever the node's clock does."""
        options = publisher_options(self, _DIAGNOSTICS, self.throttled_logger)
        self._diagnostics = self.create_publisher(DiagnosticArray, **options)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._report = partial(while_alive, self, publish)
        self.create_timer(_DIAGNOSTICS_PERIOD_S, self._report, clock=steady)

    def tell_failure(self, transition: str, error: Exception) -> None:
        """Logs why a transition (``configure``, ``activate``, ...) failed, and keeps it for the diagnostics."""
        if self.context.ok():  # else the process is being ended, and nothing is wrong
            self._configure_error = f"cannot {transition}: {error_line(error)}"
            self.get_logger().error(self._configure_error)

    def _refuse_to_configure(self, error: Exception) -> TransitionCallbackReturn:
        """It is told, and parameters may change, so that the node can be configured again."""
        self.parameters.locked = False
        self.tell_failure("configure", error)
        return TransitionCallbackReturn.FAILURE


def run_managed_node(
    page: NodePage, make: Callable[[], ManagedNode], arguments: list[str] | None, *, threads: int
) -> int:
    """``run_node`` for a node that configures and activates itself, and deactivates itself at its end."""

    def spin(executor: Executor, node: ManagedNode) -> None:
        executor.create_task(node.autostart)
        spin_on(executor)

    return run_node(page, make, arguments, threads=threads, spin=spin, goodbye=ManagedNode.goodbye)
