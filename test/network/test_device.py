"""Names of devices, with and without CUDA."""

from __future__ import annotations

import pytest
import torch

from hand_pose_ros.network.backend import DEVICES
from hand_pose_ros.network.device import multiplies_bfloat16, pick_device


@pytest.mark.parametrize(
    "name, cuda, device",
    [("auto", True, "cuda"), ("auto", False, "cpu"), ("cpu", True, "cpu"), ("cuda", True, "cuda")],
)
def test_auto_takes_cuda_where_there_is_one(name, cuda, device, monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    assert name in DEVICES
    assert pick_device(name) == torch.device(device)


def test_cuda_that_is_not_there_is_refused(monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="device is 'cuda'"):
        pick_device("cuda")


def test_an_unknown_device_is_named() -> None:
    with pytest.raises(ValueError, match="device is 'tpu', want one of auto, cpu, cuda"):
        pick_device("tpu")


@pytest.mark.parametrize(
    ("capabilities", "multiplies"),
    [({}, False), ({"avx2": True}, False), ({"avx512_bf16": True}, True), ({"amx_bf16": True}, True)],
)
def test_bfloat16_is_what_the_cpu_is_made_for_or_a_gpu(monkeypatch, capabilities, multiplies):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert multiplies_bfloat16(torch.device("cpu")) is multiplies
    assert multiplies_bfloat16(torch.device("cuda"))
