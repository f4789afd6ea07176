"""tools/run_cases.sh: a line a case, in one run, and an exit status that says whether all passed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run_cases(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    # With a distribution named, no .venv is asked for: these cases need neither.
    given = os.environ | {"ROS_DISTRO": os.environ.get("ROS_DISTRO", "none")} | environment
    command = ["bash", str(ROOT / "tools" / "run_cases.sh"), *map(str, arguments)]
    return subprocess.run(command, env=given, capture_output=True, text=True, timeout=60)


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    """Two that pass, one that fails, and a folder that is no case; the path has a space and an umlaut."""
    folder = tmp_path / "die Fälle"
    for name, file, text in (
        ("01_fine", "run.py", "print('begins')\nprint('OK: all well')\nprint()\n"),
        ("02_bad", "run.sh", "echo 'FAULT: it is there'\nexit 3\n"),
        ("03_here", "run.sh", "pwd\n"),
        ("notes", "README.md", "no case\n"),
    ):
        (folder / name).mkdir(parents=True)
        (folder / name / file).write_text(text)
    return folder


def test_every_case_runs_whatever_the_others_do(cases: Path) -> None:
    done = run_cases(cases)
    lines = done.stdout.splitlines()
    assert lines[:2] == ["01: exit 0 | OK: all well", "02: exit 3 | FAULT: it is there"]
    assert lines[2].startswith("03: exit 0 | ")
    assert str(ROOT) not in lines[2], "a case must find what is installed, not the sources"
    assert lines[3:] == ["3 run, 1 failed"]
    assert done.returncode == 1


def test_some_are_chosen_by_number(cases: Path, tmp_path: Path) -> None:
    done = run_cases(cases, "01", CASE_LOGS=str(tmp_path / "logs"))
    assert done.stdout.splitlines() == ["01: exit 0 | OK: all well", "1 run, 0 failed"]
    assert done.returncode == 0
    assert (tmp_path / "logs" / "01_fine.log").read_text() == "begins\nOK: all well\n\n"


def test_a_case_that_hangs_ends_with_all_it_started(cases: Path) -> None:
    (cases / "02_bad" / "run.sh").write_text("sleep 61.25 & sleep 61.25\n")
    done = run_cases(cases, "02", CASE_LIMIT_S="1")
    assert done.stdout.splitlines()[0] == "02: exit 124 | (no word)"
    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert b"sleep\x0061.25\x00" not in commands


@pytest.mark.parametrize(("arguments", "status"), [((), 2), (("not there",), 2), ((".",), 1)])
def test_no_case_is_no_success(arguments: tuple[str, ...], status: int, tmp_path: Path) -> None:
    done = run_cases(*(tmp_path / name if name == "." else name for name in arguments))
    assert done.returncode == status
    assert done.stderr
