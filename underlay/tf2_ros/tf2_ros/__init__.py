"""Send transforms.

In: ``geometry_msgs/TransformStamped``, one or an iterable of them. Out: ``tf2_msgs/TFMessage`` on ``/tf`` or
``/tf_static``.

The interface is that of the ROS 2 module of this name, as far as hand_pose_ros uses it.
"""

from __future__ import annotations

from collections.abc import Iterable

from geometry_msgs.msg import TransformStamped
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile
from tf2_msgs.msg import TFMessage

__all__ = ["StaticTransformBroadcaster", "TransformBroadcaster"]


class TransformBroadcaster:
    """Sends moving transforms on ``/tf``: reliable, the last 100 messages, unless ``qos`` says otherwise."""

    def __init__(self, node: Node, qos: QoSProfile | int | None = None) -> None:
        self.pub_tf = node.create_publisher(TFMessage, "/tf", QoSProfile(depth=100) if qos is None else qos)

    def sendTransform(self, transform: TransformStamped | Iterable[TransformStamped]) -> None:
        """Send one transform, or several in one message."""
        self.pub_tf.publish(TFMessage(transforms=_as_list(transform)))


class StaticTransformBroadcaster:
    """Sends transforms that do not change on ``/tf_static``, latched: who subscribes later gets all of them."""

    def __init__(self, node: Node, qos: QoSProfile | int | None = None) -> None:
        if qos is None:
            qos = QoSProfile(
                depth=1, history=HistoryPolicy.KEEP_LAST, durability=DurabilityPolicy.TRANSIENT_LOCAL
            )
        self.pub_tf = node.create_publisher(TFMessage, "/tf_static", qos)
        self.net_message = TFMessage()

    def sendTransform(self, transform: TransformStamped | Iterable[TransformStamped]) -> None:
        """Add one transform or several to those sent so far, and send them all.

        Only the last message is latched, so it has to hold everything. The first transform of a child frame stays.
        """
        known = {sent.child_frame_id for sent in self.net_message.transforms}
        for added in _as_list(transform):
            if added.child_frame_id not in known:
                known.add(added.child_frame_id)
                self.net_message.transforms.append(added)
        self.pub_tf.publish(self.net_message)


def _as_list(transform: TransformStamped | Iterable[TransformStamped]) -> list[TransformStamped]:
    return [transform] if isinstance(transform, TransformStamped) else list(transform)
