"""Batches made ahead: in order, never more than asked for, with the errors of their making."""

from __future__ import annotations

import threading
import time
from itertools import islice

import pytest

from hand_pose_ros.training.prefetcher import Prefetcher, stream


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_batches_come_in_order_from_the_first_step(depth: int) -> None:
    batches = stream(lambda step: step * step, 5, depth)
    assert list(islice(batches, 4)) == [25, 36, 49, 64]
    batches.close()


def test_an_error_while_making_a_batch_reaches_who_asks_for_it() -> None:
    def broken(step: int) -> int:
        raise RuntimeError(f"batch {step} failed")

    prefetcher = Prefetcher(broken, 5, 2)
    with pytest.raises(RuntimeError, match="batch 5 failed"):
        prefetcher.get()
    prefetcher.close()


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
