"""Exporting a run's weights: half the size, the same answers, the run's story kept."""

from __future__ import annotations

import importlib.util
import shutil

import numpy as np
import pytest
import torch

from hand_pose_ros.commands.main import main
from hand_pose_ros.network.checkpoint import load_checkpoint, save_checkpoint
from hand_pose_ros.network.config import NetworkConfig
from hand_pose_ros.network.model import HandNet
from hand_pose_ros.network.onnx_file import read_onnx_file
from hand_pose_ros.network.packed_net import pack
from hand_pose_ros.resources import model_file
from hand_pose_ros.tracking.config import TrackerConfig
from hand_pose_ros.tracking.pose_inference import PoseEstimator


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


def test_a_presence_offset_moves_the_log_odds_of_a_hand_and_nothing_else(tmp_path):
    torch.manual_seed(0)
    net = HandNet(NetworkConfig(widths=(8, 8, 16, 16), presence=True)).eval()
    save_checkpoint(tmp_path / "run.safetensors", net, {"seed": 7}, calibration={"confidence": 1})
    out = tmp_path / "moved.safetensors"
    run = str(tmp_path / "run.safetensors")
    assert (
        main(["export", "--checkpoint", run, "--output", str(out), "--presence-offset", "2", "--float32"])
        == 0
    )
    moved, info = load_checkpoint(out)
    crop, distance = torch.rand(2, 1, 96, 96) * 2 - 1, torch.full((2,), 0.6)
    with torch.inference_mode():
        before, after = net(crop, distance), moved.eval()(crop, distance)
    assert torch.allclose(after.presence, before.presence + 2.0, atol=1e-5)
    assert torch.allclose(after.joints, before.joints, atol=1e-6)
    assert info.training["presence_offset"] == 2.0
    assert not info.calibration


def test_a_file_that_is_no_checkpoint_is_named(tmp_path, capsys):
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(b"\0" * 64)
    assert main(["export", "--checkpoint", str(bad), "--output", str(tmp_path / "x.safetensors")]) == 2
    assert "bad.safetensors" in capsys.readouterr().err
    assert not (tmp_path / "x.safetensors").exists()


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("onnxscript") is None, reason="onnxscript is not installed")
def test_exported_onnx_files_are_of_their_weights_and_compute_what_they_do(tmp_path, capsys):
    torch.manual_seed(0)
    net = HandNet(NetworkConfig(widths=(8, 8, 16, 16), presence=True, image_feedback=4)).eval()
    path = tmp_path / "tiny.safetensors"
    info = save_checkpoint(path, net, half=True)
    assert main(["export", "--onnx", str(path)]) == 0
    assert "tiny.onnx" in capsys.readouterr().out
    file = read_onnx_file(path.with_suffix(".onnx"), info.sha256)
    trained, _ = load_checkpoint(path)
    with torch.inference_mode():
        wanted = pack(trained(*(torch.from_numpy(array) for array in file.example_inputs()))).numpy()
    np.testing.assert_allclose(file.example_output, wanted, atol=1e-5)
    assert file.path.stat().st_size < 1.6 * path.stat().st_size + 200_000
    if importlib.util.find_spec("onnxruntime") is not None:
        assert PoseEstimator(path, TrackerConfig(device="cpu")).backend.name == "onnxruntime"


@pytest.mark.parametrize(
    "arguments", [[], ["--checkpoint", "x.safetensors"], ["--output", "x.safetensors", "--onnx"]]
)
def test_export_says_what_it_wants(arguments, capsys):
    assert main(["export", *arguments]) == 2
    assert "--checkpoint" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["--checkpoint", "small", "--output", "{0}/mine.onnx"], ["--onnx", "{0}/mine.onnx"],
                  ["--checkpoint", "small", "--output", "{0}/mine.pt", "--onnx"]]
)  # fmt: skip
def test_weights_never_get_another_formats_name(arguments, tmp_path, capsys):
    assert main(["export", *(part.format(tmp_path) for part in arguments)]) == 2
    assert "safetensors" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_presence_offsets_add_up(tmp_path):
    one, two = tmp_path / "one.safetensors", tmp_path / "two.safetensors"
    assert main(["export", "--checkpoint", "small", "--output", str(one), "--presence-offset", "0.5"]) == 0
    assert main(["export", "--checkpoint", str(one), "--output", str(two), "--presence-offset", "-0.25"]) == 0
    assert load_checkpoint(two)[1].training["presence_offset"] == 0.25


def test_a_run_is_not_written_over_by_its_own_export(tmp_path, capsys):
    path = tmp_path / "run.safetensors"
    shutil.copy(model_file("small"), path)
    before = path.read_bytes()
    assert main(["export", "--checkpoint", str(path), "--output", str(path)]) == 2
    assert "is read, want another file to write" in capsys.readouterr().err
    assert path.read_bytes() == before
