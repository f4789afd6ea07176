"""``hand-pose train``, from the command line's side."""

from __future__ import annotations

import os
import signal

import pytest
import yaml

from hand_pose_ros.commands import train as command
from hand_pose_ros.commands.main import main
from hand_pose_ros.network.checkpoint import load_checkpoint
from hand_pose_ros.training import pose_task

TINY = {"widths": [8, 16, 16, 16], "blocks": [0, 0, 0], "up_blocks": [0, 0], "ik_hidden": 32}


@pytest.fixture
def config(tmp_path, toy_hands, monkeypatch):
    monkeypatch.setattr(command, "synthetic_source", lambda data, split: toy_hands)
    path = tmp_path / "tiny.yaml"
    values = {
        "name": "tiny",
        "minutes": 60,
        "batch": 8,
        "threads": 1,
        "validation_samples": 16,
        "network": TINY,
    }
    path.write_text(yaml.safe_dump(values))
    return path


@pytest.mark.slow
def test_training_writes_weights_and_prints_the_errors(config, tmp_path, capsys):
    output = tmp_path / "run"
    assert (
        main(["train", "--config", str(config), "--samples", "32", "--output", str(output), "--seed", "5"])
        == 0
    )
    printed = capsys.readouterr().out
    assert "final joints   mean" in printed
    assert str(output / "model.safetensors") in printed
    assert load_checkpoint(output / "model.safetensors")[1].training["seed"] == 5
    assert {p.name for p in output.iterdir()} == {
        "config.yaml",
        "curve.csv",
        "model.safetensors",
        "state.safetensors",
    }


@pytest.mark.slow
def test_a_second_run_in_the_same_folder_wants_resume(config, tmp_path, capsys):
    arguments = ["train", "--config", str(config), "--samples", "16", "--output", str(tmp_path / "run")]
    assert main(arguments) == 0
    assert main(arguments) == 2
    assert "--resume" in capsys.readouterr().err
    arguments[arguments.index("16")] = "32"
    assert main([*arguments, "--resume"]) == 0
    assert load_checkpoint(tmp_path / "run" / "model.safetensors")[1].training["samples"] == 32


@pytest.mark.slow
def test_resume_without_a_run_names_the_missing_file(config, tmp_path, capsys):
    assert main(["train", "--config", str(config), "--output", str(tmp_path / "new"), "--resume"]) == 2
    assert "no run to go on from (no state.safetensors)" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--config", "none.yaml"], "none.yaml"),
        (["--minutes", "-1"], "minutes"),
        (["--device", "tpu"], "device is 'tpu'"),
        (["--config", "START"], "absent.safetensors: no such file"),
    ],
)
def test_bad_input_ends_in_one_line_and_status_2(config, tmp_path, capsys, arguments, message):
    start = tmp_path / "start.yaml"
    start.write_text(config.read_text() + "start: absent.safetensors\n")
    arguments = [str(start) if argument == "START" else argument for argument in arguments]
    given = ["train", "--config", str(config), "--output", str(tmp_path / "x"), *arguments]
    assert main(given) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert message in error
    assert not (tmp_path / "x").exists()


def test_fields_of_the_synthetic_data_are_checked():
    with pytest.raises(ValueError, match="data: .*colour"):
        command.synthetic_source({"colour": 3}, 0)
    source = command.synthetic_source({"families": ["webxr"], "scene": {"plane": 0.5}, "identities": 3}, 1)
    assert (source.config.split, source.config.families, source.config.scene.plane) == (1, ("webxr",), 0.5)


def test_an_interrupt_before_the_first_step_ends_at_once(config, tmp_path, monkeypatch):
    def warm_up(self):
        os.kill(os.getpid(), signal.SIGINT)
        pytest.fail("it went on")

    monkeypatch.setattr(pose_task.PoseTask, "warm_up", warm_up)
    output = tmp_path / "run"
    assert main(["train", "--config", str(config), "--samples", "32", "--output", str(output)]) == 130
    assert [path.name for path in output.iterdir()] == ["config.yaml"]
