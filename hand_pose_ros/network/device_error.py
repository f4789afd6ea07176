"""What went wrong with the device that a network runs on. Without torch: whoever handles it need not import that."""

from __future__ import annotations


class DeviceError(RuntimeError):
    """The device that a network was to run on failed; the message names it, why, and what to choose instead."""
