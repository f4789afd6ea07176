"""The GPU's kernels compiled for the CPU (emulation.cpp), and a device that the host plays."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import torch

from hand_pose_ros.network.backend import Device
from hand_pose_ros.refine.gpu.gpu_refiner import GpuRefiner, RefinementKernels
from hand_pose_ros.refine.gpu.kernel_source import kernel_source
from hand_pose_ros.refine.refiner import RefineConfig

COMPILER = shutil.which("g++")


class EmulatedKernels:
    """Launches the kernels on tensors of the host."""

    def __init__(self, config: RefineConfig, size: int, folder: Path, threads: int | None = None) -> None:
        """threads: of a block, None for as many as on a GPU; negative: they run in the opposite order."""
        source, library = folder / "kernels.cu", folder / "kernels.so"
        source.write_text(kernel_source(config, size), encoding="utf-8")
        subprocess.run(
            [str(COMPILER), "-O1", "-std=c++17", "-w", "-shared", "-fPIC", f'-DKERNELS="{source}"',
             str(Path(__file__).with_name("emulation.cpp")), "-o", str(library)], check=True,
        )  # fmt: skip
        self.library = ctypes.CDLL(str(library))
        self.sizes = list((ctypes.c_uint64 * 4).in_dll(self.library, "SIZES"))
        self.threads = threads

    def launch(self, name, blocks, threads, shared_bytes, arguments):
        values = []
        for tensor, stride in arguments:
            values += [ctypes.c_void_p(tensor.data_ptr()), ctypes.c_longlong(stride)]
        count = self.threads or threads
        self.library.launch(int(name == "fit"), blocks, abs(count), int(count < 0), *values)


class HostDriver:
    """The host plays the device; every crossing is counted."""

    device = Device("cuda")

    def __init__(self, captures: bool = True) -> None:
        self.count: Counter[str] = Counter()
        self._captures = captures

    def host_buffer(self, rows, columns):
        return torch.empty(rows, columns)

    def device_buffer(self, rows, columns):
        return torch.empty(rows, columns)

    def upload(self, host, device):
        self.count["upload"] += 1
        device.copy_(host)

    def download(self, device, host):
        self.count["download"] += 1
        host.copy_(device)

    def wait(self):
        self.count["wait"] += 1

    def capture(self, work):
        if not self._captures:
            raise RuntimeError("operation not permitted when stream is capturing")
        result = work()

        def replay():
            self.count["replay"] += 1
            result.copy_(work())

        return replay, result


def emulated_refiner(
    kernels: EmulatedKernels, config: RefineConfig, size: int, driver: HostDriver
) -> GpuRefiner:
    names = ["fit"] if config.regressor is None else ["regress", "fit"]
    return GpuRefiner(config, size, RefinementKernels(kernels, dict.fromkeys(names, 0)), driver)
