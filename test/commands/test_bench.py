"""``hand-pose bench``: one quick sequence, and arguments that do not fit."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from hand_pose_ros.commands import bench
from hand_pose_ros.commands.interrupts import INTERRUPTED
from hand_pose_ros.commands.main import main
from hand_pose_ros.network import onnx_backends
from hand_pose_ros.network.backend import MissingBackendError
from hand_pose_ros.retarget.robot_config import robot_file


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


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (
            ["refine", "--real", "{folder}/nowhere", "--intrinsics", "1,1,1,1"],
            "is not a folder of depth frames",
        ),
        (["refine", "--intrinsics", "1,1,1,1"], "--intrinsics goes with --real"),
        (
            ["retarget", "--engine", "gripper", "--robots", "panda", "nonesuch"],
            "robot is 'nonesuch', want one of",
        ),
        (["retarget", "--robots", "allegro", "--engine", "gripper"], "has no section gripper"),
        (["retarget", "--log", "{folder}/log"], "--log is of the nodes, want --seconds"),
        (["fuzz", "--over", "library", "--log", "{folder}/log"], "--log is of the node, want --over"),
        (["fuzz", "--log", __file__], "which is no folder, want one for the node's log"),
        (["latency", "--mediapipe-python", "x"], "--mediapipe-python goes with --against"),
        (
            ["latency", "--against", "mediapipe", "--mediapipe-python", "x", "--sizes", "848x480"],
            "compares at 640x480, want no other --sizes",
        ),
    ],
)
def test_what_cannot_be_is_refused_before_the_work(
    arguments: list[str],
    problem: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def work(*_: object, **__: object) -> None:
        raise AssertionError("it began to work")

    for name in ("measure_sequences", "still_hand", "measure_robot", "fuzz_tracker"):
        monkeypatch.setattr(bench, name, work)
    assert main(["bench", *(text.format(folder=tmp_path) for text in arguments)]) == 2
    error = capsys.readouterr().err.strip()
    assert problem in error
    assert "\n" not in error
    assert not list(tmp_path.iterdir())


def test_the_node_is_asked_for_before_the_library_is_fuzzed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def work(*_: object, **__: object) -> None:
        raise AssertionError("it began to work")

    monkeypatch.setattr(bench, "fuzz_tracker", work)
    monkeypatch.setattr(bench, "still_hand", work)
    monkeypatch.setitem(sys.modules, "rclpy", None)
    for arguments in (["fuzz"], ["retarget", "--seconds", "1"]):
        assert main(["bench", *arguments]) == 2
        assert "hand-pose bench needs" in capsys.readouterr().err


def test_robots_of_one_file_name_keep_their_figures_apart(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    @dataclass
    class Figures:
        robot: str
        problems: tuple[str, ...] = ()

    files = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        files.append(str(shutil.copy(robot_file("panda", "right"), tmp_path / folder / "mine.yaml")))
    monkeypatch.setattr(bench, "measure_robot", lambda robot, *_: Figures(robot))
    monkeypatch.setattr(bench, "retarget_lines", lambda _: [])
    output = tmp_path / "figures.json"
    arguments = ["--quick", "--sides", "right", "--engine", "gripper", "--json", str(output)]
    assert main(["bench", "retarget", "--robots", *files, "panda", "panda", *arguments]) == 0
    figures = json.loads(output.read_text())
    assert [f"{file} right" for file in files] + ["panda right"] == list(figures)[1:]


def test_an_interrupted_bench_keeps_the_rows_that_it_has_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[str] = []

    def measure(kind: str, *_: object, **__: object) -> dict[str, str]:
        asked.append(kind)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return {"of": kind}

    monkeypatch.setattr(bench, "measure_sequences", measure)
    monkeypatch.setattr(bench, "markdown_table", lambda *_: "")
    output = tmp_path / "figures.json"
    assert main(["bench", "refine", "--quick", "--json", str(output)]) == INTERRUPTED
    figures = json.loads(output.read_text())
    assert figures[asked[0]] == {"of": asked[0]}
    assert figures["interrupted"]
    assert asked[1] not in figures
