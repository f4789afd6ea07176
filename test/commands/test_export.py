"""Exporting a run's weights: half the size, the same answers, the run's story kept."""

from __future__ import annotations

import torch

from hand_pose_ros.commands.main import main
from hand_pose_ros.network.checkpoint import load_checkpoint, save_checkpoint
from hand_pose_ros.network.config import NetworkConfig
from hand_pose_ros.network.model import HandNet


def test_exported_weights_answer_alike_at_half_the_size(tmp_path, capsys):
    torch.manual_seed(0)
    net = HandNet(NetworkConfig(widths=(8, 8, 16, 16))).eval()
    save_checkpoint(tmp_path / "run.safetensors", net, {"seed": 7, "samples": 123})
    out = tmp_path / "models" / "small.safetensors"
    assert main(["export", "--checkpoint", str(tmp_path / "run.safetensors"), "--output", str(out)]) == 0
    assert "sha256" in capsys.readouterr().out
    assert out.stat().st_size < 0.6 * (tmp_path / "run.safetensors").stat().st_size
    assert out.stat().st_mode & 0o044 == 0o044
    shipped, info = load_checkpoint(out)
    assert info.name == "small"
    assert info.training["samples"] == 123
    crop, distance = torch.rand(2, 1, 96, 96) * 2 - 1, torch.full((2,), 0.6)
    with torch.inference_mode():
        difference = (shipped.eval()(crop, distance).joints - net(crop, distance).joints).abs().max()
    assert difference < 2e-3


def test_a_file_that_is_no_checkpoint_is_named(tmp_path, capsys):
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(b"\0" * 64)
    assert main(["export", "--checkpoint", str(bad), "--output", str(tmp_path / "x.safetensors")]) == 2
    assert "bad.safetensors" in capsys.readouterr().err
    assert not (tmp_path / "x.safetensors").exists()
