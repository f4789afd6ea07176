"""Crops a second, and the bound that a core sets: it is never below what was seen to be reached."""

from __future__ import annotations

import numpy as np
import pytest

from hand_pose_ros.evaluation import bench_throughput
from hand_pose_ros.evaluation.bench_throughput import (
    Bound,
    Throughput,
    fastest_of_one_core,
    measure_bound,
    measure_throughput,
)
from hand_pose_ros.resources import model_file
from hand_pose_ros.tracking.config import TrackerConfig


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(bench_throughput, "_LEAST_S", 0.02)
    monkeypatch.setattr(bench_throughput, "_PEAK_SIZES", (64,))


def test_the_bound_is_the_operations_over_the_peak():
    assert Bound(2e9, 1e11).bound_ms == pytest.approx(20.0)


@pytest.mark.slow
def test_a_network_that_is_faster_than_products_of_matrices_sets_the_peak():
    weights = model_file("small")
    alone = measure_bound(weights)
    assert alone.peak_a_second > 0.0
    crops_a_second = 100.0 * alone.peak_a_second / alone.operations
    reached = measure_bound(weights, crops_a_second)
    assert reached.operations == alone.operations
    assert reached.bound_ms == pytest.approx(1e3 / crops_a_second)


@pytest.mark.slow
def test_products_of_matrices_count_the_time_of_every_core(monkeypatch):
    """Numpy's BLAS takes them all: by the clock on the wall the peak of one core would be that of the computer."""
    seconds = iter(range(1000))
    monkeypatch.setattr(bench_throughput.time, "process_time", lambda: float(next(seconds)))
    assert measure_bound(model_file("small")).peak_a_second == 2.0 * 64**3


def test_what_did_not_run_on_one_core_in_float32_sets_no_peak_of_it():
    def row(device: str, precision: str, fastest: float) -> Throughput:
        return Throughput("torch", device, precision, 1, fastest - 1.0, (fastest - 2.0, fastest))

    rows = [row("cpu", "float32", 200.0), row("cpu", "float32", 300.0), row("cpu", "bfloat16", 900.0)]
    assert fastest_of_one_core(rows, 1) == 300.0
    assert fastest_of_one_core([*rows, row("cuda:0", "float32", 9e4)], 1) == 300.0
    assert fastest_of_one_core(rows, 4) == 0.0


@pytest.mark.slow
def test_a_row_says_what_ran_and_how_far_its_runs_lie_apart():
    rows = measure_throughput(model_file("small"), TrackerConfig(device="cpu"), [1, 3])
    assert [row.batch for row in rows] == [1, 3]
    for row in rows:
        low, high = row.spread
        assert 0.0 < low <= row.crops_a_second <= high
        assert np.isfinite(high)
