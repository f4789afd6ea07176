"""A thread of its own for one subscription: rclpy's executor gathers every entity of a node before each wait, and hands
what came to a pool of threads, which takes longer than a hand's command may.

In: a node, a message type, an endpoint's options, what to call. Out: calls of it with a message, when it was sent and
when this process's middleware received it (ns, of the sender's and of this system's clock; 0 where the middleware does
not say), one after the other, from the thread; events of the subscription, as an incompatible quality of service, come
through the executor as ever.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from rclpy._rclpy_pybind11 import InvalidHandle, RCLError
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.guard_condition import GuardCondition
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.node import Node
from rclpy.subscription import Subscription

_JOIN_S = 2.0
_LOOK_NS = 500_000_000  # so often it looks whether the middleware has ended, which need not wake it


class _NoExecutor(ReentrantCallbackGroup):
    """An executor takes none of its subscriptions' messages; their events it does."""

    def can_execute(self, entity: Any) -> Any:
        return not isinstance(entity, Subscription) and super().can_execute(entity)


class SubscriptionThread:
    """Listens from its making to ``close``. ``failed`` is called with what ``callback`` raised; the thread goes on."""

    def __init__(
        self,
        node: Node,
        kind: type,
        options: dict[str, Any],
        callback: Callable[[Any, int, int], object],
        failed: Callable[[Exception], object],
    ) -> None:
        self._node, self._callback, self._failed = node, callback, failed
        self._closed = False
        self._wake = GuardCondition(None, None, context=node.context)
        self._subscription = node.create_subscription(
            kind, callback=_taken_elsewhere, callback_group=_NoExecutor(), **options
        )
        self._thread = threading.Thread(target=self._run, name=f"{options['topic']} thread", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends the thread and the subscription; a call that is in work may go on for a moment."""
        if self._closed:
            return
        self._closed = True
        self._wake.trigger()
        if threading.current_thread() is not self._thread:
            self._thread.join(_JOIN_S)
        self._node.destroy_subscription(self._subscription)
        self._wake.destroy()

    def _run(self) -> None:
        context, subscription = self._node.context, self._subscription
        handle = context.handle
        if handle is None:  # the middleware has ended
            return
        try:
            with handle, subscription.handle, self._wake.handle:
                # As rclpy.wait_for_message does.
                wait_set = rclpy_implementation.WaitSet(1, 1, 0, 0, 0, 0, handle)
                while not self._closed and context.ok():
                    wait_set.clear_entities()
                    wait_set.add_subscription(subscription.handle)
                    wait_set.add_guard_condition(self._wake.handle)
                    wait_set.wait(_LOOK_NS)
                    while not self._closed:
                        taken = subscription.handle.take_message(subscription.msg_type, subscription.raw)
                        if taken is None:
                            break
                        message, info = taken
                        self._call(message, info["source_timestamp"], info["received_timestamp"])
        except (InvalidHandle, RCLError):
            if context.ok() and not self._closed:
                raise

    def _call(self, message: Any, sent_ns: int, received_ns: int) -> None:
        try:
            self._callback(message, sent_ns, received_ns)
        except Exception as error:  # noqa: BLE001  others wait for the next message: the thread goes on
            self._failed(error)


def _taken_elsewhere(message: Any) -> None:
    """What an executor would call."""
