"""Quality of service that a user may set per topic, as ``qos_overrides`` of ROS 2's own nodes.

In: topics with their default quality of service, and the parameters
``qos_overrides.<full topic name>.<publisher or subscription>.<policy>``. Out: the profile that a publisher or
subscription is made with, and event callbacks that tell of partners whose quality of service does not go with it.

rclpy's own ``QoSOverridingOptions`` would change the shared default profiles, read the parameters when a node is
activated only (where a wrong value is no message any more but a failed transition), and not reach ``/tf``, whose
publisher tf2 makes: the parameters are those of the node's table instead, checked when it configures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any, NamedTuple

from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
from rclpy.node import Node
from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    QoSProfile,
    ReliabilityPolicy,
    qos_policy_name_from_kind,
)

from hand_pose_ros.nodes.parameters.parameter_schema import Parameter
from hand_pose_ros.nodes.throttled_logger import ThrottledLogger

PUBLISHER, SUBSCRIPTION = "publisher", "subscription"

_POLICIES: dict[str, type[Enum]] = {
    "history": HistoryPolicy,
    "reliability": ReliabilityPolicy,
    "durability": DurabilityPolicy,
}
_MOST_DEPTH = 10_000
"""Guessed: more waiting messages help nobody, and the middleware keeps room for them."""


class Endpoint(NamedTuple):
    """A publisher or subscription of a node: relative topic, ``PUBLISHER`` or ``SUBSCRIPTION``, default profile."""

    topic: str
    kind: str
    default: QoSProfile


def qos_parameters(node: Node, endpoints: Iterable[Endpoint]) -> list[Parameter]:
    """Returns the parameters that override the endpoints' quality of service, under the names after remapping.

    Endpoints that remapping gave one name share their parameters, with the first one's defaults.
    """
    parameters: dict[str, Parameter] = {}
    for endpoint in endpoints:
        of = f"QoS of the {endpoint.kind} '{endpoint.topic}'"
        for policy, values in _POLICIES.items():
            choices = tuple(value.name.lower() for value in values if value.name != "UNKNOWN")
            name, default = override_name(node, endpoint, policy), getattr(endpoint.default, policy)
            parameters.setdefault(name, Parameter(name, default.name.lower(), f"{of}: {policy}.", choices))
        name, text = override_name(node, endpoint, "depth"), f"{of}: how many messages wait."
        depth = Parameter(name, endpoint.default.depth, text, minimum=1, maximum=_MOST_DEPTH)
        parameters.setdefault(name, depth)
    return list(parameters.values())


def qos_profile(node: Node, endpoint: Endpoint) -> QoSProfile:
    """Returns a copy of the endpoint's default with what the node's parameters override."""
    given: dict[str, Any] = {policy: getattr(endpoint.default, policy) for policy in (*_POLICIES, "depth")}
    for policy in given:
        name = override_name(node, endpoint, policy)
        if node.has_parameter(name):
            value = node.get_parameter(name).value
            given[policy] = _POLICIES[policy][value.upper()] if policy in _POLICIES else value
    return QoSProfile(**given)


def override_name(node: Node, endpoint: Endpoint, policy: str) -> str:
    """Returns the parameter that sets one policy of an endpoint."""
    return f"qos_overrides.{node.resolve_topic_name(endpoint.topic)}.{endpoint.kind}.{policy}"


def subscription_options(node: Node, endpoint: Endpoint, throttled_logger: ThrottledLogger) -> dict[str, Any]:
    """Returns what ``create_subscription`` takes for an endpoint.

    A publisher that offers less than the subscription asks for is warned of, by topic.
    """
    warn = _incompatible_qos_warning(node, endpoint, "a publisher offers less", throttled_logger)
    events = SubscriptionEventCallbacks(incompatible_qos=warn)
    return {"topic": endpoint.topic, "qos_profile": qos_profile(node, endpoint), "event_callbacks": events}


def publisher_options(node: Node, endpoint: Endpoint, throttled_logger: ThrottledLogger) -> dict[str, Any]:
    """Returns what ``create_publisher`` takes for an endpoint.

    A subscription that asks for more than is published is warned of, by topic.
    """
    warn = _incompatible_qos_warning(node, endpoint, "a subscription asks for more", throttled_logger)
    events = PublisherEventCallbacks(incompatible_qos=warn)
    return {"topic": endpoint.topic, "qos_profile": qos_profile(node, endpoint), "event_callbacks": events}


def _incompatible_qos_warning(
    node: Node, endpoint: Endpoint, what: str, throttled_logger: ThrottledLogger
) -> Callable[[Any], None]:
    topic = node.resolve_topic_name(endpoint.topic)

    def warn(event: Any) -> None:
        policy = qos_policy_name_from_kind(event.last_policy_kind).lower()
        remedy = (
            f", or set the parameter '{override_name(node, endpoint, policy)}'" if policy in _POLICIES else ""
        )
        throttled_logger.warn(
            f"incompatible {endpoint.kind} {topic}",
            f"incompatible QoS on '{topic}': {what} ({policy}) than this node's {endpoint.kind}, so that no message"
            f" passes between them: change it there{remedy}",
        )

    return warn
