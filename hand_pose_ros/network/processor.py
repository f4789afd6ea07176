"""What the computer's processors are made for, without torch.

In: what Linux says of them under /proc and /dev. Out: truth values.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

BFLOAT16_FLAGS: tuple[str, ...] = ("avx512_bf16", "amx_bf16")
"""Of a CPU that multiplies bfloat16 itself, as Linux and torch call them. Others imitate it, which is slower than
float32."""
_CPU_INFO = Path("/proc/cpuinfo")
_GPU_FILES = ("/dev/nvidiactl", "/dev/nvidia0", "/dev/nvhost-gpu", "/dev/nvmap", "/dev/dxg", "/dev/kfd")
"""Of the drivers of GPUs that torch can use: desktop, Jetson, Windows' Linux, AMD."""


@lru_cache(maxsize=1)
def multiplies_bfloat16() -> bool:
    """Whether the CPU does so itself; False where that is not known."""
    try:
        text = _CPU_INFO.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    for line in text.splitlines():
        if line.startswith("flags"):
            return bool(set(BFLOAT16_FLAGS) & set(line.split()))
    return False


def has_gpu_driver() -> bool:
    """Whether there may be a GPU for torch: where there is none, torch need not be loaded to ask."""
    return any(Path(name).exists() for name in _GPU_FILES)
