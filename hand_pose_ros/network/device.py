"""The device that networks run on.

In: a name as in configurations and on command lines. Out: a ``torch.device``.
"""

from __future__ import annotations

import torch

from hand_pose_ros.validation import require

DEVICES: tuple[str, ...] = ("auto", "cpu", "cuda")


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
