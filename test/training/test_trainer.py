"""The training loop on toy hands: it learns, it resumes, it keeps its seeds apart, it says what is wrong."""

from __future__ import annotations

import csv
from dataclasses import replace

import pytest
import torch

from hand_pose_ros.datasets.torch_batch import to_torch
from hand_pose_ros.network.checkpoint import load_checkpoint, load_model
from hand_pose_ros.network.config import NetworkConfig
from hand_pose_ros.network.losses import LossConfig
from hand_pose_ros.network.weights_file import CheckpointError
from hand_pose_ros.training import prefetcher
from hand_pose_ros.training.config import OptimiserConfig, TrainConfig
from hand_pose_ros.training.pose_task import CURVE_FIELDS, pose_trainer
from hand_pose_ros.training.trainer import Diverged

TINY = NetworkConfig(widths=(8, 16, 16, 16), blocks=(0, 0, 0), up_blocks=(0, 0), ik_hidden=32)


@pytest.fixture
def config() -> TrainConfig:
    return TrainConfig(
        name="toy", minutes=0, samples=640, batch=16, threads=1, validation_samples=64, network=TINY,
        bf16=False, optimiser=OptimiserConfig(warmup_samples=64, ema_decay=0.9, learning_rate=3e-3),
    )  # fmt: skip


@pytest.mark.slow
def test_errors_fall_and_the_files_say_so(config, toy_hands, tmp_path):
    report = pose_trainer(replace(config, samples=32), toy_hands, tmp_path / "before").run()
    later = pose_trainer(config, toy_hands, tmp_path / "run").run()
    assert later.mean_mm < 0.75 * report.mean_mm
    rows = list(csv.DictReader((tmp_path / "run" / "curve.csv").open()))
    assert tuple(rows[-1]) == CURVE_FIELDS
    assert float(rows[-1]["mean_mm"]) == pytest.approx(later.mean_mm, rel=1e-4)
    model, info = load_checkpoint(tmp_path / "run" / "model.safetensors")
    assert info.training["samples"] == 640
    assert info.training["seed"] == config.seed
    assert not model.training


