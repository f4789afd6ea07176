"""What the demo's observers do with every message: when it was sent, what is in it, and what to do with an odd one.

In: messages of tracker, camera and robot, also of publishers that are not ours. Out: callbacks for subscriptions,
:class:`SeenHand`, names of gestures.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from rclpy.subscription import Subscription

from hand_pose_ros.msg import HandGesture, HandPose
from hand_pose_ros.nodes import conversions
from hand_pose_ros.nodes.demo.run_record import SeenHand
from hand_pose_ros.nodes.throttled_logger import ThrottledLogger, error_line
from hand_pose_ros.retarget.gestures import PINCH_FINGERS, GestureEvent


def with_sent_time(node: Node, callback: Callable[[Any, int], None]) -> Callable[..., None]:
    """A subscription's callback that is told when the message was sent (ns), as the middleware says it; rclpy passes
    that on since Iron, before it is when the message came."""

    def received(message: Any) -> None:
        callback(message, node.get_clock().now().nanoseconds)

    def sent(message: Any, info: Any) -> None:
        callback(message, info["source_timestamp"] or node.get_clock().now().nanoseconds)

    return sent if hasattr(Subscription, "CallbackType") else received


def passing_over(
    callback: Callable[..., None], node: Node, topic: str, logger: ThrottledLogger
) -> Callable[..., None]:
    """The callback, but that a message it cannot read (ValueError) is told and passed over: it ends no run."""

    def heard(message: Any, *sent_ns: int) -> None:
        try:
            callback(message, *sent_ns)
        except ValueError as error:
            name = node.resolve_topic_name(topic)
            logger.warn(topic, f"a message on '{name}' is passed over: {error_line(error)}")

    return heard


def seen_hand(hand: HandPose) -> SeenHand:
    """ValueError where its side is none."""
    if hand.side not in conversions.SIDE_NAMES:
        known = ", ".join(f"{code} ({name})" for code, name in conversions.SIDE_NAMES.items())
        raise ValueError(f"side is {hand.side}, want one of {known}")
    rotation = None
    with contextlib.suppress(ValueError):  # the truth's palm has none
        rotation = conversions.palm_rotation(hand)
    side = conversions.SIDE_NAMES[hand.side]
    return SeenHand(side, float(hand.confidence), conversions.joints_of(hand), rotation)


def gesture_names(message: HandGesture) -> tuple[list[str], list[str]]:
    """Returns what a hand began to do, and what it does, in words: "index pinch", "grasp". ValueError where an event is
    none."""
    events = [GestureEvent(event).name for event in message.events]
    begun = [
        name.removesuffix("_BEGIN").lower().replace("_", " ") for name in events if name.endswith("_BEGIN")
    ]
    held = [f"{finger} pinch" for finger, does in zip(PINCH_FINGERS, message.pinching, strict=True) if does]
    return begun, held + ["grasp"] * bool(message.grasping)
