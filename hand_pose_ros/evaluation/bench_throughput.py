"""Offline batches: how many crops a second each backend computes; and what this core could do at best.

In: weights, sizes of a batch. Out: :class:`Throughput` a row; the network's operations against the measured peak of one
core.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from operator import matmul
from pathlib import Path

import numpy as np

from hand_pose_ros.network.backend import Backend
from hand_pose_ros.network.onnx_file import example_inputs
from hand_pose_ros.tracking.config import TrackerConfig
from hand_pose_ros.tracking.pose_inference import PoseEstimator

# Edges of the matrices whose products give a core's peak; how long and after how many calls is measured. Guessed.
_PEAK_SIZES = (256, 512, 768)
_LEAST_S = 1.0
_WARM_UP = 3


@dataclass(frozen=True)
class Throughput:
    """One row."""

    backend: str
    """What ran."""
    device: str
    """What it ran on."""
    precision: str
    """Of the convolutions."""
    batch: int
    """Crops at once."""
    crops_a_second: float
    """At the median time of a batch."""
    spread: tuple[float, float]
    """The same at the slowest and the fastest twentieth of the batches."""


@dataclass(frozen=True)
class Bound:
    """What one core could do at best."""

    operations: float
    """Multiplications and additions of one crop."""
    peak_a_second: float
    """Operations in a second of one core in float32: the fastest of numpy's and torch's products of matrices, and of
    the network itself where that is faster still: their BLAS may know fewer of the CPU's instructions."""

    @property
    def bound_ms(self) -> float:
        """The least time of a crop, ms."""
        return 1e3 * self.operations / self.peak_a_second


def measure_throughput(weights: Path, config: TrackerConfig, batches: Sequence[int]) -> list[Throughput]:
    """A row a size of the batch."""
    estimator = PoseEstimator(weights, config)
    size = estimator.info.network.crop_size
    return [_throughput(estimator.backend, size, batch) for batch in batches]


def _throughput(backend: Backend, size: int, batch: int) -> Throughput:
    inputs = [np.repeat(array, batch, axis=0) for array in example_inputs(((1, size, size), ()))]
    times = _timed(lambda: backend(*inputs))
    low, middle, high = (batch / seconds for seconds in np.percentile(times, (95, 50, 5)))
    spread = (float(low), float(high))
    return Throughput(backend.name, str(backend.device), backend.precision, batch, float(middle), spread)


def fastest_of_one_core(rows: Sequence[Throughput], threads: int) -> float:
    """Most crops a second that one core reached in float32, of rows measured with so many threads; 0 where none was."""
    narrow = [row for row in rows if row.device == "cpu" and row.precision == "float32" and threads == 1]
    return max((row.spread[1] for row in narrow), default=0.0)


def measure_bound(weights: Path, crops_a_second: float = 0.0) -> Bound:
    """Of the pose network in float32, which reaches so many crops a second, where that is known. Loads torch, which
    counts the operations."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from hand_pose_ros.network.checkpoint import load_checkpoint
    from hand_pose_ros.network.packed_net import PackedNet, input_shapes

    net, info = load_checkpoint(weights)
    inputs = [torch.from_numpy(a) for a in example_inputs(list(input_shapes(info.network).values()))]
    with torch.inference_mode(False), FlopCounterMode(display=False) as counter:
        PackedNet(net)(*inputs)
    torch.set_num_threads(1)
    operations = float(counter.get_total_flops())
    peaks = [operations * crops_a_second]
    for size in _PEAK_SIZES:
        by_torch = torch.rand(size, size)
        by_numpy = by_torch.numpy()
        least_s = min(_core_s(partial(matmul, matrix, matrix)) for matrix in (by_torch, by_numpy))
        peaks.append(2.0 * size**3 / least_s)
    return Bound(operations, max(peaks))


def _core_s(work: Callable[[], object]) -> float:
    """Seconds of one core that a call takes: numpy's BLAS uses all cores, whatever torch was told. The mean of
    _LEAST_S after a warm-up, for Linux counts what other cores do in ticks, which are longer than a call."""
    for _ in range(_WARM_UP):
        work()
    calls, used, started = 0, 0.0, time.process_time()
    while used < _LEAST_S:
        work()
        calls, used = calls + 1, time.process_time() - started
    return used / calls


def _timed(work: Callable[[], object]) -> list[float]:
    """Seconds of each call, for _LEAST_S after a warm-up."""
    for _ in range(_WARM_UP):
        work()
    times: list[float] = []
    while sum(times) < _LEAST_S:
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return times
