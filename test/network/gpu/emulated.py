"""A GPU's kernels compiled for the CPU (emulation.cpp)."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path

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
