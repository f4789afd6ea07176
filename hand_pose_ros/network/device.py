"""The device that networks run on.

In: a name as in configurations and on command lines. Out: a ``torch.device``, and what it is made for.
"""

from __future__ import annotations

from typing import Any

import torch

from hand_pose_ros.network.backend import DEVICES
from hand_pose_ros.network.processor import BFLOAT16_FLAGS
from hand_pose_ros.validation import require

_DEVICE_WORDS = ("CUDA", "cuDNN", "CUBLAS", "NVML", "HIP error", "HIP GPUs", "nvrtc", "out of memory")
"""In the texts of torch's RuntimeErrors when a GPU fails, where these have no class of their own."""


def is_device_error(error: BaseException) -> bool:
    """Whether torch raised it because of the device: a GPU that is lost, in use by others, or out of memory."""
    names = ("OutOfMemoryError", "AcceleratorError")
    kinds = tuple(kind for name in names if isinstance(kind := getattr(torch, name, None), type))
    if isinstance(error, (*kinds, torch.cuda.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(word in str(error) for word in _DEVICE_WORDS)


def pick_device(name: str) -> torch.device:
    """The device of that name; ``auto`` is CUDA where there is one, else the CPU.

    ValueError for an unknown name, and for CUDA where there is none.
    """
    require(name in DEVICES, "", "device", name, f"one of {', '.join(DEVICES)}")
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("device is 'cuda', but torch finds no CUDA device here, want auto or cpu")
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether the device does so itself: a GPU, or a CPU with AVX512-BF16 or AMX. Other CPUs imitate it: inference is
    slower than in float32 there, training ten times (measured). False where torch is too old to report a CPU's."""
    if device.type != "cpu":
        return True
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(capabilities.get(name, False) for name in BFLOAT16_FLAGS)
