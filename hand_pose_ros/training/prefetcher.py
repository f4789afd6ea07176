"""Batches for training: seeds that never meet those of validation, and batches made ahead in a thread.

In: a source with ``batch(seed, count)`` (datasets.synthetic.SyntheticHands). Out: :class:`TorchBatch`.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any


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
