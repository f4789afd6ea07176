"""ONNX Runtime and OpenVINO as backends, on the CPU. Neither is loaded before it is opened.

In: an :class:`~hand_pose_ros.network.onnx_file.OnnxFile`. Out: a :class:`~hand_pose_ros.network.backend.Backend`.
MissingBackendError where the library is not installed, OnnxError where it cannot run the file.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.network.backend import Backend, BackendConfig, Device, MissingBackendError
from hand_pose_ros.network.onnx_file import OnnxError, OnnxFile
from hand_pose_ros.network.processor import multiplies_bfloat16
from hand_pose_ros.validation import shown

Array32 = NDArray[np.float32]

_NO_TELEMETRY = "ORT_DISABLE_TELEMETRY"


class OnnxRuntimeBackend:
    """float32 on the CPU, in the calling thread where ``threads`` is 1."""

    name = "onnxruntime"
    precision = "float32"

    def __init__(self, file: OnnxFile, config: BackendConfig) -> None:
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
        try:
            session = onnxruntime.InferenceSession(file.data, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its errors have no class in common
            raise OnnxError(f"{file.path}: ONNX Runtime cannot run it: {shown(error)}") from error
        self.device = Device("cpu")
        self._session: Any = session
        self._names = [wanted.name for wanted in session.get_inputs()]

    def __call__(self, *inputs: Array32) -> Array32:
        """As :class:`Backend`."""
        (output,) = self._session.run(None, dict(zip(self._names, inputs, strict=True)))
        return np.asarray(output)


class OpenVinoBackend:
    """bfloat16 on CPUs that multiply it themselves, unless float32 is asked for; float32 on others."""

    name = "openvino"

    def __init__(self, file: OnnxFile, config: BackendConfig) -> None:
        try:
            import openvino
        except ImportError as error:
            raise MissingBackendError(
                f"openvino cannot be imported ({shown(error)}): pip install 'hand_pose_ros[openvino]'"
            ) from error
        wide = config.precision == "float32" or not multiplies_bfloat16()
        settings = {
            "INFERENCE_NUM_THREADS": config.threads,
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": 1,
            "INFERENCE_PRECISION_HINT": "f32" if wide else "bf16",
        }
        try:
            core = openvino.Core()
            model = core.read_model(file.data, b"")
            self._request: Any = core.compile_model(model, "CPU", settings).create_infer_request()
        except Exception as error:  # its errors have no class in common
            raise OnnxError(f"{file.path}: OpenVINO cannot run it: {shown(error)}") from error
        self.device = Device("cpu")
        self.precision = "float32" if wide else "bfloat16"

    def __call__(self, *inputs: Array32) -> Array32:
        """As :class:`Backend`."""
        found = self._request.infer(list(inputs), share_inputs=True, share_outputs=False)
        return np.asarray(found[0], np.float32)


OPENERS: dict[str, Callable[[OnnxFile, BackendConfig], Backend]] = {
    OnnxRuntimeBackend.name: OnnxRuntimeBackend,
    OpenVinoBackend.name: OpenVinoBackend,
}
"""By the names of ``backend.BACKENDS``."""
