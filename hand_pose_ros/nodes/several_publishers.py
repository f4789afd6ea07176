"""Whether several nodes publish one topic that one is to publish, in words.

In: who sent each of its messages, and when (s, steady). Out: a sentence to begin with, which names the topic and the
nodes, while several do.

Whoever sent the messages is counted where the middleware says it (rclpy from 9.1.1 on): publishers that are silent do
no harm. Else publishers are counted, after a time in which one that died still counts.
"""

from __future__ import annotations

from rclpy.node import Node

from hand_pose_ros.senders import Senders
from hand_pose_ros.validation import shown

_DEAD_S = 25.0  # chosen: above the 20 s after which Fast DDS gives up a process that said no word at its end


class SeveralPublishers:
    """Of the topic of this name, resolved."""

    def __init__(self, node: Node, topic: str) -> None:
        self._node, self._topic = node, topic
        self._senders = Senders()
        self._named = False
        self._since_s: float | None = None

    def saw(self, sender: bytes, now_s: float) -> None:
        """A message came; ``sender`` is empty where the middleware does not say who sent it."""
        self._named |= bool(sender)
        self._senders.see(sender, now_s)

    def told(self, now_s: float) -> str | None:
        """Who publishes, where several do."""
        count = self._senders.count(now_s) if self._named else self._lasting(now_s)
        if count < 2:
            return None
        publishers = self._node.get_publishers_info_by_topic(self._topic)
        names = sorted({f"{p.node_namespace.rstrip('/')}/{p.node_name}" for p in publishers})
        return f"{count} publish '{self._topic}' ({shown(', '.join(names), 300)})"

    def _lasting(self, now_s: float) -> int:
        """How many publish it, 1 where it has not been several for long."""
        count = self._node.count_publishers(self._topic)
        if count < 2:
            self._since_s = None
            return 1
        self._since_s = now_s if self._since_s is None else self._since_s
        return count if now_s - self._since_s > _DEAD_S else 1
