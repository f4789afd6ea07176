"""A device that the host plays, for the graphs of network and refinement."""

from __future__ import annotations

from collections import Counter

import torch

from hand_pose_ros.network.backend import Device


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
