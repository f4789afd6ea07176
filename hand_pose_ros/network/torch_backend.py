"""torch as a backend: the reference, on the CPU as a frozen script, and the only one on a GPU.

In: a network (module of float32 tensors in, one float32 tensor out), shapes of its inputs, a device. Out: a
:class:`~hand_pose_ros.network.backend.Backend`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hand_pose_ros.network.backend import Backend, BackendConfig, Device, relative_error
from hand_pose_ros.network.device import pick_device
from hand_pose_ros.network.gpu_graph import CudaDriver, GraphBackend
from hand_pose_ros.network.onnx_file import example_inputs

Array32 = NDArray[np.float32]
Shapes = Sequence[Sequence[int]]

# A frozen script computes what the module does but for the order of sums: convolutions are fused with what follows.
# Guessed, both.
_SAME = 1e-4
_SAME_BFLOAT16 = 0.05


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


def _moved(module: nn.Module, device: torch.device) -> nn.Module:
    return module.to(device)


def torch_backend(
    build: Callable[[bool], nn.Module],
    shapes: Shapes,
    config: BackendConfig,
    on_gpu: Callable[[nn.Module, torch.device], nn.Module] = _moved,
) -> Backend:
    """The backend for a network that ``build(bfloat16)`` makes on the CPU, with inputs of these shapes, without the
    batch; ``on_gpu`` brings it to a GPU. ValueError where CUDA is asked for and is not there."""
    device = pick_device(config.device)
    on_cpu = device.type == "cpu"
    bfloat16 = config.precision == "bfloat16"
    precision = "bfloat16" if bfloat16 else "float32"
    module = build(bfloat16).eval()
    if not on_cpu:
        return GraphBackend(on_gpu(module, device), shapes, CudaDriver(device), precision)
    torch.set_num_threads(config.threads)
    return TorchBackend(_frozen(module, shapes, precision), precision)


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
