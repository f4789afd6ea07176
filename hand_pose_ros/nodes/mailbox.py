"""A mailbox with one slot: an item that is put replaces one that was not taken yet, so nothing ever queues."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Mailbox(Generic[Item]):
    """One slot between the executor's thread and the worker. ``put`` never waits."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._item: Item | None = None
        self._closed = False
        self._end_seen = False  # a taker knows that it is closed

    def put(self, item: Item) -> bool:
        """Leaves ``item`` for the worker; True when an older one that nobody had taken was thrown away."""
        with self._condition:
            replaced = self._item is not None
            self._item = item
            self._condition.notify()
            return replaced

    def take(self) -> Item | None:
        """Waits for an item and takes it out; None once the mailbox is closed."""
        with self._condition:
            while self._item is None and not self._closed:
                self._condition.wait()
            item, self._item = self._item, None
            self._end_seen = self._end_seen or self._closed
            return None if self._closed else item

    def close(self) -> None:
        """Ends every wait; what was left in the slot is thrown away."""
        with self._condition:
            self._closed, self._item = True, None
            self._condition.notify_all()

    def reopen(self) -> bool:
        """Undoes ``close``; returns False, and does nothing, when a taker was told of the end already."""
        with self._condition:
            if not self._end_seen:
                self._closed = False
            return not self._closed
