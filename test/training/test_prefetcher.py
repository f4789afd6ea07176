"""Batches made ahead: in order, never more than asked for, with the errors of their making."""

from __future__ import annotations

import multiprocessing
import operator
import os
import signal
import threading
import time
from dataclasses import dataclass
from functools import partial
from itertools import islice

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from hand_pose_ros.training import prefetcher
from hand_pose_ros.training.prefetcher import Prefetcher, stream


@dataclass(frozen=True)
class Pair:
    """A batch."""

    values: NDArray[np.float32]
    name: str


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_batches_come_in_order_from_the_first_step(depth: int) -> None:
    batches = stream(lambda step: step * step, 5, depth)
    assert list(islice(batches, 4)) == [25, 36, 49, 64]
    batches.close()


def test_an_error_while_making_a_batch_reaches_who_asks_for_it() -> None:
    ahead = Prefetcher(broken_batch, 5, 2)
    with pytest.raises(RuntimeError, match="batch 5 failed"):
        ahead.get()
    ahead.close()


def test_no_more_than_the_depth_waits_and_the_thread_ends_with_the_generator() -> None:
    made: list[int] = []

    def make(step: int) -> int:
        made.append(step)
        return step

    before = threading.active_count()
    batches = stream(make, 0, 2)
    assert next(batches) == 0
    time.sleep(0.05)
    assert len(made) <= 1 + 2 + 1  # given, waiting, in the making
    batches.close()
    assert threading.active_count() == before


@pytest.mark.parametrize("start", ["fork", pytest.param("spawn", marks=pytest.mark.slow)])
@pytest.mark.parametrize("workers", [1, 2])
def test_processes_give_the_batches_in_order_and_end_with_the_generator(monkeypatch, start, workers) -> None:
    monkeypatch.setattr(prefetcher, "_start_method", lambda: start)
    batches = stream(partial(operator.add, 10), 5, 2, workers)
    assert list(islice(batches, 7)) == [15, 16, 17, 18, 19, 20, 21]
    batches.close()
    assert not multiprocessing.active_children()


@pytest.fixture
def forked() -> None:
    """After GNU OpenMP was used in this process, others are started anew, and do not know these tests."""
    if prefetcher._start_method() != "fork":
        pytest.skip("an earlier test used GNU OpenMP: no process is forked any more")


def broken_batch(step: int) -> int:
    raise RuntimeError(f"batch {step} failed")


def test_arrays_of_a_batch_come_back_from_a_process_as_tensors(forked) -> None:
    batches = stream(lambda step: Pair(np.full((2, 3), step, np.float32), "kept"), 4, 1, 1)
    pair = next(batches)
    batches.close()
    torch.testing.assert_close(pair.values, torch.full((2, 3), 4.0))
    assert pair.name == "kept"


def test_an_error_in_a_process_reaches_who_asks_for_the_batch(forked) -> None:
    batches = stream(broken_batch, 5, 1, 1)
    with pytest.raises(RuntimeError, match="batch 5 failed"):
        next(batches)


@pytest.mark.parametrize(("layer", "method"), [("omp", "spawn"), ("tbb", "fork"), ("workqueue", "fork")])
def test_a_process_is_forked_only_where_its_kernels_threads_allow_it(monkeypatch, layer, method) -> None:
    monkeypatch.setattr(prefetcher.numba, "threading_layer", lambda: layer)
    assert prefetcher._start_method() == method


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("start", ["fork", pytest.param("spawn", marks=pytest.mark.slow)])
def test_ctrl_c_leaves_the_ending_of_the_processes_to_who_started_them(
    start: str, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prefetcher, "_start_method", lambda: start)
    earlier = set(multiprocessing.active_children())
    batches = stream(operator.neg, 0, 1, workers=2)
    try:
        assert next(batches) == 0
        workers = set(multiprocessing.active_children()) - earlier
        for worker in workers:
            assert worker.pid is not None
            os.kill(worker.pid, number)
        assert list(islice(batches, 20)) == [-step for step in range(1, 21)]
        assert number not in signal.pthread_sigmask(signal.SIG_BLOCK, ())  # of this process
    finally:
        batches.close()
    assert workers
    assert not any(worker.is_alive() for worker in workers)
