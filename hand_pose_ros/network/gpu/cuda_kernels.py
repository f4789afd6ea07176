"""CUDA C++ compiled and launched from Python: NVRTC and the driver's interface, which every torch for CUDA brings.

In: source text and names of kernels in it. Out: :class:`CudaKernels`, which launches them on torch's current stream, so
that they can be captured in a CUDA graph together with what torch does. No compiler and no toolkit need be installed.

Interfaces: NVIDIA's "NVRTC" user guide, and "CUDA Driver API", modules "Module Management" and "Execution Control".
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

_MAX_DYNAMIC_SHARED_BYTES = 8  # CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES


Argument = Tensor | int
"""Of a kernel: a tensor's place, or a whole number of 64 bits."""


class KernelError(RuntimeError):
    """Kernels cannot be compiled or loaded here; the message says why."""


class Launcher(Protocol):
    """What runs kernels of a source."""

    def launch(
        self, name: str, blocks: int, threads: int, shared_bytes: int, arguments: Sequence[Argument]
    ) -> None:
        """As :meth:`CudaKernels.launch`."""


class CudaKernels:
    """Compiled kernels on the current CUDA device."""

    def __init__(self, source: str, names: Sequence[str]) -> None:
        """KernelError where the libraries are missing, or where they refuse the source."""
        self._driver = _library("libcuda.so.1")
        image = _compile(source)
        torch.zeros(1, device="cuda")  # makes the device's context the thread's
        module = ctypes.c_void_p()
        self._check("loading kernels", self._driver.cuModuleLoadData(ctypes.byref(module), image))
        self._module = module
        self._functions: dict[str, ctypes.c_void_p] = {}
        for name in names:
            function = ctypes.c_void_p()
            status = self._driver.cuModuleGetFunction(ctypes.byref(function), module, name.encode())
            self._check(f"kernel '{name}'", status)
            self._functions[name] = function

    def constants(self, name: str, count: int) -> list[int]:
        """The values of a variable of the source: an array of ``count`` unsigned 64-bit numbers."""
        place, size = ctypes.c_uint64(), ctypes.c_size_t()
        status = self._driver.cuModuleGetGlobal_v2(
            ctypes.byref(place), ctypes.byref(size), self._module, name.encode()
        )
        self._check(f"variable '{name}'", status)
        values = (ctypes.c_uint64 * count)()
        self._check(
            f"variable '{name}'",
            self._driver.cuMemcpyDtoH_v2(values, place, ctypes.c_size_t(ctypes.sizeof(values))),
        )
        return list(values)

    def allow_shared_memory(self, name: str, size: int) -> None:
        """Blocks of a kernel may share so many bytes. KernelError where the device has not so many."""
        status = self._driver.cuFuncSetAttribute(self._functions[name], _MAX_DYNAMIC_SHARED_BYTES, size)
        self._check(f"{size} bytes of shared memory", status)

    def launch(
        self, name: str, blocks: int, threads: int, shared_bytes: int, arguments: Sequence[Argument]
    ) -> None:
        """Run a kernel on the current stream. RuntimeError where it cannot."""
        values = [
            ctypes.c_int64(value) if isinstance(value, int) else ctypes.c_uint64(value.data_ptr())
            for value in arguments
        ]
        places = (ctypes.c_void_p * len(values))(
            *(ctypes.cast(ctypes.byref(v), ctypes.c_void_p) for v in values)
        )
        stream = ctypes.c_void_p(torch.cuda.current_stream().cuda_stream)
        status = self._driver.cuLaunchKernel(
            self._functions[name], blocks, 1, 1, threads, 1, 1, shared_bytes, stream, places, None
        )
        if status:
            raise RuntimeError(f"CUDA error {status} where kernel '{name}' was launched")

    @staticmethod
    def _check(what: str, status: int) -> None:
        if status:
            raise KernelError(f"{what}: CUDA error {status}")


def _compile(source: str) -> bytes:
    """Machine code for the current device."""
    nvrtc = _nvrtc()
    program = ctypes.c_void_p()
    status = nvrtc.nvrtcCreateProgram(ctypes.byref(program), source.encode(), b"kernels.cu", 0, None, None)
    if status:
        raise KernelError(f"NVRTC error {status} where a program was made")
    try:
        major, minor = torch.cuda.get_device_capability()
        options = [f"--gpu-architecture=sm_{major}{minor}".encode(), b"--std=c++14", b"--disable-warnings"]
        status = nvrtc.nvrtcCompileProgram(program, len(options), (ctypes.c_char_p * len(options))(*options))
        if status:
            log = _text(nvrtc.nvrtcGetProgramLogSize, nvrtc.nvrtcGetProgramLog, program)
            raise KernelError(f"NVRTC error {status}: {log.decode(errors='replace').strip()}")
        return _text(nvrtc.nvrtcGetCUBINSize, nvrtc.nvrtcGetCUBIN, program)
    finally:
        nvrtc.nvrtcDestroyProgram(ctypes.byref(program))


def _text(size_of: Callable[..., int], read: Callable[..., int], program: ctypes.c_void_p) -> bytes:
    """What NVRTC has of a program: how long it is, then itself."""
    size = ctypes.c_size_t()
    if size_of(program, ctypes.byref(size)):
        return b""
    buffer = ctypes.create_string_buffer(max(size.value, 1))
    return buffer.raw if not read(program, buffer) else b""


def _nvrtc() -> ctypes.CDLL:
    """The compiler's library, of the CUDA version that torch was built for."""
    if torch.version.cuda is None:
        raise KernelError("this torch is not built for CUDA")
    major, minor = torch.version.cuda.split(".")[:2]
    folder = Path(torch.__file__).parent
    # Where pip puts NVIDIA's packages; then torch's own stub, which depends on NVRTC wherever it lies: looking up a
    # name in it finds NVRTC's.
    installed = sorted(folder.parent.glob(f"nvidia/*/lib/libnvrtc.so.{major}*"))
    return _library(
        f"libnvrtc.so.{major}", f"libnvrtc.so.{major}.{minor}", *(str(path) for path in installed),
        str(folder / "lib" / "libcaffe2_nvrtc.so"), "libnvrtc.so",
    )  # fmt: skip


def _library(*names: str) -> ctypes.CDLL:
    problems = []
    for name in names:
        try:
            return ctypes.CDLL(name)
        except OSError as error:
            problems.append(str(error))
    raise KernelError("; ".join(problems))
