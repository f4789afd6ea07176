"""Batches for training, step after step, on request made ahead in a thread or in processes.

In: a function that makes the batch of a step. Out: the batches in order, the same ones however they are made.
"""

from __future__ import annotations

import dataclasses
import itertools
import queue
import signal
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from typing import Any

import numba
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

_LAST_STEP = 2**31
"""No run has as many. Chosen by hand."""


def stream(
    make: Callable[[int], Any], first: int, depth: int, workers: int = 0
) -> Generator[Any, None, None]:
    """``make(first)``, ``make(first + 1)``, ...: made when asked for, or up to ``depth`` of them ahead in a thread,
    or up to ``depth`` (at least 1) ahead in each of so many processes. Thread and processes end with the generator.

    The processes are forks of this one, so what it has made and compiled is not made again, unless its kernels run on
    GNU OpenMP's threads (``NUMBA_THREADING_LAYER=forksafe`` chooses others): then they start afresh and get ``make``
    pickled. Of a batch that is a dataclass they give back the arrays as tensors, in shared memory. Ctrl-C, which a
    terminal sends to them too, is left to this process, which ends them.
    """
    if workers:
        yield from _from_processes(make, first, max(depth, 1), workers)
        return
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

    @property
    def ready(self) -> bool:
        """Whether :meth:`get` will not wait."""
        return not self._queue.empty()

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


class _Steps(Dataset[Any]):
    """The batches by their steps."""

    def __init__(self, make: Callable[[int], Any]) -> None:
        self._make = make

    def __getitem__(self, step: int) -> Any:
        return self._make(step)


def _from_processes(
    make: Callable[[int], Any], first: int, depth: int, workers: int
) -> Generator[Any, None, None]:
    loader = DataLoader(
        _Steps(make), batch_size=None, sampler=range(first, _LAST_STEP), num_workers=workers, prefetch_factor=depth,
        collate_fn=_shared, worker_init_fn=_single_threaded, multiprocessing_context=_start_method(),
    )  # fmt: skip
    with _stop_requests_held():
        batches = iter(loader)
    yield from batches


@contextmanager
def _stop_requests_held() -> Iterator[None]:
    """A process that is started within the block never sees SIGINT or SIGHUP, which a terminal sends to all of a
    command: were it to end at once, the run would end without its state. They reach this process after the block.
    SIGTERM is how processes are ended at the exit."""
    resource_tracker.ensure_running()  # which unblocks them when it is started
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGHUP))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start_method() -> str:
    """How processes are started: GNU OpenMP aborts a fork of a process that has used it."""
    try:
        return "spawn" if numba.threading_layer() == "omp" else "fork"
    except ValueError:  # no kernel has run on threads yet
        return "fork"


def _shared(batch: Any) -> Any:
    """A dataclass with its arrays as tensors, which cross between processes without a copy; else the batch."""
    if not dataclasses.is_dataclass(batch) or isinstance(batch, type):
        return batch
    values = {field.name: getattr(batch, field.name) for field in dataclasses.fields(batch)}
    arrays = {
        name: torch.from_numpy(value) for name, value in values.items() if isinstance(value, np.ndarray)
    }
    return dataclasses.replace(batch, **arrays)


def _single_threaded(worker: int) -> None:
    """One core for each process: there are as many of them as cores are meant to be used."""
    torch.set_num_threads(1)
    numba.set_num_threads(1)
