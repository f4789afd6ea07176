"""A thread of its own for some subscriptions: rclpy's executor gathers every entity of a node before each wait, and
hands what came to a pool of threads: longer than a hand's command may take, and much of a core with a camera's images.

In: a node, message types, endpoints' options, what to call. Out: calls of it with a message, when it was sent and when
this process's middleware received it (ns, of the sender's and of this system's clock; 0 where the middleware does not
say), and by whom, one after the other, from the thread; calls of the callbacks of the subscriptions' events, as an
incompatible quality of service, from the thread too. An executor that waited for these would wake for every message:
the middleware has one condition for both.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

from rclpy._rclpy_pybind11 import InvalidHandle, RCLError
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.guard_condition import GuardCondition
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.node import Node
from rclpy.subscription import Subscription

# Guessed, both.
_JOIN_S = 2.0
_LOOK_S = 0.5  # so often it looks whether the middleware has ended, which need not wake it


class Reader(NamedTuple):
    """One subscription."""

    kind: type
    """Type of its messages."""
    options: dict[str, Any]
    """What ``create_subscription`` takes, ``topic`` among them."""
    callback: Callable[[Any, int, int, bytes], object]
    """Called with each message, when it was sent and received, ns, and the name of its publisher in the middleware:
    another one each time that a publisher is made; empty where rclpy does not say it (before 9.1.1, of 2025)."""


class _NoExecutor(ReentrantCallbackGroup):
    """An executor takes none of its subscriptions' messages, nor their events."""

    def can_execute(self, entity: Any) -> Any:
        return False


class SubscriptionThread:
    """Listens from its making to ``close``. ``failed`` is called with what a callback raised; the thread goes on.

    ``due`` does what is due and returns in how many seconds it wants to be called again: it is called at the latest
    then, and after messages. What came until then was taken before.
    """

    def __init__(
        self,
        node: Node,
        readers: Sequence[Reader],
        failed: Callable[[Exception], object],
        due: Callable[[], float] = lambda: math.inf,
    ) -> None:
        self._node, self._failed, self._due = node, failed, due
        self._closed = False
        self._wake = GuardCondition(None, None, context=node.context)
        self._readers = tuple(readers)
        self._subscriptions: list[Subscription] = []
        try:
            for kind, options, _ in readers:
                self._subscriptions.append(
                    node.create_subscription(
                        kind, callback=_taken_elsewhere, callback_group=_NoExecutor(), **options
                    )
                )
        except BaseException:  # all or none
            self._end()
            raise
        name = f"{readers[0].options['topic']} thread"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends the thread and the subscriptions; a call that is in work may go on for a moment."""
        if self._closed:
            return
        self._closed = True
        self._wake.trigger()
        if threading.current_thread() is not self._thread:
            self._thread.join(_JOIN_S)
        self._end()

    def _end(self) -> None:
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self._wake.destroy()

    def _run(self) -> None:
        context, handles = self._node.context, [subscription.handle for subscription in self._subscriptions]
        events: list[Any] = [
            event for subscription in self._subscriptions for event in subscription.event_handlers
        ]
        handle = context.handle
        if handle is None:  # the middleware has ended
            return
        try:
            with handle:  # as rclpy.wait_for_message does
                wait_set = rclpy_implementation.WaitSet(len(handles), 1, 0, 0, 0, len(events), handle)
            while not self._closed and context.ok():
                due_s = self._due_s()
                ready = self._wait(wait_set, handles, events, due_s)
                for reader, subscription in zip(self._readers, self._subscriptions, strict=True):
                    self._take(reader, subscription)
                for event in ready:
                    self._handle_event(event)
        except (InvalidHandle, RCLError):
            if context.ok() and not self._closed:
                raise

    def _wait(self, wait_set: Any, handles: list[Any], events: list[Any], due_s: float) -> list[Any]:
        """The events that are there, as soon as anything is. Only meanwhile what it waits for is in use: a call that
        hangs must not keep the middleware's part of the node at the end."""
        with ExitStack() as used:
            for one in (self._wake.handle, *handles, *events):
                used.enter_context(one)
            wait_set.clear_entities()
            for one in handles:
                wait_set.add_subscription(one)
            for event in events:
                event.add_to_wait_set(wait_set)
            wait_set.add_guard_condition(self._wake.handle)
            wait_set.wait(int(1e9 * min(max(due_s, 0.0), _LOOK_S)))
            return [event for event in events if event.is_ready(wait_set)]

    def _take(self, reader: Reader, subscription: Subscription) -> None:
        """Everything that has come."""
        while not self._closed:
            with subscription.handle:
                taken = subscription.handle.take_message(subscription.msg_type, subscription.raw)
            if taken is None:
                return
            message, info = taken
            try:
                gid = info.get("publisher_gid")
                sender = gid["data"] if gid else b""
                reader.callback(message, info["source_timestamp"], info["received_timestamp"], sender)
            except Exception as error:  # noqa: BLE001  others wait for the next message: the thread goes on
                self._failed(error)

    def _handle_event(self, event: Any) -> None:
        """What an executor does with an event."""
        with event:
            data = event.take_data()
        if not data:
            return
        try:
            event.callback(data)
        except Exception as error:  # noqa: BLE001  as of a message
            self._failed(error)

    def _due_s(self) -> float:
        try:
            return self._due()
        except Exception as error:  # noqa: BLE001  as of a message
            self._failed(error)
            return _LOOK_S


def _taken_elsewhere(message: Any) -> None:
    """What an executor would call."""
