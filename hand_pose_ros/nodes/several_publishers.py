"""Whether several nodes publish one topic that one is to publish, in words.

In: who sent each of its messages, and when (s, steady). Out: a sentence to begin with, which names the topic and the
nodes, while several do.

Where the middleware says who sent a message (rclpy from 9.1.1 on) those count that send: publishers that are silent do
no harm. Else publishers are counted, after a time in which one that died still counts, and silent ones with the others,
which is said.
"""

from __future__ import annotations

from collections.abc import Sequence

from rclpy.node import Node
from rclpy.topic_endpoint_info import TopicEndpointInfo

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

    def report(self, now_s: float) -> str | None:
        """Who publishes, where several do."""
        if not self._named:
            count = self._lasting(now_s)
            if count < 2:
                return None
            who = f"{_names(self._all())}; rclpy does not say who sends"
            return f"{count} publish or advertise '{self._topic}' ({who})"
        if not self._senders.several(now_s):
            return None
        heard, known = self._senders.heard(now_s), self._all()
        sending = [publisher for publisher in known if any(_is(publisher, sender) for sender in heard)]
        if not sending:  # a middleware that names senders and publishers differently
            return f"several publish '{self._topic}'"
        # Of one that was started again the one before was heard as well, and is known no more.
        return None if len(sending) < 2 else f"{len(sending)} publish '{self._topic}' ({_names(sending)})"

    def _all(self) -> list[TopicEndpointInfo]:
        return list(self._node.get_publishers_info_by_topic(self._topic))

    def _lasting(self, now_s: float) -> int:
        """How many publish it, 1 where it has not been several for long."""
        count = self._node.count_publishers(self._topic)
        if count < 2:
            self._since_s = None
            return 1
        self._since_s = now_s if self._since_s is None else self._since_s
        return count if now_s - self._since_s > _DEAD_S else 1


def _is(publisher: TopicEndpointInfo, sender: bytes) -> bool:
    """Whether a message's sender is this publisher: middlewares may fill up either name."""
    name = bytes(publisher.endpoint_gid)
    return bool(name) and (name.startswith(sender) or sender.startswith(name))


def _names(publishers: Sequence[TopicEndpointInfo]) -> str:
    names = sorted(f"{p.node_namespace.rstrip('/')}/{p.node_name}" for p in publishers)
    return shown(", ".join(names), 300)
