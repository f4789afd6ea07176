"""A GPU's kernels compiled for the CPU (emulation.cpp), and a device that the host plays."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import torch

from hand_pose_ros.network.backend import Device

COMPILER = shutil.which("g++")


class EmulatedKernels:
    """Launches the kernels of a source on tensors of the host."""

    def __init__(self, source: str, sizes: int, folder: Path, threads: int | None = None) -> None:
        """sizes: how many there are in the source's SIZES; threads: of a block, None for as many as on a GPU,
        negative: they run in the opposite order."""
        text, library = folder / "kernels.cu", folder / "kernels.so"
        text.write_text(source, encoding="utf-8")
        subprocess.run(
            [str(COMPILER), "-O1", "-std=c++17", "-w", "-shared", "-fPIC", f'-DKERNELS="{text}"',
             str(Path(__file__).with_name("emulation.cpp")), "-o", str(library)], check=True,
        )  # fmt: skip
        self.library = ctypes.CDLL(str(library))
        self.sizes = list((ctypes.c_uint64 * sizes).in_dll(self.library, "SIZES"))
        self.threads = threads

    def launch(self, name, blocks, threads, shared_bytes, arguments):
        words = [part if isinstance(part, int) else part.data_ptr() for part in arguments]
        kernel = ctypes.cast(self.library[name], ctypes.c_void_p).value
        count = self.threads or threads
        self.library.launch(
            ctypes.c_longlong(kernel), blocks, abs(count), int(count < 0), (ctypes.c_longlong * 16)(*words)
        )


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
