"""``make demo ROBOT=...``: what it installs, what it hands on, and what it says where it cannot."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from hand_pose_ros.retarget.robot_config import known_robots

ROOT = Path(__file__).resolve().parents[2]
PIN = "dexi-rs==0.4.1"

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not here")


@pytest.fixture
def checkout(tmp_path):
    """As much of the repository as the rules look at, with an environment that is there and whose pip fails."""
    for name in ("Makefile", "pyproject.toml", "CMakeLists.txt", "package.xml"):
        shutil.copy(ROOT / name, tmp_path / name)
    for name in ("config/retarget", "requirements"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ("tools", "underlay"):
        (tmp_path / name).mkdir()
    shutil.copy(ROOT / "tools/environment.py", tmp_path / "tools/environment.py")
    python = tmp_path / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\necho pip: no network >&2\nexit 1\n")
    python.chmod(0o755)
    (tmp_path / ".venv/made-from").touch()
    return tmp_path


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if name not in ("ROS_DISTRO", "MAKEFLAGS")}
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=folder,
        env=inherited,
        capture_output=True,
        text=True,
    )


def test_unknown_robot_is_one_line_with_the_choices(checkout):
    answer = make(checkout, "demo", "ROBOT=nonsense")
    assert answer.returncode == 2
    (line,) = answer.stderr.splitlines()
    assert "ROBOT is 'nonsense'" in line
    assert all(name in line for name in known_robots())
    assert answer.stdout == ""


@pytest.mark.parametrize("robot", known_robots())
def test_engine_is_installed_for_those_that_need_one(checkout, robot):
    answer = make(checkout, "-n", "demo", f"ROBOT={robot}")
    assert answer.returncode == 0, answer.stderr
    assert f'--robot "{robot}"' in answer.stdout
    needs = "\nretargeting:" in (ROOT / f"config/retarget/{robot}_right.yaml").read_text()
    assert (
        f"pip install --disable-pip-version-check -q -c requirements/constraints.txt {PIN}" in answer.stdout
    ) == needs


def test_file_of_a_robot_is_taken_too(checkout):
    (checkout / "mine.yaml").write_text("gripper: {joints: {a: [0.0, 0.1]}}\n")
    answer = make(checkout, "-n", "demo", "ROBOT=mine.yaml")
    assert '--robot "mine.yaml"' in answer.stdout
    assert PIN not in answer.stdout
    assert make(checkout, "-n", "demo", "ROBOT=nowhere.yaml").returncode == 2


@pytest.mark.parametrize("goal", ["demo", "test"])
def test_demo_without_a_robot_and_tests_install_no_engine(checkout, goal):
    answer = make(checkout, "-n", goal)
    assert answer.returncode == 0, answer.stderr
    assert "dexi" not in answer.stdout
    assert "--robot" not in answer.stdout


def test_other_goals_do_not_care_for_a_robot(checkout):
    assert make(checkout, "-n", "test", "ROBOT=nonsense").returncode == 0


def test_installation_that_fails_says_what_it_is_for_and_is_tried_again(checkout):
    for _ in range(2):
        # As the demo's first step is: without a build.
        answer = make(checkout, "demo", "ROBOT=allegro", "-o", "build")
        assert answer.returncode == 2
        assert (
            f"{PIN} could not be installed, which ROBOT=allegro needs; without it: ROBOT=panda"
            in answer.stderr
        )
        assert not (checkout / ".venv/retarget.stamp").exists()
