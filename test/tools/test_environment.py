"""tools/environment.py: what it refuses before anything is downloaded, and environment.sh in a strict shell."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def environment(load_tool: Callable[[str], ModuleType]) -> ModuleType:
    return load_tool("tools/environment.py")


@pytest.mark.parametrize(
    ("path", "named"),
    [("/home/me/my robot", "a space"), ("/home/jürgen/x", "'ü'"), ("/a;b", "';'"), ("/$a", "'$'")],
)
def test_a_path_that_cannot_work_is_refused_by_name(
    environment: ModuleType, path: str, named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        environment.make(Path(path) / ".venv")
    assert end.value.code == 2
    error = capsys.readouterr().err
    assert named in error
    assert path in error
    assert len(error.splitlines()) == 1


def test_usual_paths_are_taken(environment: ModuleType) -> None:
    for path in ("/home/me/ros2_ws/src/hand-pose.v1/.venv", "/srv/build@2/a+b/.venv"):
        environment.require_path(Path(path))


def test_another_torch_is_chosen_by_name(
    environment: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TORCH", "cpu")
    assert environment.torch_choice() == "cpu"
    monkeypatch.setenv("TORCH", "rocm")
    with pytest.raises(SystemExit):
        environment.torch_choice()
    assert "TORCH is 'rocm', want cpu" in capsys.readouterr().err


def test_a_torch_that_is_not_reached_is_told_with_the_other_way(
    environment: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The last line of what pip says is about conflicts, which is not what is wrong."""
    monkeypatch.setenv("TORCH", "cpu")
    monkeypatch.setattr(environment, "require_space", lambda *_: None)
    ended = {True: 1, False: 0}  # pip's exit status: the step with the index of torch fails
    run = lambda command, **_: subprocess.CompletedProcess(command, ended["--index-url" in command])  # noqa: E731
    monkeypatch.setattr(environment.subprocess, "run", run)
    with pytest.raises(SystemExit) as end:
        environment.install(tmp_path)
    assert end.value.code == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert "2/4 torch from https://download.pytorch.org" in last
    assert "leave TORCH=cpu out" in last


def test_a_full_disk_is_told_before_the_download(environment: ModuleType, tmp_path: Path) -> None:
    environment.require_space(tmp_path / ".venv", 1e-6)
    with pytest.raises(SystemExit):
        environment.require_space(tmp_path / ".venv", 1e9)


def test_a_strict_shell_can_source_the_environment_and_stays_strict(tmp_path: Path) -> None:
    """set -u: the setup files of colcon and ROS use variables that are not set."""
    setup = tmp_path / "install" / "none" / "local_setup.bash"
    setup.parent.mkdir(parents=True)
    setup.write_text('echo "trace: $HAND_POSE_NOT_SET"\n')
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "environment.sh").write_text((ROOT / "tools" / "environment.sh").read_text())
    script = f"set -u; source '{tmp_path}/tools/environment.sh'; echo sourced $-; echo $HAND_POSE_NOT_SET; echo lax"
    done = subprocess.run(
        ["bash", "-c", script], env=os.environ | {"ROS_DISTRO": "none"}, capture_output=True, text=True
    )
    assert "trace: \nsourced" in done.stdout
    assert "u" in done.stdout.split("sourced ")[1]
    assert "lax" not in done.stdout
