"""The table of commands: help, names that are none, packages that are not installed."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from hand_pose_ros.commands import main as module
from hand_pose_ros.commands.main import COMMANDS, exit_status, main


def test_every_command_explains_itself(capsys):
    for name in COMMANDS:
        with pytest.raises(SystemExit) as end:
            main([name, "--help"])
        assert end.value.code == 0
        assert f"hand-pose {name}" in capsys.readouterr().out


def test_without_a_command_all_are_listed(capsys):
    assert main([]) == 2
    error = capsys.readouterr().err
    assert all(f"\n    {name}" in error for name in COMMANDS)


def test_an_unknown_command_is_refused(capsys):
    with pytest.raises(SystemExit) as end:
        main(["dance"])
    assert end.value.code == 2
    assert "dance" in capsys.readouterr().err


def test_a_missing_package_of_no_one_ends_in_one_line_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "command_that_draws.py").write_text("import package_of_no_one.pyplot\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(module, "COMMANDS", {"draw": ("", "command_that_draws")})
    assert main(["draw"]) == 2
    assert capsys.readouterr().err == "hand-pose draw needs package_of_no_one, which is not installed\n"


def test_a_python_without_any_package_gets_one_line() -> None:
    code = (
        "import sys\n"
        "for name in ('numpy', 'scipy', 'torch', 'numba', 'cv2', 'yaml', 'PIL', 'rich', 'tqdm'):\n"
        "    sys.modules[name] = None\n"
        "from hand_pose_ros.commands.main import main\n"
        "sys.exit(main(['replay', 'x']))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 2
    assert ended.stderr.startswith("hand-pose replay needs ")
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "package, how",
    [
        ("matplotlib", "pip install matplotlib"),
        ("yaml", "pip install pyyaml"),
        ("onnxscript", "pip install onnx onnxscript"),
        ("rclpy", "source a ROS 2 distribution"),
    ],
)
def test_a_missing_package_ends_in_one_line_that_says_what_brings_it(
    package: str, how: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(arguments: argparse.Namespace) -> None:
        __import__(package)

    monkeypatch.setitem(sys.modules, package, None)
    assert exit_status("hand-pose draw", run, argparse.Namespace()) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"hand-pose draw needs {package}: {how}")


def test_messages_that_are_not_built_are_no_defect(capsys: pytest.CaptureFixture[str]) -> None:
    def run(arguments: argparse.Namespace) -> None:
        raise ModuleNotFoundError("No module named 'hand_pose_ros.msg'", name="hand_pose_ros.msg")

    assert exit_status("hand-pose draw", run, argparse.Namespace()) == 2
    assert capsys.readouterr().err.startswith(
        "hand-pose draw needs the messages of hand_pose_ros: make build"
    )


def test_an_own_module_that_is_missing_is_a_defect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "COMMANDS", {"draw": ("", "hand_pose_ros.commands.no_such_command")})
    with pytest.raises(ModuleNotFoundError, match="no_such_command"):
        main(["draw"])


@pytest.mark.parametrize(
    "error", [KeyError("x"), TypeError("a\nb"), OverflowError("1e300"), RecursionError("deep")]
)
def test_no_command_ends_in_a_traceback(error, capsys, monkeypatch):
    def run(arguments: argparse.Namespace) -> None:
        raise error

    monkeypatch.delenv("HAND_POSE_TRACEBACK", raising=False)
    assert exit_status("hand-pose draw", run, argparse.Namespace()) == 2
    line = capsys.readouterr().err
    assert line.startswith(f"hand-pose draw: {type(error).__name__}: ")
    assert line.count("\n") == 1
    assert "test_main.py:" in line


@pytest.mark.parametrize(
    "error",
    [
        KeyError("x"),
        ValueError("depth_unit is 0, want more than 0"),
        FileNotFoundError(2, "No such file or directory", "absent.yaml"),
        MemoryError(),
        ModuleNotFoundError("No module named 'onnx'", name="onnx"),
    ],
)
def test_on_request_every_end_in_one_line_shows_its_traceback_before_it(error, capsys, monkeypatch):
    def run(arguments: argparse.Namespace) -> None:
        raise error

    monkeypatch.setenv("HAND_POSE_TRACEBACK", "1")
    assert exit_status("hand-pose draw", run, argparse.Namespace()) == 2
    shown = capsys.readouterr().err.splitlines()
    assert shown[0] == "Traceback (most recent call last):"
    assert any("in run" in line for line in shown)
    monkeypatch.delenv("HAND_POSE_TRACEBACK")
    assert exit_status("hand-pose draw", run, argparse.Namespace()) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == shown[-1]


def test_a_number_that_is_refused_is_one_line_and_status_2(capsys):
    assert main(["bone-prior", "--samples", "nan"]) == 2
    assert (
        capsys.readouterr().err
        == "hand-pose bone-prior: --samples is nan, want a whole number, at least 50\n"
    )


def test_output_that_nobody_reads_is_no_error(capsys):
    def run(arguments: argparse.Namespace) -> None:
        raise BrokenPipeError

    assert exit_status("hand-pose draw", run, argparse.Namespace()) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ["compare-runs", "x" * 5000, "b"],
        ["urdf", "--side", "right", "--output", "x" * 5000],
        ["urdf", "--side", "\x1b[31m" * 500],
        ["compare-runs", "a", "b", "--worst", "9" * 5000],
    ],
)
def test_long_texts_are_cut(arguments, capsys):
    with suppress(SystemExit):  # argparse's own
        assert main(arguments) == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert len(last) < 500
    assert last.isprintable()


def test_a_program_that_runs_a_command_keeps_its_streams_and_its_backend(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MPLBACKEND", "svg")
    with (tmp_path / "said").open("w", encoding="ascii") as said:
        monkeypatch.setattr(sys, "stdout", said)
        with pytest.raises(SystemExit):
            main(["urdf", "--help"])
        assert sys.stdout is said
        assert said.errors == "strict"
        assert os.environ["MPLBACKEND"] == "svg"
        print("more")
    assert (tmp_path / "said").read_text(encoding="ascii").endswith("more\n")
