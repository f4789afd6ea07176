"""``hand-pose bench``: one quick sequence, and arguments that do not fit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hand_pose_ros.commands import bench
from hand_pose_ros.commands.main import main
from hand_pose_ros.network import onnx_backends
from hand_pose_ros.network.backend import MissingBackendError


def test_figures_are_printed_and_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []

    def measure(
        kind: str, model: Path | None, *, every: int, quick: bool, seed: int
    ) -> dict[str, dict[str, float]]:
        asked.append((kind, model, every, quick, seed))
        return {"all": {"frames": 7.0}}

    monkeypatch.setattr(bench, "measure_sequences", measure)
    output = tmp_path / "bench.json"
    assert (
        main(["bench", "refine", "--kinds", "still", "nothing", "--every", "3", "--output", str(output)]) == 0
    )
    assert asked == [("still", None, 3, False, 0), ("nothing", None, 3, False, 0)]
    assert "### still\n\n| | all |\n|---|---|\n| frames | 7 |" in capsys.readouterr().out
    content = json.loads(output.read_text())
    assert list(content) == ["machine", "still", "nothing"]
    assert content["nothing"] == {"all": {"frames": 7.0}}


def test_parity_with_a_backend_that_is_not_installed_ends_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(*_: object) -> None:
        raise MissingBackendError("openvino cannot be imported")

    monkeypatch.setitem(onnx_backends.OPENERS, "openvino", missing)
    assert main(["bench", "parity", "--backends", "openvino"]) == 2
    error = capsys.readouterr().err.strip()
    assert "backend is 'openvino', but openvino cannot be imported" in error
    assert "\n" not in error


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [(["--every", "0"], "--every is 0"), (["--real", "x"], "--real wants --intrinsics")],
)
def test_bad_arguments_end_in_one_line(
    arguments: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", "refine", *arguments]) == 2
    assert problem in capsys.readouterr().err
