"""Networks trained together see the same batches: recipes that cannot share them are refused; each has a folder."""

from __future__ import annotations

import csv
import os
import signal
from dataclasses import replace

import pytest
import torch
import yaml

from hand_pose_ros.network.checkpoint import load_checkpoint
from hand_pose_ros.network.config import NetworkConfig
from hand_pose_ros.training.config import OptimiserConfig, TrainConfig
from hand_pose_ros.training.pose_task import pose_trainer
from hand_pose_ros.training.trainer import Diverged
from research import train_together as command
from research.train_together import require_same_batches, train_together

TINY = NetworkConfig(widths=(8, 16, 16, 16), blocks=(0, 0, 0), up_blocks=(0, 0), ik_hidden=32)


@pytest.fixture
def config() -> TrainConfig:
    return TrainConfig(
        name="a", minutes=0, samples=64, batch=16, threads=1, validation_samples=32, network=TINY, bf16=False,
        data={"identities": 4}, optimiser=OptimiserConfig(warmup_samples=16, ema_decay=0.9),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("batch", 32),
        ("seed", 2),
        ("mirrored", 0.1),
        ("data", {"identities": 5}),
        ("samples", 128),
        ("workers", 2),
    ],
)
def test_recipes_whose_batches_or_budgets_differ_are_refused_by_the_fields_name(config, field, value):
    other = replace(config, name="b", **{field: value})
    with pytest.raises(ValueError, match=f"^{field} differs between the recipes"):
        require_same_batches([config, other])


def test_recipes_of_one_name_are_refused_for_they_would_share_a_folder(config):
    with pytest.raises(ValueError, match="want different ones"):
        require_same_batches([config, config])


@pytest.mark.slow
def test_each_network_becomes_what_it_would_become_alone(config, tmp_path):
    narrow = replace(config, name="b", network=replace(TINY, ik_hidden=16))
    together = train_together([config, narrow], tmp_path / "together")
    assert [trainer.samples for trainer in together] == [64, 64]
    alone = pose_trainer(config, together[0].task.source, tmp_path / "alone")
    alone.run()
    model, info = load_checkpoint(tmp_path / "together" / "a" / "model.safetensors")
    assert info.training["samples"] == 64
    for key, value in alone.average.state_dict().items():
        torch.testing.assert_close(together[0].average.state_dict()[key], value, rtol=1e-4, atol=1e-5)
    other, _ = load_checkpoint(tmp_path / "together" / "b" / "model.safetensors")
    assert other.config.ik_hidden == 16 != model.config.ik_hidden
    assert len(list(csv.DictReader((tmp_path / "together" / "b" / "curve.csv").open()))) == 1


@pytest.mark.slow
def test_steps_on_what_was_seen_before_fill_the_time_until_the_next_batch(config, tmp_path):
    (trainer,) = train_together([replace(config, samples=160)], tmp_path, reuse=3, graphed=True, kept=64)
    assert trainer.samples == 160
    assert all(torch.isfinite(value).all() for value in trainer.average.state_dict().values())


@pytest.fixture
def toy_source(toy_hands, monkeypatch):
    monkeypatch.setattr(command, "sources", lambda config, output: (toy_hands, toy_hands))
    return toy_hands


def test_a_network_that_diverges_takes_no_other_with_it(config, toy_source, tmp_path):
    wild = replace(config, name="wild", optimiser=OptimiserConfig(learning_rate=1e38, warmup_samples=0))
    with pytest.raises(Diverged, match="^wild: after"):
        train_together([wild, config], tmp_path)
    assert load_checkpoint(tmp_path / "a" / "model.safetensors")[1].training["samples"] == 64
    assert not (tmp_path / "wild" / "model.safetensors").exists()


def test_a_refused_recipe_leaves_no_folder_of_another(config, toy_source, tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "state.safetensors").touch()
    with pytest.raises(ValueError, match="hand-pose train --resume goes on from it"):
        train_together([config, replace(config, name="b")], tmp_path)
    assert [path.name for path in tmp_path.rglob("*")] == ["b", "state.safetensors"]


def test_a_run_that_is_asked_to_stop_keeps_its_states(config, toy_source, tmp_path, capsys, monkeypatch):
    recipe = tmp_path / "r.yaml"
    recipe.write_text(yaml.safe_dump({**config.to_dict(), "samples": 10**6}))
    finish = command._finish

    def stopped(device):
        os.kill(os.getpid(), signal.SIGTERM)
        finish(device)

    monkeypatch.setattr(command, "_finish", stopped)
    assert command.main(["--config", str(recipe), "--output", str(tmp_path / "runs")]) == 130
    assert "hand-pose train --resume goes on" in capsys.readouterr().out
    assert (
        pose_trainer(replace(config, samples=10**6), toy_source, tmp_path / "runs" / "a", resume=True).samples
        == 16
    )


def test_bad_input_ends_in_one_line_and_status_2(tmp_path, capsys):
    assert command.main(["--config", str(tmp_path / "absent.yaml"), "--output", str(tmp_path / "runs")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("python -m research.train_together: ")
    assert error.count("\n") == 1
