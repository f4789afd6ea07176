"""``hand-pose calibrate`` leaves the weights as they are, and stores what it fitted beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from hand_pose_ros.commands import main as cli
from hand_pose_ros.network.checkpoint import load_checkpoint, save_checkpoint
from hand_pose_ros.network.config import NetworkConfig
from hand_pose_ros.network.model import HandNet
from hand_pose_ros.resources import resource
from hand_pose_ros.tracking.confidence import Calibration

SHIPPED = resource("models", "default.safetensors")


@pytest.mark.slow
def test_command_stores_a_calibration_beside_unchanged_weights(tmp_path: Path, capsys) -> None:
    output, figure = tmp_path / "new.safetensors", tmp_path / "reliability.png"
    arguments = ["--model", str(SHIPPED), "--count", "60", "--output", str(output), "--figure", str(figure)]
    before = SHIPPED.read_bytes()
    assert cli.main(["calibrate", *arguments]) == 0
    assert SHIPPED.read_bytes() == before
    info, shipped = load_checkpoint(output)[1], load_checkpoint(SHIPPED)[1]
    assert info.sha256 == shipped.sha256
    assert info.name == shipped.name
    assert Calibration.from_dict(info.calibration).to_dict() == info.calibration
    assert figure.stat().st_size > 1000
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new.safetensors", "reliability.png"]
    printed = capsys.readouterr().out
    assert "| hand | 30 |" in printed
    assert "presence > 4" in printed


def test_a_figure_is_png_and_named_so(tmp_path: Path, capsys) -> None:
    assert cli.main(["calibrate", "--figure", str(tmp_path / "reliability.pdf")]) == 2
    assert "--figure is" in (error := capsys.readouterr().err)
    assert "want a name that ends in .png" in error


@pytest.mark.slow
def test_network_that_is_never_right_is_left_alone(tmp_path: Path, capsys) -> None:
    path = tmp_path / "untrained.safetensors"
    tiny = NetworkConfig(crop_size=32, widths=(4, 4, 4, 4), ik_hidden=8, presence=True)
    save_checkpoint(path, HandNet(tiny))
    before = path.read_bytes()
    assert cli.main(["calibrate", "--model", str(path), "--count", "40"]) == 2
    assert path.read_bytes() == before
    assert "nothing to fit" in capsys.readouterr().err
    assert cli.main(["calibrate", "--model", str(path), "--count", "3"]) == 2
    assert "count is 3" in capsys.readouterr().err


@pytest.mark.parametrize("model", [[], ["--model", "small"], ["--model", str(SHIPPED)]])
def test_shipped_weights_are_not_replaced_unless_they_are_named(model, capsys) -> None:
    before = SHIPPED.stat().st_mtime_ns
    assert cli.main(["calibrate", *model, "--count", "60"]) == 2
    assert "is shipped, want --output" in capsys.readouterr().err
    assert SHIPPED.stat().st_mtime_ns == before
