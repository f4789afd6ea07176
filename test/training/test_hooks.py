"""Hooks of a run: the average forgets its beginning, a stopped run keeps its state, seeded steps repeat themselves."""

from __future__ import annotations

import csv
from types import SimpleNamespace

import pytest
import torch

from hand_pose_ros.network.config import NetworkConfig
from hand_pose_ros.training.config import TrainConfig
from hand_pose_ros.training.hooks import (
    Checkpoint,
    CurveWriter,
    MovingAverage,
    ProgressBar,
    SeededSteps,
    StopAt,
    Stopped,
)
from hand_pose_ros.training.pose_task import pose_trainer

TINY = NetworkConfig(widths=(4, 4, 4, 4), blocks=(0, 0, 0), up_blocks=(0, 0), ik_hidden=8)


@pytest.fixture
def config() -> TrainConfig:
    return TrainConfig(
        name="toy", minutes=0, samples=64, batch=8, threads=1, validation_samples=8, network=TINY, bf16=False
    )


def run_at(step: int, updated: bool = True) -> SimpleNamespace:
    """A run after its step, whose weights are all 1 and whose average is all 0."""
    model, average = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    for network, value in ((model, 1.0), (average, 0.0)):
        for parameter in network.parameters():
            torch.nn.init.constant_(parameter, value)
    return SimpleNamespace(step=step, updated=updated, model=model, average=average)


@pytest.mark.parametrize("step, decay", [(1, 1 / 10), (11, 11 / 20), (100_000, 0.99)])
def test_the_average_forgets_its_first_steps_fast(step, decay):
    run = run_at(step)
    MovingAverage(0.99).after_step(run)
    assert torch.allclose(run.average.weight, torch.full((2, 2), 1 - decay), atol=1e-6)


def test_the_average_ignores_a_step_that_changed_nothing():
    run = run_at(5, updated=False)
    MovingAverage(0.99).after_step(run)
    assert (run.average.weight == 0).all()


def test_a_curve_has_one_head_and_a_line_for_every_validation(tmp_path):
    path = tmp_path / "curve.csv"
    for number in (1.0, 2.0):
        CurveWriter(path, ("a", "b")).after_validation(SimpleNamespace(), None, {"a": number / 3, "c": 1})
    assert list(csv.DictReader(path.open())) == [{"a": "0.333333", "b": ""}, {"a": "0.666667", "b": ""}]


@pytest.mark.slow
def test_a_run_asked_to_stop_keeps_its_state_and_goes_on(config, toy_hands, tmp_path):
    asked = iter([False, False, True])
    with pytest.raises(Stopped):
        pose_trainer(config, toy_hands, tmp_path, hooks=[StopAt(lambda: next(asked))]).run()
    assert not (tmp_path / "curve.csv").exists()
    second = pose_trainer(config, toy_hands, tmp_path, resume=True)
    assert second.step == 2
    second.run()
    assert second.samples == 64


def test_seeded_steps_draw_the_same_wherever_a_run_begins():
    run = SimpleNamespace(config=SimpleNamespace(seed=3), step=7)
    SeededSteps().before_step(run)
    first = torch.rand(3)
    torch.rand(5)
    SeededSteps().before_step(run)
    assert torch.equal(torch.rand(3), first)
    run.step = 8
    SeededSteps().before_step(run)
    assert not torch.equal(torch.rand(3), first)


class StoredRun(SimpleNamespace):
    """A run that notes what it was asked to store."""

    def save(self, report: object) -> None:
        self.stored.append((self.used_s, report))


def test_the_state_is_stored_every_so_many_minutes_and_with_its_errors_at_the_end():
    run, hook = StoredRun(used_s=100.0, progress=0.5, stored=[]), Checkpoint(1.0)
    hook.before_run(run)
    for used_s in (130.0, 159.9, 160.0, 200.0, 220.0):
        run.used_s = used_s
        hook.after_step(run)
    hook.after_validation(run, "errors", {})
    assert run.stored == [(160.0, None), (220.0, None)]
    run.progress = 1.0
    hook.after_validation(run, "errors", {})
    assert run.stored[-1] == (220.0, "errors")


def test_without_minutes_the_state_is_stored_after_every_validation_alone():
    run, hook = StoredRun(used_s=0.0, progress=0.5, stored=[]), Checkpoint(None)
    hook.before_run(run)
    run.used_s = 1e6
    hook.after_step(run)
    assert not run.stored
    hook.after_validation(run, "errors", {})
    assert run.stored == [(1e6, "errors")]


def test_the_bar_shows_the_share_of_the_budget_and_the_last_validation(capsys):
    run, hook = (
        SimpleNamespace(config=SimpleNamespace(name="toy"), progress=0.0),
        ProgressBar(lambda run, r: f"{r} mm"),
    )
    hook.before_run(run)
    run.progress = 1.0
    hook.after_step(run)
    hook.after_validation(run, 7, {})
    hook.after_run(run)
    assert "toy: 100%" in capsys.readouterr().err
