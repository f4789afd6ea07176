"""The refinement of all hands of a frame on a GPU, in one crossing each way: the same hands as :class:`Refiner`'s.

In: :class:`RefineRequest`, one a hand. Out: :class:`Refined`. Each hand's numbers and its crop go over in one row; two
kernels, the regression and the surface fit, run a block of threads a hand and a fit; what may be needed is computed
side by side (both starting points, the fit with a free shape), and what is taken is chosen as on the CPU. How they
cross, captured as a CUDA graph, is :mod:`hand_pose_ros.network.gpu_graph`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hand_pose_ros.hand import skeleton
from hand_pose_ros.network.gpu.cuda_kernels import Argument, CudaKernels, KernelError, Launcher
from hand_pose_ros.network.gpu_graph import CudaDriver, Driver, GraphBackend
from hand_pose_ros.refine.gpu.kernel_source import (
    INPUT,
    OUTPUT,
    PROBLEMS,
    THREADS,
    kernel_source,
    unsupported,
)
from hand_pose_ros.refine.previous_frame import PreviousFrame
from hand_pose_ros.refine.refiner import (
    HandGeometry,
    NetworkPose,
    RefineConfig,
    Refined,
    Refiner,
    RefineRequest,
    slack_of,
)
from hand_pose_ros.refine.surface_fit import fit_statistics, surface_trust
from hand_pose_ros.validation import finite_array

__all__ = ["GpuRefiner", "KernelError", "RefinementKernels", "gpu_refiner"]

_KNOWN, _FREE = 0, 2
"""The first fit of each pair: of the known shape, of a free one; the second begins from the previous angles."""


class RefinementKernels(nn.Module):
    """numbers (N, ``INPUT``), crops (N, S, S) -> (N, ``OUTPUT``): float32 tensors that hold the layouts' bytes."""

    def __init__(self, launcher: Launcher, shared_bytes: dict[str, int]) -> None:
        """shared_bytes: of the blocks of each kernel, in the order in which they run."""
        super().__init__()
        self._launcher, self._shared_bytes = launcher, shared_bytes

    def forward(self, numbers: Tensor, crops: Tensor) -> Tensor:
        """On the device and the stream that are current."""
        count = len(numbers)
        output = torch.empty(count, _WORDS[OUTPUT], dtype=torch.float32, device=numbers.device)
        tensors = (crops, numbers, output)
        arguments: list[Argument] = [part for tensor in tensors for part in (tensor, tensor.stride(0))]
        for name, shared_bytes in self._shared_bytes.items():
            blocks = count if name == "regress" else count * PROBLEMS
            self._launcher.launch(name, blocks, THREADS, shared_bytes, arguments)
        return output


