"""Combine subscriptions by the time stamps of their messages.

In: messages from one or more inputs, of which each has ``registerCallback``.
Out: calls of the registered callbacks with one message from each input, whose stamps are equal
(``TimeSynchronizer``) or close (``ApproximateTimeSynchronizer``).

The interface is that of the ROS 2 package of this name, as far as hand_pose_ros uses it.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from typing import Any

from rclpy.clock import ROSClock
from rclpy.duration import Duration
from rclpy.logging import get_logger
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.time import Time

__all__ = ["ApproximateTimeSynchronizer", "SimpleFilter", "Subscriber", "TimeSynchronizer"]


class SimpleFilter:
    """Something with output: callbacks can be registered and are called in the order of their registration."""

    def __init__(self) -> None:
        self.callbacks: dict[int, tuple[Callable[..., Any], tuple[Any, ...]]] = {}

    def registerCallback(self, cb: Callable[..., Any], *args: Any) -> int:
        """Call ``cb(*messages, *args)`` for every output from now on; returns the number of this connection."""
        connection = len(self.callbacks)
        self.callbacks[connection] = (cb, args)
        return connection

    def signalMessage(self, *msg: Any) -> None:
        """Hand an output to all callbacks."""
        for callback, arguments in list(self.callbacks.values()):
            callback(*msg, *arguments)


class Subscriber(SimpleFilter):
    """A subscription of ``node``, lifecycle nodes included, as the first filter of a chain.

    Takes what ``Node.create_subscription`` takes, but no callback; ``qos_profile`` may be left out and is 10 then.
    The attributes of the subscription are this object's too; ``sub`` is the subscription itself.
    """

    def __init__(
        self, node: Node, msg_type: Any, topic: str, qos_profile: QoSProfile | int = 10, **kwargs: Any
    ) -> None:
        super().__init__()
        self.node = node
        self.topic = topic
        self.sub = node.create_subscription(msg_type, topic, self.callback, qos_profile=qos_profile, **kwargs)

    def callback(self, msg: Any) -> None:
        self.signalMessage(msg)

    def getTopic(self) -> str:
        return self.topic

    def __getattr__(self, key: str) -> Any:
        if key == "sub":  # the subscription could not be made
            raise AttributeError(key)
        return getattr(self.sub, key)


class TimeSynchronizer(SimpleFilter):
    """Put out the messages of all inputs that carry the same stamp.

    Of each input the ``queue_size`` newest messages (by stamp) that wait for their partners are kept.
    """

    def __init__(self, fs: Sequence[Any], queue_size: int) -> None:
        super().__init__()
        self.queue_size = queue_size
        # As upstream's: whoever raises while it is held, a callback too, keeps it, and all that comes later waits.
        self.lock = threading.Lock()
        self.connectInput(fs)

    def connectInput(self, fs: Sequence[Any]) -> None:
        """Listen to these filters."""
        self.queues: list[dict[int, Any]] = [{} for _ in fs]
        self.input_connections = [
            source.registerCallback(self.add, queue, index)
            for index, (source, queue) in enumerate(zip(fs, self.queues, strict=True))
        ]

    def add(self, msg: Any, my_queue: dict[int, Any], my_queue_index: int | None = None) -> None:
        """Take a message from an input, and put out what it completes."""
        self.lock.acquire()
        self._keep(msg, my_queue, _nanoseconds(msg.header.stamp))
        complete = set(self.queues[0]).intersection(*self.queues[1:])
        for stamp in sorted(complete):
            self._put_out([stamp] * len(self.queues))
        self.lock.release()

    def _keep(self, msg: Any, queue: dict[int, Any], stamp: int) -> None:
        queue[stamp] = msg
        while len(queue) > self.queue_size:
            del queue[min(queue)]

    def _put_out(self, stamps: Sequence[int]) -> None:
        self.signalMessage(*[queue.pop(stamp) for queue, stamp in zip(self.queues, stamps, strict=True)])


class ApproximateTimeSynchronizer(TimeSynchronizer):
    """Put out messages, one of each input, whose stamps lie less than ``slop`` seconds apart.

    A new message is combined with those waiting that are nearest to it in time. Messages without a header are
    refused with a warning, unless ``allow_headerless`` is set: then the time of their arrival is their stamp.
    ``sync_arrival_time`` uses the time of arrival for all messages.
    """

    def __init__(
        self,
        fs: Sequence[Any],
        queue_size: int,
        slop: float,
        allow_headerless: bool = False,
        sync_arrival_time: bool = False,
    ) -> None:
        super().__init__(fs, queue_size)
        self.slop = Duration(seconds=slop)
        self.allow_headerless = allow_headerless
        self.sync_arrival_time = sync_arrival_time

    def add(self, msg: Any, my_queue: dict[int, Any], my_queue_index: int | None = None) -> None:
        """Take a message from an input, and put out the set that it completes, if it does."""
        stamp = self._stamp(msg)
        if stamp is None:
            return
        self.lock.acquire()
        self._keep(msg, my_queue, stamp)
        # A stamp older than all that fit into the queue is not in it; an input with none waiting leaves the product
        # empty.
        candidates = [
            [one for one in (stamp,) if one in queue] if queue is my_queue else self._near(queue, stamp)
            for queue in self.queues
        ]
        for stamps in itertools.product(*candidates):
            if max(stamps) - min(stamps) < self.slop.nanoseconds:
                self._put_out(stamps)
                break
        self.lock.release()

    def _near(self, queue: dict[int, Any], stamp: int) -> list[int]:
        """Stamps in ``queue`` within the slop about ``stamp``, the nearest first."""
        near = [other for other in queue if abs(other - stamp) <= self.slop.nanoseconds]
        return sorted(near, key=lambda other: abs(other - stamp))

    def _stamp(self, msg: Any) -> int | None:
        if not self.sync_arrival_time:
            stamp = getattr(getattr(msg, "header", None), "stamp", None)
            if stamp is not None:
                return _nanoseconds(stamp)
            if not self.allow_headerless:
                get_logger("message_filters").warning(
                    f"a {type(msg).__name__} has no header with a stamp and is not used; "
                    "allow_headerless would take the time of its arrival"
                )
                return None
        return ROSClock().now().nanoseconds


def _nanoseconds(stamp: Any) -> int:
    """Of a ``builtin_interfaces/Time`` or an ``rclpy.time.Time``."""
    return stamp.nanoseconds if hasattr(stamp, "nanoseconds") else Time.from_msg(stamp).nanoseconds
