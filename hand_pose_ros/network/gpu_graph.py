"""A network on a GPU with as few crossings as there can be: one copy in, one graph, one copy out, one wait.

In: inputs (N, ...) float32 on the host. Out: the output (N, ...) float32 on the host. All inputs of a batch lie in one
page-locked buffer and all outputs in another, so each way is one transfer; what happens between them is captured as a
CUDA graph for each size of a batch when the backend is made, so that hundreds of small kernels cost one launch.

What a GPU must do stands behind :class:`Driver`, so that the order and the number of the crossings are tested without
one. Measured on an H200: docs/experiments/speed.md.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hand_pose_ros.network.backend import Device
from hand_pose_ros.validation import shown

Array32 = NDArray[np.float32]

CAPTURED_BATCHES: tuple[int, ...] = (1, 2, 4)
"""Sizes of a batch that have a graph: one hand and two, with one or both sides tried. Others run without one."""
_LOGGER = logging.getLogger(__name__)


class Driver(Protocol):
    """What a device does."""

    device: Device

    def host_buffer(self, rows: int, columns: int) -> Tensor:
        """(rows, columns) float32 on the host that the device can copy from and to."""

    def device_buffer(self, rows: int, columns: int) -> Tensor:
        """The same on the device."""

    def upload(self, host: Tensor, device: Tensor) -> None:
        """Begins to copy to the device."""

    def download(self, device: Tensor, host: Tensor) -> None:
        """Begins to copy from the device."""

    def wait(self) -> None:
        """Returns when everything that was begun is done."""

    def capture(self, work: Callable[[], Tensor]) -> tuple[Callable[[], None], Tensor]:
        """What repeats the work, and where its result then lies. RuntimeError where it cannot be captured."""


class CudaDriver:
    """A CUDA device, on a stream of its own."""

    def __init__(self, device: torch.device) -> None:
        self.device = Device(device.type)
        self._device = device
        self._stream: Any = torch.cuda.Stream(device)

    def host_buffer(self, rows: int, columns: int) -> Tensor:
        """As :class:`Driver`."""
        return torch.empty(rows, columns, dtype=torch.float32, pin_memory=True)

    def device_buffer(self, rows: int, columns: int) -> Tensor:
        """As :class:`Driver`."""
        return torch.empty(rows, columns, dtype=torch.float32, device=self._device)

    def upload(self, host: Tensor, device: Tensor) -> None:
        """As :class:`Driver`."""
        with torch.cuda.stream(self._stream):
            device.copy_(host, non_blocking=True)

    def download(self, device: Tensor, host: Tensor) -> None:
        """As :class:`Driver`."""
        with torch.cuda.stream(self._stream):
            host.copy_(device, non_blocking=True)

    def wait(self) -> None:
        """As :class:`Driver`."""
        self._stream.synchronize()

    def capture(self, work: Callable[[], Tensor]) -> tuple[Callable[[], None], Tensor]:
        """As :class:`Driver`; the work runs thrice before, as torch's notes on CUDA graphs want it."""
        with torch.cuda.stream(self._stream):
            for _ in range(3):
                work()
        self._stream.synchronize()
        graph: Any = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=self._stream):
            result = work()

        def replay() -> None:
            with torch.cuda.stream(self._stream):
                graph.replay()

        return replay, result


class _Captured:
    """One size of a batch: its buffers and its graph."""

    def __init__(
        self, count: int, module: nn.Module, sizes: Sequence[int], shapes: Any, driver: Driver
    ) -> None:
        self.host_in = driver.host_buffer(count, sum(sizes))
        self.device_in = driver.device_buffer(count, sum(sizes))
        self.host_in.zero_()
        driver.upload(self.host_in, self.device_in)

        def work() -> Tensor:
            parts = self.device_in.split(list(sizes), dim=1)
            output: Tensor = module(
                *(part.reshape(count, *shape) for part, shape in zip(parts, shapes, strict=True))
            )
            self.tail = output.shape[1:]
            return output.reshape(count, -1)

        self.work = work
        self.replay, self.device_out = driver.capture(work)
        self.host_out = driver.host_buffer(count, self.device_out.shape[1])


class GraphBackend:
    """A :class:`~hand_pose_ros.network.backend.Backend` on a GPU."""

    name = "torch"

    def __init__(
        self, module: nn.Module, shapes: Sequence[Sequence[int]], driver: Driver, precision: str
    ) -> None:
        """module: on the driver's device; shapes: of its inputs, without the batch."""
        self.device, self.precision = driver.device, precision
        self._driver, self._module = driver, module
        self._shapes = [tuple(shape) for shape in shapes]
        self._sizes = [int(np.prod(shape, dtype=np.int64)) for shape in shapes]
        self._captured: dict[int, _Captured] = {}
        with torch.inference_mode():
            for count in CAPTURED_BATCHES:
                try:
                    self._captured[count] = _Captured(count, module, self._sizes, self._shapes, driver)
                except RuntimeError as error:
                    _LOGGER.warning(
                        "hand_pose_ros: no CUDA graph, the network runs kernel by kernel: %s", shown(error)
                    )
                    self._captured.clear()
                    break

    def __call__(self, *inputs: Array32) -> Array32:
        """As :class:`Backend`."""
        count = len(inputs[0])
        captured = self._captured.get(count)
        with torch.inference_mode():
            return self._plain(count, inputs) if captured is None else self._replayed(captured, inputs)

    def _replayed(self, captured: _Captured, inputs: Sequence[Array32]) -> Array32:
        _fill(captured.host_in, inputs)
        self._driver.upload(captured.host_in, captured.device_in)
        captured.replay()
        self._driver.download(captured.device_out, captured.host_out)
        self._driver.wait()
        return np.asarray(captured.host_out.numpy().reshape(len(inputs[0]), *captured.tail).copy())

    def _plain(self, count: int, inputs: Sequence[Array32]) -> Array32:
        """The same without a graph: the same transfers, the same numbers."""
        host_in = self._driver.host_buffer(count, sum(self._sizes))
        device_in = self._driver.device_buffer(count, sum(self._sizes))
        _fill(host_in, inputs)
        self._driver.upload(host_in, device_in)
        self._driver.wait()  # the network runs on the stream that is current, not on the driver's
        parts = device_in.split(self._sizes, dim=1)
        output = self._module(*(p.reshape(count, *s) for p, s in zip(parts, self._shapes, strict=True)))
        return np.asarray(output.float().cpu().numpy())


def _fill(host: Tensor, inputs: Sequence[Array32]) -> None:
    """Inputs (N, ...) beside each other in the rows of (N, columns)."""
    array, first = host.numpy(), 0
    for values in inputs:
        flat = values.reshape(len(values), -1)
        array[:, first : first + flat.shape[1]] = flat
        first += flat.shape[1]
