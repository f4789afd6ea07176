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


def made_in(place: Path, at: Path) -> Path:
    """An environment as one made in ``place``, which lies ``at`` now."""
    (at / "bin").mkdir(parents=True)
    for name in ("pip", "colcon"):
        (at / "bin" / name).write_text(f"#!{place}/bin/python3.11\nimport sys\n")
        (at / "bin" / name).chmod(0o755)
    (at / "bin" / "activate").write_text(f'VIRTUAL_ENV="{place}"\n')
    (at / "bin" / "ruff").write_bytes(f"\x7fELF\0{place}".encode())
    (at / "bin" / "python").symlink_to("/usr/bin/python3")
    (at / "share" / "x" / "cmake").mkdir(parents=True)
    (at / "share" / "x" / "cmake" / "x.cmake").write_text(
        f"set(INCLUDE {place}/lib/python3.11/site-packages)\n"
    )
    (at / "pyvenv.cfg").write_text(f"command = /usr/bin/python3 -m venv {place}\n")
    return at


def test_an_environment_that_was_moved_or_copied_names_its_new_place(
    environment: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its programs would run the Python of the old place, or none."""
    old, here = tmp_path / "old" / ".venv", made_in(tmp_path / "old" / ".venv", tmp_path / "new" / ".venv")
    binary = (here / "bin" / "ruff").read_bytes()
    assert environment.settle(here)
    assert str(old) in capsys.readouterr().out
    texts = [
        path.read_text()
        for path in (*here.glob("bin/[!r]*"), here / "pyvenv.cfg", *here.glob("share/x/cmake/*"))
        if not path.is_symlink()
    ]
    assert len(texts) == 5
    assert all(str(here) in text and str(old) not in text for text in texts)
    assert (here / "bin" / "ruff").read_bytes() == binary
    assert (here / "bin" / "colcon").stat().st_mode & 0o111
    assert environment.place_of(here) == here
    assert not environment.settle(here)


def test_the_environment_of_another_folder_is_not_changed_through_a_link(
    environment: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = made_in(tmp_path / "other" / ".venv", tmp_path / "other" / ".venv")
    before = {path: path.read_bytes() for path in other.rglob("*") if path.is_file()}
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / ".venv").symlink_to(other)
    with pytest.raises(SystemExit) as end:
        environment.make(tmp_path / "here" / ".venv")
    assert end.value.code == 2
    error = capsys.readouterr().err
    assert f"is a link to '{other}', which was made for '{other.parent}'" in error
    assert len(error.splitlines()) == 1
    assert {path: path.read_bytes() for path in other.rglob("*") if path.is_file()} == before


def test_an_environment_that_is_elsewhere_on_purpose_is_one_of_this_folder(
    environment: ModuleType, tmp_path: Path
) -> None:
    """Made through the link: it names the place of the link."""
    made_in(tmp_path / "here" / ".venv", tmp_path / "disk" / "venv")
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / ".venv").symlink_to(tmp_path / "disk" / "venv")
    assert not environment.settle(tmp_path / "here" / ".venv")
    assert not environment.settle(tmp_path / "nowhere" / ".venv")


@pytest.mark.parametrize("made", ["here", "elsewhere"])
def test_make_notices_an_environment_of_another_place(tmp_path: Path, made: str) -> None:
    """Copies keep the times by which make knows what is older."""
    for name in ("Makefile", "pyproject.toml", "tools/environment.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    made_in(tmp_path / ".venv" if made == "here" else tmp_path / "x" / ".venv", tmp_path / ".venv")
    (tmp_path / ".venv" / "made-from").write_text("")
    plain = {name: value for name, value in os.environ.items() if name not in ("ROS_DISTRO", "MAKEFLAGS")}
    asked = subprocess.run(["make", "-q", "env"], cwd=tmp_path, env=plain, capture_output=True, text=True)
    assert asked.returncode == (0 if made == "here" else 1), asked.stderr


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
