"""The hardware that a figure was measured on.

In: a torch device. Out: plain words and numbers, nothing that identifies a person's computer.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch


def hardware_info(device: torch.device | str = "cpu") -> dict[str, Any]:
    """processor, cores, device ("cpu" or the GPU's name), versions of torch and Python."""
    device = torch.device(device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    return {
        "processor": processor_name(),
        "cores": os.cpu_count() or 1,
        "device": name,
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def hardware_text(info: Mapping[str, Any]) -> str:
    """The facts of :func:`hardware_info` in one line."""
    return (
        f"{info['processor']}, {info['cores']} cores, device {info['device']}, torch {info['torch']}, "
        f"Python {info['python']}"
    )


def processor_name() -> str:
    """The processor's model, as the system names it."""
    path = Path("/proc/cpuinfo")
    if path.exists():
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
