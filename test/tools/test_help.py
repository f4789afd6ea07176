"""A tool that is asked what it does says it, and does nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = sorted(
    path
    for folder in ("tools", "examples")
    for path in (ROOT / folder).glob("*.py")
    if "argparse" in path.read_text(encoding="utf-8") or "__main__" in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.name)
def test_every_program_reads_its_command_line_with_argparse(program: Path) -> None:
    assert "ArgumentParser(" in program.read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["draw_hand_model.py", "environment.py", "measure_capsules.py"])
def test_asked_for_help_a_tool_writes_nothing(name: str, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (ROOT / "docs" / "figures").iterdir()}
    answer = subprocess.run(
        [sys.executable, str(ROOT / "tools" / name), "--help"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith(f"usage: {name}")
    assert {path: path.stat().st_mtime_ns for path in (ROOT / "docs" / "figures").iterdir()} == before
    assert not (ROOT / "--help").exists()
    assert not list(tmp_path.iterdir())