_WORDS = {layout: layout.itemsize // 4 for layout in (INPUT, OUTPUT)}


class GpuRefiner(Refiner):
    """A :class:`Refiner` that leaves the work to kernels; what they cannot do it does itself, on the CPU."""

    def __init__(self, config: RefineConfig, crop_size: int, kernels: nn.Module, driver: Driver) -> None:
        """kernels: a :class:`RefinementKernels` for crops of this size, on the driver's device."""
        super().__init__(config)
        self._crop_size = crop_size
        self._backend = GraphBackend(kernels, [(_WORDS[INPUT],), (crop_size, crop_size)], driver, "float64")

    def refine_all(self, requests: Sequence[RefineRequest]) -> list[Refined]:
        """As :meth:`Refiner.refine_all`, all hands at once."""
        if not requests or any(r.estimate.crop.shape != (self._crop_size,) * 2 for r in requests):
            return [Refiner.refine(self, r.estimate, r.geometry, r.previous, r.fit_shape) for r in requests]
        numbers = np.zeros(len(requests), INPUT)
        for row, request in zip(numbers, requests, strict=True):
            self._fill(row, request)
        crops = np.stack([request.estimate.crop for request in requests])
        packed = self._backend(numbers.view(np.float32).reshape(len(requests), -1), crops)
        answers = np.ascontiguousarray(packed).view(OUTPUT)[:, 0]
        return [self._refined(row, answer) for row, answer in zip(numbers, answers, strict=True)]

    def refine(
        self,
        estimate: NetworkPose,
        geometry: HandGeometry | None = None,
        previous: PreviousFrame | None = None,
        fit_shape: bool = False,
    ) -> Refined:
        """As :meth:`Refiner.refine`."""
        return self.refine_all([RefineRequest(estimate, geometry or HandGeometry(), previous, fit_shape)])[0]

    def _fill(self, row: Any, request: RefineRequest) -> None:
        """One hand's numbers into a row of INPUT. ValueError as of the stages on the CPU."""
        estimate, geometry, previous = request.estimate, request.geometry, request.previous
        row["joints"], row["sigma"] = estimate.joints, estimate.sigma
        row["parameters"] = finite_array("start", estimate.parameters, (skeleton.PARAMETER_COUNT,))
        row["network_shape"] = estimate.shape
        if geometry.shape is not None:
            row["shape"] = finite_array("shape", geometry.shape, (skeleton.SHAPE_COUNT,))
            row["shape_known"], row["fit_shape"] = 1.0, float(request.fit_shape)
        if geometry.shape is None or request.fit_shape:
            finite_array("shape", estimate.shape, (skeleton.SHAPE_COUNT,))
        row["thickness"] = finite_array("thickness", geometry.thickness, ())
        spread = geometry.thickness_spread
        row["thickness_spread"] = self.config.surface.thickness_spread if spread is None else spread
        if previous is not None and previous.angles is not None:
            row["previous_angles"] = finite_array("previous", previous.angles, (skeleton.ANGLE_COUNT,))
            row["previous_known"] = 1.0
        row["slack"] = slack_of(previous)
        row["trust"] = surface_trust(estimate.sigma, self.config.surface.trusted_sigma_m)
        row["distance"], row["half"] = estimate.frame.distance, estimate.frame.half

    def _refined(self, row: Any, answer: Any) -> Refined:
        """What the CPU would have taken of a hand's fits."""
        known, solutions = bool(row["shape_known"]), answer["solutions"]
        hand = self._chosen(row, solutions, _KNOWN if known else _FREE)
        fitted_shape: Any = None
        if not known:
            fitted_shape = hand["shape"].copy()
        elif row["fit_shape"]:
            fitted_shape = self._chosen(row, solutions, _FREE)["shape"].copy()
        return Refined(
            hand["rotation"].copy(), hand["translation"].copy(), hand["angles"].copy(), hand["shape"].copy(),
            hand["joints"].copy(), float(hand["thickness"]), float(hand["thickness_spread"]),
            fit_statistics(hand["pixel_counts"], hand["sample_counts"]), fitted_shape,
        )  # fmt: skip

    def _chosen(self, row: Any, solutions: Any, first: int) -> Any:
        """Of a pair of fits the one from the network's angles, unless the previous ones are far and lead lower."""
        hand, other = solutions[first], solutions[first + 1]
        if not row["previous_known"] or not hand["tips_moved"] > self.config.surface.restart_m:
            return hand
        return other if other["energy"] < hand["energy"] else hand


def gpu_refiner(config: RefineConfig, crop_size: int) -> GpuRefiner:
    """A refiner on the current CUDA device. KernelError where there can be none."""
    problem = unsupported(config, crop_size)
    if problem:
        raise KernelError(problem)
    names = ["fit"] if config.regressor is None else ["regress", "fit"]
    kernels = CudaKernels(kernel_source(config, crop_size), names)
    sizes = dict(zip(("regress", "fit", "input", "output"), kernels.constants("SIZES", 4), strict=True))
    if (sizes["input"], sizes["output"]) != (INPUT.itemsize, OUTPUT.itemsize):
        raise KernelError("the kernels' layout is not that of this package")
    for name in names:
        kernels.allow_shared_memory(name, sizes[name])
    module = RefinementKernels(kernels, {name: sizes[name] for name in names})
    return GpuRefiner(config, crop_size, module, CudaDriver(torch.device("cuda")))
