"""A user's quality of service is taken for every topic; one that cannot be, or that no partner goes with, is told."""

from __future__ import annotations

from typing import Any

import pytest
from lifecycle_msgs.msg import State
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image

from hand_pose_ros.msg import HandPoseArray
from hand_pose_ros.nodes import topics
from hand_pose_ros.nodes.inputs import input_endpoints
from hand_pose_ros.nodes.outputs import OUTPUT_ENDPOINTS
from hand_pose_ros.nodes.qos_overrides import PUBLISHER, SUBSCRIPTION, Endpoint, qos_parameters, qos_profile


def profile_of(bench: Any, topic: str, kind: str) -> QoSProfile:
    """The quality of service that the tracker's endpoint has in the graph."""
    node = bench.node
    found: list[Any] = []

    def seen() -> bool:
        get = node.get_publishers_info_by_topic if kind == PUBLISHER else node.get_subscriptions_info_by_topic
        found[:] = [end for end in get(node.resolve_topic_name(topic)) if end.node_name == node.get_name()]
        return bool(found)

    assert bench.spin_until(seen)
    return found[0].qos_profile


@pytest.mark.slow
def test_every_subscription_and_publisher_takes_its_override(rig, fake_tracker):
    flipped: dict[str, str] = {}
    ends: list[tuple[str, str, ReliabilityPolicy]] = []
    outputs = {end.topic for end in OUTPUT_ENDPOINTS} | {topics.DIAGNOSTICS_TOPIC}
    for topic, kind in [*((name, PUBLISHER) for name in outputs), ("depth/image_rect", SUBSCRIPTION)]:
        wanted = ReliabilityPolicy.BEST_EFFORT if kind == PUBLISHER else ReliabilityPolicy.RELIABLE
        full = topic if topic.startswith("/") else f"/{topic}"
        flipped[f"qos_overrides.{full}.{kind}.reliability"] = wanted.name.lower()
        ends.append((topic, kind, wanted))
    bench = rig(fake_tracker(), **flipped)
    assert [profile_of(bench, topic, kind).reliability for topic, kind, _ in ends] == [
        wanted for *_, wanted in ends
    ]
    assert profile_of(bench, topics.INFO_TOPIC, SUBSCRIPTION).reliability == ReliabilityPolicy.BEST_EFFORT
    assert topics.DEPTH_QOS.reliability == ReliabilityPolicy.BEST_EFFORT  # the shared default is as it was
    assert bench.node.parameters.unknown == []


@pytest.mark.slow
def test_override_goes_by_the_name_after_remapping_and_survives_a_second_activation(rig, fake_tracker):
    bench = rig(
        fake_tracker(),
        "robot",
        **{"qos_overrides./robot/depth/image_rect.subscription.reliability": "reliable"},
    )
    for _ in range(2):
        assert profile_of(bench, topics.DEPTH_TOPIC, SUBSCRIPTION).reliability == ReliabilityPolicy.RELIABLE
        bench.node.trigger_deactivate()
        bench.node.trigger_activate()


@pytest.mark.parametrize("policy, value", [("reliability", "very"), ("depth", 0), ("durability", 1)])
def test_override_that_cannot_be_is_named_when_the_node_configures(rig, fake_tracker, policy, value):
    name = f"qos_overrides./depth/image_rect.subscription.{policy}"
    bench = rig(fake_tracker(), **{name: value})
    assert bench.node._state_machine.current_state[0] == State.PRIMARY_STATE_UNCONFIGURED
    assert f"'{name}' is" in bench.node._configure_error


def test_override_of_no_topic_is_unknown(rig, fake_tracker):
    given = {"qos_overrides./no/topic.publisher.depth": 3, "qos_overrides./hands.publisher.deadline": 3}
    bench = rig(fake_tracker(), autostart=False, **given)
    assert bench.node.parameters.unknown == sorted(given)


def test_endpoints_that_remapping_gave_one_name_share_their_parameters(rig, fake_tracker):
    node = rig(fake_tracker(), autostart=False).node
    end = Endpoint("here", PUBLISHER, topics.LATCHED_QOS)
    names = [parameter.name for parameter in qos_parameters(node, [end, end])]
    assert len(names) == len(set(names)) == 4


def test_profile_without_overrides_is_the_default(rig, fake_tracker):
    node = rig(fake_tracker(), autostart=False).node
    for end in (*input_endpoints(node), *OUTPUT_ENDPOINTS):
        profile = qos_profile(node, end)
        assert profile == end.default
        assert profile is not end.default


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["reliability", "durability"])
def test_camera_that_offers_less_is_told_by_topic(rig, fake_tracker, policy):
    value = {"reliability": "reliable", "durability": "transient_local"}[policy]
    name = f"qos_overrides./depth/camera_info.subscription.{policy}"
    bench = rig(fake_tracker(), **{name: value})
    less = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
    bench.helper.create_publisher(CameraInfo, "depth/camera_info", less)
    assert bench.wait_for_error("incompatible QoS on '/depth/camera_info'")
    assert policy in bench.last_error()
    assert name in bench.last_error()


@pytest.mark.slow
def test_listener_that_asks_for_more_is_told_by_topic(rig, fake_tracker):
    bench = rig(fake_tracker())
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    bench.listen(HandPoseArray, "hands", latched)
    assert bench.wait_for_error("incompatible QoS on '/hands'")
    assert "durability" in bench.last_error()


@pytest.mark.slow
def test_silence_of_an_incompatible_camera_is_explained_by_it(rig, fake_tracker):
    """As long as nothing arrives, and not with what would not help."""
    bench = rig(fake_tracker(), **{"qos_overrides./depth/image_rect.subscription.reliability": "reliable"})
    bench.helper.destroy_publisher(bench.image)
    less = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
    bench.helper.create_publisher(Image, "depth/image_rect", less)

    def complained() -> bool:
        bench.info.publish(bench.info_message(bench.header()))
        bench.spin_for(0.1)
        return "so that no image arrives" in bench.last_error()

    assert bench.spin_until(complained)
    assert "/depth/image_rect" in bench.last_error()
    assert "fastdds" not in bench.last_error()
