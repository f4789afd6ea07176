"""The description reaches a robot_state_publisher that comes later or again, and again when the hand changes."""

from __future__ import annotations

import time

import pytest

rclpy = pytest.importorskip("rclpy", reason="needs ROS 2: source tools/environment.sh")

from rcl_interfaces.srv import SetParameters
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
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


def test_one_that_ends_before_it_answers_does_not_hold_up_the_next_one(bench):
    publisher, relay, start_state_publisher, spin_until = bench
    silent = rclpy.create_node("silent", namespace="robot/right_hand", context=relay.context)
    service = silent.create_service(SetParameters, "robot_state_publisher/set_parameters", lambda *_: None)
    assert spin_until(relay._client.service_is_ready)  # and nobody spins it: it takes no request
    publisher.publish(String(data="anna"))
    assert spin_until(lambda: relay._asked is not None)
    silent.destroy_service(service)
    silent.destroy_node()
    node = start_state_publisher()
    assert spin_until(lambda: node.get_parameter("robot_description").value == "anna")


def test_one_that_is_started_again_gets_what_the_one_before_had(bench):
    publisher, relay, start_state_publisher, spin_until = bench
    node = start_state_publisher()
    publisher.publish(String(data="anna"))
    assert spin_until(lambda: node.get_parameter("robot_description").value == "anna")
    assert spin_until(lambda: relay.pending is None)
    relay.executor.remove_node(node)
    node.destroy_node()
    assert spin_until(lambda: relay.pending == "anna")  # it is missed
    again = start_state_publisher()
    assert spin_until(lambda: again.get_parameter("robot_description").value == "anna")


def test_one_that_is_started_again_before_it_was_missed_is_known_by_what_it_publishes(bench):
    publisher, relay, start_state_publisher, spin_until = bench
    node = start_state_publisher()
    published = node.create_publisher(String, "robot_description", LATCHED_QOS)
    publisher.publish(String(data="anna"))
    assert spin_until(lambda: node.get_parameter("robot_description").value == "anna")
    assert spin_until(lambda: relay.pending is None)
    node.set_parameters([Parameter("robot_description", value="template")])
    published.publish(String(data="template"))
    assert spin_until(lambda: node.get_parameter("robot_description").value == "anna")
