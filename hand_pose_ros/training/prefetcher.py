"""Batches for training, step after step, on request made ahead in a thread.

In: a function that makes the batch of a step. Out: the batches in order.
"""

from __future__ import annotations

import itertools
import queue
import threading
from collections.abc import Callable, Generator
from typing import Any


def stream(make: Callable[[int], Any], first: int, depth: int) -> Generator[Any, None, None]:
    """``make(first)``, ``make(first + 1)``, ...: made when asked for, or up to ``depth`` of them ahead in a thread,
    which ends with the generator."""
    if depth == 0:
        for step in itertools.count(first):
            yield make(step)
    prefetcher = Prefetcher(make, first, depth)
    try:
        while True:
            yield prefetcher.get()
    finally:
        prefetcher.close()


class Prefetcher:
    """Makes batch ``step``, ``step + 1``, ... ahead of time in a daemon thread; at most ``depth`` wait.

    ``make`` is called in the thread; its exception is raised by :meth:`get`.
    """

    def __init__(self, make: Callable[[int], Any], first: int, depth: int) -> None:
        self._queue: queue.Queue[tuple[Any, BaseException | None]] = queue.Queue(maxsize=depth)
        self._stop = threading.Event()
        self._make = make
        self._thread = threading.Thread(target=self._run, args=(first,), name="batches", daemon=True)
        self._thread.start()

    def get(self) -> Any:
        """The next batch."""
        batch, error = self._queue.get()
        if error is not None:
            raise error
        return batch

    def close(self) -> None:
        """Stop the thread."""
        self._stop.set()
        while self._thread.is_alive():
            try:
                self._queue.get_nowait()
            except queue.Empty:
                self._thread.join(timeout=0.05)

    def _run(self, step: int) -> None:
        while not self._stop.is_set():
            try:
                item: tuple[Any, BaseException | None] = (self._make(step), None)
            except Exception as error:  # noqa: BLE001 - handed to the caller of get()
                item = (None, error)
            self._queue.put(item)
            if item[1] is not None:
                return
            step += 1
