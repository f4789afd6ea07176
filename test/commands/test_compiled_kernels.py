"""Where kernels are not compiled yet a command says so, and can be ended while it compiles."""

from __future__ import annotations

import numpy as np
import pytest

from hand_pose_ros import kernel_cache
from hand_pose_ros.commands import compiled_kernels
from hand_pose_ros.commands.interrupts import INTERRUPTED
from hand_pose_ros.commands.main import main


@pytest.fixture
def cold(monkeypatch) -> list[str]:
    """No kernel is compiled; Ctrl-C comes while they are."""
    done: list[str] = []

    def compile_kernels() -> None:
        done.append("compiled")
        raise KeyboardInterrupt

    monkeypatch.setattr(kernel_cache, "is_warm", lambda: False)
    monkeypatch.setattr(compiled_kernels, "compile_kernels", compile_kernels)
    return done


def commands(folder) -> dict[str, list[str]]:
    frames, figures = folder / "frames", str(folder / "out.json")
    frames.mkdir()
    np.save(frames / "0.npy", np.full((48, 64), 500, np.uint16))
    replay = ["replay", str(frames), "--intrinsics", "60,60,32,24", "--output", str(folder / "out")]
    return {
        "replay": replay,
        "doctor": ["doctor"],
        "bench": ["bench", "refine", "--output", figures],
        "detector": ["evaluate-detector", "--search", "--json", figures],
        "robots": ["bench", "retarget", "--output", figures],
        "sensors": ["evaluate-sensors", "--json", figures],
    }


@pytest.mark.parametrize("name", ["replay", "doctor", "bench", "detector", "sensors"])
def test_a_command_says_that_it_compiles_and_ends_at_once_when_interrupted(name, cold, tmp_path, capsys):
    assert main(commands(tmp_path)[name]) == INTERRUPTED
    assert cold == ["compiled"]
    assert "compiling kernels, this takes a minute" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["frames"]


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        *((name, ["--model", "/none.safetensors"]) for name in ("replay", "bench", "detector", "sensors")),
        ("bench", ["--real", "frames"]),
        ("detector", ["--start-odds", "99"]),
        ("detector", ["--recipe", "/none.yaml"]),
        ("detector", ["--weights", "/none.safetensors"]),
        ("robots", ["--robots", "/none.yaml"]),
        ("robots", ["--log", "logs"]),
    ],
)
def test_what_is_given_wrong_is_refused_before_anything_is_compiled(name, wrong, cold, tmp_path, capsys):
    assert main([*commands(tmp_path)[name], *wrong]) == 2
    assert cold == []
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_what_cannot_be_kept_is_told_and_used(monkeypatch, capsys):
    def compile_kernels() -> None:
        raise OSError("[Errno 28] No space left on device")

    monkeypatch.setattr(kernel_cache, "is_warm", lambda: False)
    monkeypatch.setattr(compiled_kernels, "compile_kernels", compile_kernels)
    compiled_kernels.compile_missing(None)
    assert "compiled kernels cannot be kept: [Errno 28] No space left" in capsys.readouterr().err


def test_nothing_is_said_where_all_is_compiled(monkeypatch, capsys):
    monkeypatch.setattr(kernel_cache, "is_warm", lambda: True)
    monkeypatch.setattr(compiled_kernels, "compile_kernels", lambda: pytest.fail("compiled"))
    compiled_kernels.compile_missing(None)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("kept", [True, False])
def test_only_what_is_kept_is_noted(kept, monkeypatch):
    done: list[str] = []
    monkeypatch.setattr(kernel_cache, "can_keep", lambda: kept)
    monkeypatch.setattr(kernel_cache, "record_warm", lambda: done.append("noted"))
    compiled_kernels.compile_kernels()
    assert done == ["noted"] * kept
