"""``hand-pose evaluate-sensors`` from the command line: a row a set, all figures as JSON, and how it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from hand_pose_ros.commands.main import main
from hand_pose_ros.network.checkpoint import save_checkpoint
from hand_pose_ros.network.config import NetworkConfig
from hand_pose_ros.network.model import HandNet


@pytest.mark.slow
def test_every_set_is_a_row_and_an_entry(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(0)
    tiny = NetworkConfig(
        widths=(8, 16, 16, 16),
        blocks=(0, 0, 0),
        up_blocks=(0, 0),
        ik_hidden=32,
        presence=True,
        handedness=True,
    )
    save_checkpoint(tmp_path / "tiny.safetensors", HandNet(tiny), {"seed": 0})
    given = [
        "--hands",
        "free",
        "--sensors",
        "clean",
        "sgbm",
        "--distances",
        "0.7",
        "--count",
        "2",
        "--focal",
        "322",
        "--baseline",
        "0.099",
        "--tracker",
    ]
    output = tmp_path / "figures.json"
    weights = tmp_path / "tiny.safetensors"
    assert main(["evaluate-sensors", *given, "--model", str(weights), "--json", str(output)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:]] == ["free, 0.7 m, clean", "free, 0.7 m, sgbm"]
    written = json.loads(output.read_text())
    assert (written["focal_px"], written["baseline_m"]) == (322.0, 0.099)
    sets = written["sets"]
    assert [figures["count"] for figures in sets.values()] == [2, 2]
    assert all(0 <= figures["found"] <= 1 and figures["joint_error_mm"] > 0 for figures in sets.values())


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--count", "0"], "count is 0, want"),
        (["--distances", "0.7", "0.1"], "distance_m is 0.1, want"),
        (["--seed", "-1"], "seed is -1, want"),
        (["--focal", "0"], "--focal is 0, want"),
        (["--baseline", "nan"], "--baseline is nan, want"),
        (["--model", "absent.safetensors"], "absent.safetensors"),
    ],
)
def test_bad_values_end_in_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate-sensors", *arguments]) == 2
    error = capsys.readouterr().err.strip()
    assert message in error
    assert "\n" not in error
