"""Commands that are asked to stop: what they have is kept, and they end between two steps.

In: SIGINT, SIGTERM, SIGHUP. Out: whether one of them has come; the exit status that says so.
"""

from __future__ import annotations

import _thread
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

INTERRUPTED = 130
"""Exit status of a command that was interrupted, as shells have it."""

_AGAIN_S = 0.05
"""A lost interrupt comes again after this time, seconds. Guessed: longer than an object's deletion."""


class StopRequests:
    """Called, whether one has come."""

    def __init__(self, at_once: bool) -> None:
        self.received: list[int] = []
        self.at_once = at_once

    def __call__(self) -> bool:
        return bool(self.received)

    def wait_for_steps(self) -> None:
        """From now on there is something to keep: a request is followed between two steps."""
        self.at_once = False


@contextmanager
def stop_requests(at_once: bool = False) -> Iterator[StopRequests]:
    """Yields a function that returns whether SIGINT, SIGTERM or SIGHUP (the terminal is gone) has asked to stop, which
    is then done between two steps.

    The second time it ends at once, but for SIGHUP: of a terminal that goes both the kernel and its shell send one.
    A SIGHUP that is ignored, as under nohup, stays ignored.

    :param at_once: a request ends what is being prepared, with KeyboardInterrupt, until ``wait_for_steps`` is called.
    """
    requests = StopRequests(at_once)
    received = requests.received
    before: dict[int, Any] = {}

    def receive(number: int, _: Any) -> None:
        if requests.at_once or (received and number != signal.SIGHUP):
            raise KeyboardInterrupt
        received.append(number)

    for wanted in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if wanted == signal.SIGHUP and signal.getsignal(wanted) == signal.SIG_IGN:
            continue
        before[wanted] = signal.signal(wanted, receive)
    try:
        yield requests
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def lost_interrupts_come_again() -> Iterator[None]:
    """Within the block an interrupt that came while an object was being deleted comes again.

    Python prints such an exception and goes on, and numba deletes much: Ctrl-C would have no effect.
    """
    before = sys.unraisablehook

    def tell(unraisable: sys.UnraisableHookArgs) -> None:
        if not issubclass(unraisable.exc_type, KeyboardInterrupt):
            before(unraisable)
            return
        later = threading.Timer(_AGAIN_S, _thread.interrupt_main)
        later.daemon = True
        later.start()

    sys.unraisablehook = tell
    try:
        yield
    finally:
        sys.unraisablehook = before
