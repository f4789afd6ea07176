"""Commands that are asked to stop: what they have is kept, and they end between two steps.

In: SIGINT and SIGTERM. Out: whether one of them has come; the exit status that says so.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

INTERRUPTED = 130
"""Exit status of a command that was interrupted, as shells have it."""


@contextmanager
def stop_requests() -> Iterator[Callable[[], bool]]:
    """Yields a function that returns whether SIGINT or SIGTERM has asked to stop, which is then done between two steps.

    The second time it ends at once.
    """
    received: list[int] = []
    before: dict[int, Any] = {}

    def receive(number: int, _: Any) -> None:
        received.append(number)
        signal.signal(number, signal.default_int_handler)

    for wanted in (signal.SIGINT, signal.SIGTERM):
        before[wanted] = signal.signal(wanted, receive)
    try:
        yield lambda: bool(received)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
