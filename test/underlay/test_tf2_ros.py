"""tf2_msgs and tf2_ros, the underlay's or a ROS 2 distribution's: what is sent on /tf and /tf_static arrives."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

rclpy = pytest.importorskip("rclpy", reason="ROS 2 is not here: source a distribution, or run make build")

from geometry_msgs.msg import TransformStamped
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from tf2_msgs.msg import TFMessage
from tf2_ros import StaticTransformBroadcaster, TransformBroadcaster

LATCHED = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    rclpy.init()
    node = Node("tf_test")
    yield node
    node.destroy_node()
    rclpy.shutdown()


def transform(child: str, x: float = 0.0) -> TransformStamped:
    result = TransformStamped(child_frame_id=child)
    result.header.frame_id = "camera"
    result.transform.translation.x = x
    return result


def spin_until(node: Node, condition: Callable[[], bool], seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        rclpy.spin_once(node, timeout_sec=0.05)
    return condition()


def test_message_has_the_field_and_the_type_that_others_expect() -> None:
    assert TFMessage.get_fields_and_field_types() == {
        "transforms": "sequence<geometry_msgs/TransformStamped>"
    }


def test_type_hash_is_that_of_every_ros_2_node(node: Node) -> None:
    publisher = node.create_publisher(TFMessage, "tf_hash", 1)
    assert spin_until(node, lambda: bool(node.get_publishers_info_by_topic("tf_hash")))
    (info,) = node.get_publishers_info_by_topic("tf_hash")
    node.destroy_publisher(publisher)
    if not hasattr(info, "topic_type_hash"):
        pytest.skip("this release of ROS 2 has no type hashes")
    # What nodes announce for it in Iron and later; another hash would not be matched by some middleware.
    assert (
        str(info.topic_type_hash) == "RIHS01_e369d0f05a23ae52508854b66f6aa0437f3449d652e8cbf22d5abe85d020f087"
    )


@pytest.mark.parametrize("several", [False, True], ids=["one", "several"])
@pytest.mark.parametrize("container", [list, tuple, iter], ids=["list", "tuple", "iterator"])
def test_transforms_arrive_in_one_message(node: Node, several: bool, container: Callable) -> None:
    heard: list[TFMessage] = []
    subscription = node.create_subscription(TFMessage, "/tf", heard.append, 100)
    broadcaster = TransformBroadcaster(node)
    assert spin_until(node, lambda: broadcaster.pub_tf.get_subscription_count() > 0)
    broadcaster.sendTransform(
        container([transform("a", 1.0), transform("b", 2.0)]) if several else transform("a", 1.0)
    )
    assert spin_until(node, lambda: bool(heard))
    node.destroy_subscription(subscription)
    node.destroy_publisher(broadcaster.pub_tf)
    assert len(heard) == 1
    expected = [("a", 1.0), ("b", 2.0)] if several else [("a", 1.0)]
    assert [(t.child_frame_id, t.transform.translation.x) for t in heard[0].transforms] == expected


def test_moving_transforms_are_sent_reliably_and_not_latched(node: Node) -> None:
    broadcaster = TransformBroadcaster(node)
    assert broadcaster.pub_tf.topic_name == "/tf"
    (info,) = node.get_publishers_info_by_topic("/tf")
    node.destroy_publisher(broadcaster.pub_tf)
    assert info.qos_profile.reliability == ReliabilityPolicy.RELIABLE
    assert info.qos_profile.durability == DurabilityPolicy.VOLATILE


def test_quality_of_service_can_be_given(node: Node) -> None:
    quality = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
    broadcaster = TransformBroadcaster(node, qos=quality)
    (info,) = node.get_publishers_info_by_topic("/tf")
    node.destroy_publisher(broadcaster.pub_tf)
    assert info.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT


def test_late_subscriber_gets_all_static_transforms(node: Node) -> None:
    broadcaster = StaticTransformBroadcaster(node)
    assert broadcaster.pub_tf.topic_name == "/tf_static"
    broadcaster.sendTransform(transform("a"))
    broadcaster.sendTransform([transform("b"), transform("c")])
    heard: list[TFMessage] = []
    subscription = node.create_subscription(TFMessage, "/tf_static", heard.append, LATCHED)
    assert spin_until(node, lambda: bool(heard))
    node.destroy_subscription(subscription)
    node.destroy_publisher(broadcaster.pub_tf)
    assert [t.child_frame_id for t in heard[-1].transforms] == ["a", "b", "c"]
