"""A node's goodbye: nothing of what it sent goes on, and that is heard, whoever else changes its state meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

rclpy = pytest.importorskip("rclpy", reason="needs ROS 2: source tools/environment.sh")

from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import State
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from std_msgs.msg import Int64

from hand_pose_ros.nodes.managed_lifecycle import ManagedNode


class Braking(ManagedNode):
    """Its deactivation takes ``brake_s``."""

    def __init__(self, context: rclpy.Context, brake_s: float = 0.0) -> None:
        super().__init__("braking", context=context)
        self.brake_s, self.brakes, self.stopped, self.told = brake_s, threading.Event(), False, 0
        self._declare([], [])
        self._begin_diagnostics(self._publish)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        self.brakes.set()
        time.sleep(self.brake_s)
        self.stopped = True
        return super().on_deactivate(state)

    def _publish(self) -> None:
        self.told += 1
        self._diagnostics.publish(DiagnosticArray())


@pytest.fixture
def context() -> Iterator[rclpy.Context]:
    made = rclpy.Context()
    rclpy.init(context=made)
    yield made
    made.try_shutdown()


def test_goodbye_waits_for_a_deactivation_that_somebody_else_asked_for(context):
    node = Braking(context, brake_s=0.3)
    node.trigger_configure()
    node.trigger_activate()
    others = threading.Thread(target=node.trigger_deactivate)
    others.start()
    assert node.brakes.wait(10.0)
    node.goodbye()
    assert node.stopped
    assert node.lifecycle_state == State.PRIMARY_STATE_INACTIVE
    others.join()
    node.destroy_node()


def test_goodbye_deactivates_and_tells_at_once(context):
    node = Braking(context)
    node.trigger_configure()
    node.trigger_activate()
    node.goodbye()
    assert node.lifecycle_state == State.PRIMARY_STATE_INACTIVE
    assert node.told == 1
    node.destroy_node()


def test_goodbye_passes_over_publishers_that_another_transition_destroys(context):
    node = Braking(context)
    publisher = node.create_publisher(Int64, "numbers", 1)
    publisher.handle.destroy_when_not_in_use()
    node.goodbye()
    node.destroy_node()


def test_diagnostics_are_quiet_where_the_middleware_has_ended(context):
    node = Braking(context)
    context.shutdown()
    node._report()
    assert node.told == 1
    node.destroy_node()
