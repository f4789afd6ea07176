"""The description reaches a robot_state_publisher that comes later, and again when the hand changes."""

from __future__ import annotations

import time

import pytest

rclpy = pytest.importorskip("rclpy", reason="needs ROS 2: source tools/environment.sh")

from rclpy.executors import SingleThreadedExecutor
from std_msgs.msg import String

from hand_pose_ros.nodes.description_relay_node import DescriptionRelayNode
from hand_pose_ros.nodes.topics import LATCHED_QOS

pytestmark = pytest.mark.slow


@pytest.fixture
def bench():
    context = rclpy.Context()
    rclpy.init(context=context)
    executor = SingleThreadedExecutor(context=context)
    relay = DescriptionRelayNode(namespace="robot/right_hand", context=context)
    tracker = rclpy.create_node("tracker", context=context)
    executor.add_node(relay)
    executor.add_node(tracker)
    publisher = tracker.create_publisher(String, "/robot/right_hand/hand_description", LATCHED_QOS)
    made = [relay, tracker]

    def start_state_publisher():
        node = rclpy.create_node("robot_state_publisher", namespace="robot/right_hand", context=context)
        node.declare_parameter("robot_description", "template")
        executor.add_node(node)
        made.append(node)
        return node

    def spin_until(condition, timeout_s=60.0):
        deadline = time.monotonic() + timeout_s
        while not condition() and time.monotonic() < deadline:
            executor.spin_once(timeout_sec=0.05)
        return condition()

    yield publisher, relay, start_state_publisher, spin_until
    executor.shutdown()
    for node in made:
        node.destroy_node()
    context.try_shutdown()


def test_description_is_offered_until_it_is_taken(bench):
    publisher, relay, start_state_publisher, spin_until = bench
    publisher.publish(String(data="anna"))
    assert spin_until(lambda: relay.pending == "anna")
    node = start_state_publisher()
    assert spin_until(lambda: node.get_parameter("robot_description").value == "anna")
    assert spin_until(lambda: relay.pending is None)
    publisher.publish(String(data="bert"))
    assert spin_until(lambda: node.get_parameter("robot_description").value == "bert")
