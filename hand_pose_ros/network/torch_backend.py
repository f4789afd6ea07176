"""torch as a backend: the reference, on the CPU as a frozen script, and the only one on a GPU.

In: a network (module of float32 tensors in, one float32 tensor out), shapes of its inputs, a device. Out: a
:class:`~hand_pose_ros.network.backend.Backend`.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hand_pose_ros.network.backend import Backend, BackendConfig, Device, relative_error
from hand_pose_ros.network.device import multiplies_bfloat16, pick_device
from hand_pose_ros.network.gpu_graph import CudaDriver, GraphBackend
from hand_pose_ros.network.onnx_file import example_inputs

Array32 = NDArray[np.float32]
Shapes = Sequence[Sequence[int]]

# A frozen script computes what the module does but for the order of sums: convolutions are fused with what follows.
_SAME = 1e-4
_SAME_BFLOAT16 = 0.05
_SAME_HALF = 0.02  # measured: below 0.001 in float16
_LOGGER = logging.getLogger(__name__)


class TorchBackend:
    """On the CPU."""

    name = "torch"

    def __init__(self, run: Callable[..., Tensor], precision: str) -> None:
        self.device = Device("cpu")
        self.precision = precision
        self._run = run

    def __call__(self, *inputs: Array32) -> Array32:
        """As :class:`Backend`."""
        with torch.inference_mode():
            return np.asarray(self._run(*(torch.from_numpy(array) for array in inputs)).numpy())


def torch_backend(build: Callable[[str], nn.Module], shapes: Shapes, config: BackendConfig) -> Backend:
    """The backend for a network that ``build(precision)`` makes on the CPU, with inputs of these shapes, without the
    batch. ValueError where CUDA is asked for and is not there, or float16 without it."""
    device = pick_device(config.device)
    on_cpu = device.type == "cpu"
    precision = config.precision
    if precision == "auto":
        fast = multiplies_bfloat16(device)
        precision = ("bfloat16" if fast else "float32") if on_cpu else "float16"
    if not on_cpu:
        return _on_gpu(build, shapes, device, precision, asked=config.precision == precision)
    if precision == "float16":
        raise ValueError(
            "precision is 'float16', but the network runs on a CPU, want auto, float32 or bfloat16"
        )
    module = build(precision).eval()
    torch.set_num_threads(config.threads)
    return TorchBackend(_frozen(module, shapes, precision), precision)


def _on_gpu(
    build: Callable[[str], nn.Module], shapes: Shapes, device: torch.device, precision: str, asked: bool
) -> Backend:
    """As graphs; unless asked for, a lower precision only where it agrees with float32 (float16 ends at 65504)."""

    def made(precision: str) -> GraphBackend:
        return GraphBackend(build(precision).eval().to(device), shapes, CudaDriver(device), precision)

    backend = made(precision)
    if precision == "float32" or asked:
        return backend
    exact = made("float32")
    inputs = example_inputs(shapes)
    error = relative_error(backend(*inputs), exact(*inputs))
    if error <= _SAME_HALF:
        return backend
    _LOGGER.warning(
        "hand_pose_ros: the network runs in float32: in %s it is off by %.2g of its output", precision, error
    )
    return exact


def _frozen(module: nn.Module, shapes: Shapes, precision: str) -> Callable[..., Tensor]:
    """The module traced and frozen, which spares half of the small operations' time; itself where this torch cannot, or
    where the script gives other numbers."""
    inputs = [torch.from_numpy(array).repeat(2, *[1] * (array.ndim - 1)) for array in example_inputs(shapes)]
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tracing tells what it takes for constant, which is so here
        wanted = module(*inputs)
        try:
            script = torch.jit.freeze(torch.jit.trace(module, tuple(inputs), check_trace=False))
            found = [script(*(part[:count] for part in inputs)) for count in (1, 2, 1, 2)]
        except (RuntimeError, ValueError, TypeError):
            return module
    allowed = _SAME if precision == "float32" else _SAME_BFLOAT16
    same = all(
        relative_error(part.numpy(), wanted[: len(part)].numpy()) <= allowed and len(part) == count
        for part, count in zip(found, (1, 2, 1, 2), strict=True)
    )
    return script if same else module
