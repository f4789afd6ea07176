"""Where a trained network runs: torch, ONNX Runtime or OpenVINO, behind one small interface. Loads none of them itself.

In: a weights file and how it is to run (:class:`BackendConfig`). Out: a :class:`Backend`: float32 arrays in, one
float32 array out, whatever computes it. torch is the reference, and the only one on a GPU; the other two run the ONNX
file that ``hand-pose export --onnx`` makes of the weights and leaves beside them. Each is tried on the ONNX file's own
example when it is loaded, and only one that agrees with the reference is taken.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros import validation
from hand_pose_ros.network.onnx_file import OnnxError, OnnxFile, read_onnx_file
from hand_pose_ros.network.processor import has_gpu_driver
from hand_pose_ros.validation import shown

Array32 = NDArray[np.float32]

BACKENDS: tuple[str, ...] = ("auto", "torch", "onnxruntime", "openvino")
DEVICES: tuple[str, ...] = ("auto", "cpu", "cuda")
PRECISIONS: tuple[str, ...] = ("auto", "float32", "bfloat16")
"""Of the network's convolutions. auto: float32, for bfloat16 does not agree: it moves the joints of hands that the
network is not sure of by more than parity allows (docs/experiments/speed.md)."""
# Relative errors of the whole output against the reference that count as agreeing. Guessed: float32 is a thousand times
# nearer (measured: 1e-6), bfloat16 ten times; a wrong or damaged network is off by more than its output.
_FLOAT32_ERROR, _BFLOAT16_ERROR = 1e-3, 0.2
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class Device:
    """What a network runs on."""

    type: str
    """cpu or cuda."""

    def __str__(self) -> str:
        return self.type


class Backend(Protocol):
    """A network, ready to run."""

    name: str
    """One of BACKENDS, but auto."""
    device: Device
    """What it runs on."""
    precision: str
    """float32 or bfloat16: of its convolutions."""

    def __call__(self, *inputs: Array32) -> Array32:
        """The network's inputs, each (N, ...) float32 -> its output (N, ...) float32, the caller's own."""


class Head(Protocol):
    """What is behind a network's convolutions, computed outside of what runs these."""

    reads: tuple[str, ...]
    """Names of the ONNX file's outputs that it goes on from."""

    def __call__(self, *arrays: Array32) -> Array32:
        """What it reads, then the network's inputs, each (N, ...) -> the network's output (N, ...)."""


class MissingBackendError(Exception):
    """The library of a backend is not installed; the message names it."""


@dataclass(frozen=True)
class BackendConfig:
    """How a network is to run. ValueError, naming the field, on a value that makes no sense."""

    backend: str = "auto"
    """One of BACKENDS; auto: the fastest that is installed and agrees with torch."""
    device: str = "auto"
    """One of DEVICES; auto: CUDA where torch finds it, else the CPU."""
    precision: str = "auto"
    """One of PRECISIONS."""
    threads: int = 1
    """Of the CPU."""

    def __post_init__(self) -> None:
        validation.one_of(self, BACKENDS, "backend")
        validation.one_of(self, DEVICES, "device")
        validation.one_of(self, PRECISIONS, "precision")
        validation.whole(self, "threads", most=64)
        on_cpu = self.backend in ("auto", "torch") or self.device != "cuda"
        validation.require(on_cpu, "", "backend", self.backend, "auto or torch with device 'cuda'")
        float32 = self.backend != "onnxruntime" or self.precision != "bfloat16"
        validation.require(
            float32, "", "backend", self.backend, "torch or openvino with precision 'bfloat16'"
        )


HeadFactory = Callable[[], Head]
TorchFactory = Callable[[BackendConfig], Backend]


def candidates(config: BackendConfig) -> tuple[str, ...]:
    """The backends to try on a CPU, the fastest first; torch is always the last.

    The order is measured (docs/experiments/speed.md): in float32 ONNX Runtime takes the least time; bfloat16, where it
    is asked for, it has not.
    """
    if config.backend != "auto":
        return (config.backend,) if config.backend == "torch" else (config.backend, "torch")
    if config.precision == "bfloat16":
        return ("openvino", "torch")
    return ("onnxruntime", "openvino", "torch")


def open_backend(
    weights: Path,
    sha256: str,
    config: BackendConfig,
    torch_backend: TorchFactory,
    head: HeadFactory | None = None,
) -> Backend:
    """A backend that runs weights whose content hash is ``sha256``; ``torch_backend`` makes the reference, ``head``
    what computes faster what is behind the convolutions (ValueError where it cannot).

    Where the ONNX file beside the weights is missing, stale or damaged, or what runs it does not agree, the next
    backend is taken, torch in the end, and that is logged in one line. ValueError where a backend is asked for by name
    that is not installed.
    """
    chosen = candidates(config)
    if config.device == "cuda" or (config.device == "auto" and has_gpu_driver() and _finds_cuda()):
        chosen = ("torch",)
    problem = ""
    for name in chosen:
        if name == "torch":
            break
        try:
            return _open_onnx(name, read_onnx_file(weights.with_suffix(".onnx"), sha256), config, head)
        except MissingBackendError as error:
            if config.backend == name:
                raise ValueError(f"backend is '{name}', but {error}, want it installed, or auto") from error
        except OnnxError as error:
            problem = str(error)
    if problem:
        _LOGGER.warning("hand_pose_ros: torch runs the network, which takes longer: %s", problem)
    return torch_backend(config)


def _open_onnx(name: str, file: OnnxFile, config: BackendConfig, head: HeadFactory | None) -> Backend:
    """One that agrees with the file's example; OnnxError where it does not."""
    from hand_pose_ros.network.onnx_backends import OPENERS  # loads neither library before it is wanted

    backend = OPENERS[name](file, config, head)
    allowed = _BFLOAT16_ERROR if backend.precision == "bfloat16" else _FLOAT32_ERROR
    wanted = file.example_output
    try:
        found = backend(*file.example_inputs())
    except Exception as error:  # the libraries' errors have no class in common
        raise OnnxError(f"{file.path}: {name} cannot run it: {shown(error)}") from error
    off = relative_error(found, wanted)
    if not off <= allowed:
        raise OnnxError(
            f"{file.path}: {name} is off by {off:.2g} of torch's own output, want at most {allowed:g}"
        )
    return backend


def relative_error(found: Array32, wanted: Array32) -> float:
    """Length of the difference over that of what is wanted; infinite where sizes differ or a number is not finite.

    NaN in what is wanted stands for a head that the network has not: it must be there in what is found, too.
    """
    absent = np.isnan(wanted)
    if found.shape != wanted.shape or not np.array_equal(np.isnan(found), absent):
        return float("inf")
    if not np.isfinite(found[~absent]).all():
        return float("inf")
    length = max(float(np.linalg.norm(wanted[~absent])), 1e-12)
    with np.errstate(over="ignore"):  # numbers that a damaged file gives may be of any size
        return float(np.linalg.norm(found[~absent] - wanted[~absent])) / length


def _finds_cuda() -> bool:
    from hand_pose_ros.network.device import pick_device  # torch: asked only where a driver is there

    return pick_device("auto").type == "cuda"
