"""What a tool cannot do it says in one line, before the work."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("tools/measure_negatives.py nowhere.safetensors", "nowhere.safetensors"),
        ("tools/measure_negatives.py small --pictures README.md/x.png", "README.md is a file"),
        (
            "tools/measure_presence.py --recipe config/train/default.yaml --count 0",
            "is 0, want a whole number",
        ),
        ("tools/measure_sides.py --model nowhere", "nowhere: no such file"),
        ("tools/measure_sides.py --stereo nan", "is nan, want a number from 0 to 1"),
        ("tools/measure_turned.py docs/figures --intrinsics nowhere.yaml", "nowhere.yaml"),
        ("tools/golden.py --compare nowhere.npz", "No such file or directory: 'nowhere.npz'"),
        ("tools/build_hand_mesh.py README.md README.md --out test", "not a zip file"),
        ("-m research.weight_average a b --recipe c --output README.md/x.safetensors", "README.md is a file"),
        ("-m research.architecture_sweep --results README.md/x.md", "README.md is a file"),
        ("-m research.ablation --results README.md/x.md", "README.md is a file"),
    ],
)
def test_what_cannot_be_is_said_without_a_traceback(command: str, problem: str) -> None:
    ended = subprocess.run(
        [sys.executable, *command.split()],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 2
    assert problem in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.stderr
