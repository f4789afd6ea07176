"""ONNX Runtime and OpenVINO as backends, on the CPU. Neither is loaded before it is opened.

In: an :class:`~hand_pose_ros.network.onnx_file.OnnxFile`. Out: a :class:`~hand_pose_ros.network.backend.Backend`.
MissingBackendError where the library is not installed, OnnxError where it cannot run the file.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.network.backend import (
    Backend,
    BackendConfig,
    Device,
    Head,
    HeadFactory,
    MissingBackendError,
)
from hand_pose_ros.network.onnx_file import OnnxError, OnnxFile
from hand_pose_ros.network.onnx_part import input_names, output_names, part_of
from hand_pose_ros.network.processor import multiplies_bfloat16
from hand_pose_ros.validation import shown

Array32 = NDArray[np.float32]

_LOGGER = logging.getLogger(__name__)
_NO_TELEMETRY = "ORT_DISABLE_TELEMETRY"


class OnnxRuntimeBackend:
    """float32 on the CPU, in the calling thread where ``threads`` is 1."""

    name = "onnxruntime"
    precision = "float32"

    def __init__(self, file: OnnxFile, config: BackendConfig, head: HeadFactory | None = None) -> None:
        # Before it is loaded: from 1.32 on it counts its uses in the user's home, with an id, for Microsoft.
        os.environ.setdefault(_NO_TELEMETRY, "1")
        try:
            import onnxruntime
        except ImportError as error:
            raise MissingBackendError(
                f"onnxruntime cannot be imported ({shown(error)}): pip install onnxruntime"
            ) from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = config.threads, 1
        # Threads that wait for work by spinning take the cores of others, whether there is a hand or not.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3  # errors: its warnings are about its own optimisations
        self._part = part = _part(file, head)
        try:
            session = onnxruntime.InferenceSession(part.model, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its errors have no class in common
            raise OnnxError(f"{file.path}: ONNX Runtime cannot run it: {shown(error)}") from error
        self.device = Device("cpu")
        self._session: Any = session

    def __call__(self, *inputs: Array32) -> Array32:
        """As :class:`Backend`."""
        part = self._part
        given = dict(zip(part.names, (inputs[i] for i in part.fed), strict=True))
        return part.finished([np.asarray(array) for array in self._session.run(None, given)], inputs)


class OpenVinoBackend:
    """float32; bfloat16 where it is asked for, on CPUs that multiply it themselves."""

    name = "openvino"

    def __init__(self, file: OnnxFile, config: BackendConfig, head: HeadFactory | None = None) -> None:
        try:
            import openvino
        except ImportError as error:
            raise MissingBackendError(
                f"openvino cannot be imported ({shown(error)}): pip install openvino"
            ) from error
        wide = config.precision != "bfloat16" or not multiplies_bfloat16()
        settings = {
            "INFERENCE_NUM_THREADS": config.threads,
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": 1,
            "INFERENCE_PRECISION_HINT": "f32" if wide else "bf16",
        }
        self._part = part = _part(file, head)
        try:
            core = openvino.Core()
            network = core.read_model(part.model, b"")
            self._request: Any = core.compile_model(network, "CPU", settings).create_infer_request()
        except Exception as error:  # its errors have no class in common
            raise OnnxError(f"{file.path}: OpenVINO cannot run it: {shown(error)}") from error
        self.device = Device("cpu")
        self.precision = "float32" if wide else "bfloat16"

    def __call__(self, *inputs: Array32) -> Array32:
        """As :class:`Backend`."""
        part = self._part
        # What a head reads is read before the next call; an output is the caller's own.
        found = self._request.infer(
            [inputs[i] for i in part.fed], share_inputs=True, share_outputs=part.head is not None
        )
        return part.finished([np.asarray(found[i], np.float32) for i in range(len(found))], inputs)


class _Part(NamedTuple):
    """What a runtime is given of a file, and what goes on from there."""

    model: bytes
    names: tuple[str, ...]
    """Of its inputs."""
    fed: tuple[int, ...]
    """Which of the whole file's inputs these are."""
    head: Head | None

    def finished(self, found: Sequence[Array32], inputs: Sequence[Array32]) -> Array32:
        """What the runtime gave -> the network's output."""
        return found[0] if self.head is None else self.head(*found, *inputs)


def _part(file: OnnxFile, make: HeadFactory | None) -> _Part:
    """The convolutions and the head that ``make`` gives, where the file gives what this reads; else the whole network,
    with a line where that is not as it should be. OnnxError where the file is no ONNX file."""
    try:
        names, outputs = input_names(file.data), output_names(file.data)
    except (ValueError, IndexError) as error:
        raise OnnxError(f"{file.path}: not a readable ONNX file ({shown(error)})") from error
    model, head = file.data, None
    try:
        head = None if make is None else make()
        if head is not None and not set(head.reads) <= set(outputs):
            head = None
        model = part_of(file.data, outputs[:1] if head is None else head.reads)
    except (ValueError, IndexError) as error:
        head = None
        _LOGGER.warning("hand_pose_ros: %s: run as a whole, which takes longer: %s", file.path, shown(error))
    read = input_names(model)
    return _Part(model, read, tuple(names.index(name) for name in read), head)


OPENERS: dict[str, Callable[[OnnxFile, BackendConfig, HeadFactory | None], Backend]] = {
    OnnxRuntimeBackend.name: OnnxRuntimeBackend,
    OpenVinoBackend.name: OpenVinoBackend,
}
"""By the names of ``backend.BACKENDS``."""