@pytest.mark.slow
def test_a_run_in_two_halves_equals_one_run(config, toy_hands, tmp_path):
    whole = pose_trainer(config, toy_hands, tmp_path / "whole")
    whole.run()
    first = pose_trainer(config, toy_hands, tmp_path / "halves")
    batches = first.batches()
    for _ in range(20):
        first.advance(next(batches))
    first.save(None)
    second = pose_trainer(config, toy_hands, tmp_path / "halves", resume=True)
    assert second.step == 20
    second.run()
    for key, value in whole.average.state_dict().items():
        torch.testing.assert_close(second.average.state_dict()[key], value, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_prefetched_batches_are_the_same_batches(config, toy_hands, tmp_path):
    plain = pose_trainer(config, toy_hands, tmp_path / "a").batches()
    ahead = pose_trainer(replace(config, prefetch=2), toy_hands, tmp_path / "b").batches()
    first = next(plain).crop
    torch.testing.assert_close(first, next(ahead).crop)
    for batches in (plain, ahead):
        batches.close()


@pytest.mark.slow
def test_batches_from_a_process_are_the_same_batches(config, toy_hands, tmp_path):
    if prefetcher._start_method() != "fork":
        pytest.skip(
            "an earlier test used GNU OpenMP: a process is not forked, and a new one does not know these tests"
        )
    plain = pose_trainer(config, toy_hands, tmp_path / "a").batches()
    made = pose_trainer(replace(config, workers=1), toy_hands, tmp_path / "c").batches()
    torch.testing.assert_close(next(plain).crop, next(made).crop)
    for batches in (plain, made):
        batches.close()


def test_the_schedule_warms_up_and_ends_with_the_budget(config, toy_hands, tmp_path):
    trainer = pose_trainer(replace(config, samples=0, minutes=10.0), toy_hands, tmp_path)
    first = trainer.learning_rate()
    trainer.step = 100
    peak = trainer.learning_rate()
    trainer.used_s = 600.0
    o = config.optimiser
    assert first < peak == pytest.approx(o.learning_rate)
    assert trainer.learning_rate() == pytest.approx(o.learning_rate * o.final_factor)


@pytest.mark.slow
def test_an_existing_run_is_not_overwritten(config, toy_hands, tmp_path):
    pose_trainer(replace(config, samples=32), toy_hands, tmp_path).run()
    with pytest.raises(ValueError, match="--resume"):
        pose_trainer(config, toy_hands, tmp_path)


@pytest.mark.slow
def test_a_damaged_state_is_refused(config, toy_hands, tmp_path):
    trainer = pose_trainer(replace(config, samples=32), toy_hands, tmp_path)
    trainer.run()
    content = bytearray(trainer.state_path.read_bytes())
    content[-1] ^= 0xFF
    trainer.state_path.write_bytes(bytes(content))
    with pytest.raises(CheckpointError, match=r"state\.safetensors: content hash"):
        pose_trainer(config, toy_hands, tmp_path, resume=True)


PAPERS = {
    "deepmodel": (NetworkConfig("deepmodel", crop_size=64), LossConfig(joint_form="squared")),
    "without a hand model": (
        NetworkConfig("deepmodel", "direct_joint", 64),
        LossConfig(joint_form="squared"),
    ),
    "parameters alone": (
        NetworkConfig("deepmodel", "direct_parameter", 64),
        LossConfig(joint=0, coarse=0, physical=0, angle=0, rotation=0, shape=0, parameter=1),
    ),
    "sdnet": (
        NetworkConfig("sdnet", "direct_joint", 64),
        LossConfig(joint_form="euclidean", skeleton=0.5),
    ),
}


class OneBatch:
    """Always the same hands: what any network must be able to learn by heart."""

    def __init__(self, source) -> None:
        self.source = source

    def batch(self, seed: int, count: int):
        return self.source.batch(1, count)


@pytest.mark.slow
@pytest.mark.parametrize("name", PAPERS)
def test_the_papers_networks_learn_in_the_same_loop(name, config, tmp_path, toy_kind):
    network, loss = PAPERS[name]
    rate = OptimiserConfig(warmup_samples=1, learning_rate=3e-4, weight_decay=0.0, final_factor=1.0)
    changed = replace(config, network=network, loss=loss, optimiser=rate, data={}, samples=10_000, batch=8)
    trainer = pose_trainer(changed, OneBatch(toy_kind(64)), tmp_path)
    batch = next(trainer.batches())
    losses = [float(trainer.advance(batch)["loss"]) for _ in range(40)]
    assert losses[-1] < 0.6 * losses[0]


@pytest.mark.slow
def test_a_run_can_start_from_other_weights(config, toy_hands, tmp_path):
    pose_trainer(config, toy_hands, tmp_path / "first").run()
    weights = tmp_path / "first" / "model.safetensors"
    grown = replace(config, start=str(weights), network=replace(config.network, presence=True))
    trainer = pose_trainer(grown, toy_hands, tmp_path / "second")
    learnt = load_model(weights).state_dict()
    for key, value in learnt.items():
        assert torch.equal(trainer.model.state_dict()[key], value), key
        assert torch.equal(trainer.average.state_dict()[key], value), key
    assert any(key.startswith("presence_head") for key in trainer.model.state_dict())
    other = replace(config, start=str(weights), network=replace(config.network, ik_hidden=16))
    with pytest.raises(CheckpointError, match="does not fit"):
        pose_trainer(other, toy_hands, tmp_path / "third")


@pytest.mark.slow
def test_a_narrower_run_starts_from_the_channels_that_matter_most(config, toy_hands, tmp_path):
    pose_trainer(config, toy_hands, tmp_path / "first").run()
    weights = tmp_path / "first" / "model.safetensors"
    narrow = replace(config, start=str(weights), network=replace(config.network, widths=(4, 8, 8, 8)))
    trainer = pose_trainer(narrow, toy_hands, tmp_path / "second")
    wide = load_model(weights).state_dict()["backbone.stem.1.1.weight"].abs()
    kept = trainer.model.state_dict()["backbone.stem.1.1.weight"].abs()
    assert torch.equal(kept.sort().values, wide.sort().values[-4:])


@pytest.mark.slow
def test_a_network_that_looks_again_starts_as_the_one_that_did_not(config, toy_hands, tmp_path):
    pose_trainer(config, toy_hands, tmp_path / "first").run()
    weights = tmp_path / "first" / "model.safetensors"
    grown = replace(config, start=str(weights), network=replace(config.network, image_feedback=4))
    trainer = pose_trainer(grown, toy_hands, tmp_path / "second")
    batch = to_torch(toy_hands.batch(5, 4), trainer.device)
    with torch.inference_mode():
        before = load_model(weights).eval()(batch.crop, batch.distance)
        after = trainer.average(batch.crop, batch.distance)
    torch.testing.assert_close(after.joints, before.joints)
    torch.testing.assert_close(after.joint_sigma, before.joint_sigma)


@pytest.mark.slow
def test_a_network_learns_left_from_right_on_mirrored_crops(config, toy_hands, tmp_path):
    sided = replace(
        config, samples=1600, mirrored=0.5, network=replace(config.network, presence=True, handedness=True)
    )
    report = pose_trainer(sided, toy_hands, tmp_path / "run").run()
    assert report.wrong_side is not None
    assert report.wrong_side < 0.35
    batch = to_torch(toy_hands.batch(1, 4), torch.device("cpu"), mirrored=2)
    assert torch.equal(batch.crop[4:], batch.crop[:2].flip(-1))
    assert len(batch.target.joints) == 4
    with pytest.raises(ValueError, match="mirrored is 0"):
        replace(sided, mirrored=0.0)


def test_where_a_batch_cannot_be_made_what_was_learnt_is_kept(config, toy_hands, tmp_path):
    class Breaks:
        def __init__(self, source):
            self.source, self.left = source, 2

        def batch(self, seed, count):
            self.left -= 1
            if self.left < 0:
                raise OSError("frame 7 cannot be read")
            return self.source.batch(seed, count)

    broken = pose_trainer(config, Breaks(toy_hands), tmp_path)
    with pytest.raises(OSError, match="frame 7"):
        broken.run()
    assert pose_trainer(config, toy_hands, tmp_path, resume=True).step == 2
    assert (tmp_path / "model.safetensors").is_file()

    at_once = Breaks(toy_hands)
    at_once.left = 0
    with pytest.raises(OSError, match="frame 7"):
        pose_trainer(config, at_once, tmp_path / "other").run()
    assert not (tmp_path / "other" / "state.safetensors").exists()


def test_weights_that_are_not_finite_do_not_replace_those_that_were_stored(config, toy_hands, tmp_path):
    good = pose_trainer(config, toy_hands, tmp_path)
    good.advance(next(good.batches()))
    good.save(None)
    stored = (tmp_path / "state.safetensors").read_bytes(), (tmp_path / "model.safetensors").read_bytes()
    with torch.no_grad():
        next(good.model.parameters()).fill_(float("nan"))
    with pytest.raises(Diverged, match="16 samples .* want a learning rate below 0.003"):
        good.save(None)
    with pytest.raises(Diverged):
        good.run()
    assert stored == (
        (tmp_path / "state.safetensors").read_bytes(),
        (tmp_path / "model.safetensors").read_bytes(),
    )


def test_a_run_that_is_not_there_cannot_be_gone_on_with(config, toy_hands, tmp_path):
    with pytest.raises(ValueError, match="no run to go on from .*leave --resume out"):
        pose_trainer(config, toy_hands, tmp_path / "new", resume=True)
    assert not (tmp_path / "new").exists()


def test_weights_do_not_tell_where_they_were_trained(config, toy_hands, tmp_path):
    first = pose_trainer(config, toy_hands, tmp_path / "first")
    first.save(None)
    start = tmp_path / "first" / "model.safetensors"
    pose_trainer(replace(config, start=str(start)), toy_hands, tmp_path / "second").save(None)
    _, info = load_checkpoint(tmp_path / "second" / "model.safetensors")
    assert info.training["config"]["start"] == "model.safetensors"
    assert str(start) in (tmp_path / "second" / "config.yaml").read_text()  # to go on with


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_what_was_learnt_is_kept_when_the_last_validation_ends_early(
    error, config, toy_hands, tmp_path, monkeypatch
):
    def fails(network):
        raise error

    trainer = pose_trainer(replace(config, samples=16), toy_hands, tmp_path)
    monkeypatch.setattr(trainer.task, "evaluate", fails)
    with pytest.raises(error):
        trainer.run()
    assert load_checkpoint(tmp_path / "model.safetensors")[1].training["samples"] == 16
    assert pose_trainer(replace(config, samples=16), toy_hands, tmp_path, resume=True).step == 1


def test_a_run_whose_gradients_stay_infinite_ends_and_stores_nothing(
    config, toy_hands, tmp_path, monkeypatch
):
    trainer = pose_trainer(replace(config, samples=0, minutes=60.0), toy_hands, tmp_path)
    loss = trainer.task.loss

    def infinite(network, batch):
        value, terms = loss(network, batch)
        return value * float("inf"), terms

    monkeypatch.setattr(trainer.task, "loss", infinite)
    with pytest.raises(
        Diverged, match=r"the last 20 steps had no finite gradient.*learning rate below 0\.003"
    ):
        trainer.run()
    assert trainer.step == 20
    assert not trainer.state_path.exists()
