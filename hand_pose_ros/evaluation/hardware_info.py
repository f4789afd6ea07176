"""What a figure was measured on. Out: plain words and numbers, nothing that names a person's machine."""

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


def hardware_text(machine: Mapping[str, Any]) -> str:
    """A :func:`hardware_info` in one line."""
    return (
        f"{machine['processor']}, {machine['cores']} cores, device {machine['device']}, torch {machine['torch']}, "
        f"Python {machine['python']}"
    )


def processor_name() -> str:
    """The processor's model, as the system says it."""
    path = Path("/proc/cpuinfo")
    if path.exists():
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
