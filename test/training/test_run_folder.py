"""The folder of a run: one process, one recipe."""

from __future__ import annotations

import subprocess
import sys

import pytest
import yaml

from hand_pose_ros.training.config import config_from_dict
from hand_pose_ros.training.run_folder import CONFIG, held_if_made, hold, release, require_same_recipe

HOLDER = """
import sys
from pathlib import Path
from hand_pose_ros.training.run_folder import hold
hold(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.slow
def test_only_one_process_trains_into_a_folder(tmp_path):
    other = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "held\n"
    with pytest.raises(ValueError, match=f"another run is training here .process {other.pid}."):
        hold(tmp_path)
    other.kill()  # whoever is killed leaves its lock behind, but not held
    other.wait()
    hold(tmp_path)
    release(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_process_may_go_on_in_its_own_folder(tmp_path):
    hold(tmp_path)
    hold(tmp_path)
    release(tmp_path)
    release(tmp_path)


def test_what_fails_before_the_run_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match="refused"), held_if_made(tmp_path / "runs" / "one"):
        raise ValueError("refused")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "notes.txt").touch()
    with pytest.raises(ValueError, match="refused"), held_if_made(tmp_path / "kept" / "two"):
        raise ValueError("refused")
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["notes.txt"]


def test_what_fails_in_a_folder_that_is_held_releases_nothing(tmp_path):
    hold(tmp_path)
    with pytest.raises(ValueError, match="refused"), held_if_made(tmp_path):
        raise ValueError("refused")
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]
    release(tmp_path)


def test_a_process_that_ends_without_a_word_leaves_no_lock(tmp_path):
    subprocess.run(
        [sys.executable, "-c", HOLDER, str(tmp_path)], input="", check=True, text=True, capture_output=True
    )
    assert list(tmp_path.iterdir()) == []


RECIPE = {"name": "a", "samples": 100, "seed": 3, "data": {"identities": 5}, "loss": {"joint": 2.0}}


def test_more_budget_and_other_hardware_are_the_same_recipe(tmp_path):
    stored = config_from_dict(RECIPE).to_dict()
    (tmp_path / CONFIG).write_text(yaml.safe_dump(stored))
    require_same_recipe(tmp_path, stored)
    longer = {"samples": 500, "minutes": 3.0, "threads": 2, "device": "cpu", "prefetch": 1}
    require_same_recipe(tmp_path, config_from_dict({**RECIPE, **longer}).to_dict())


@pytest.mark.parametrize(
    "change, message",
    [
        ({"seed": 4}, "seed = 3, now it is 4"),
        ({"batch": 32}, "batch = 64, now it is 32"),
        ({"data": {"identities": 6}}, "data.identities = 5, now it is 6"),
        ({"data": {"identities": 5, "tracked": 0.5}}, "data.tracked = None, now it is 0.5"),
        ({"loss": {"joint": 1.0}}, "loss.joint = 2.0, now it is 1.0"),
        ({"network": {"ik_steps": 3}}, "network.ik_steps = 2, now it is 3"),
        ({"optimiser": {"learning_rate": 0.1}}, "optimiser.learning_rate"),
    ],
)
def test_another_recipe_is_named(tmp_path, change, message):
    (tmp_path / CONFIG).write_text(yaml.safe_dump(config_from_dict(RECIPE).to_dict()))
    with pytest.raises(ValueError, match=message):
        require_same_recipe(tmp_path, config_from_dict({**RECIPE, **change}).to_dict())


def test_without_a_stored_recipe_nothing_is_compared(tmp_path):
    require_same_recipe(tmp_path, {"seed": 1})
