"""Training and evaluating the detector: targets are what the decoder reads, runs go on where they stopped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from hand_pose_ros.datasets.detector_targets import make_target, wanted
from hand_pose_ros.datasets.full_frames import FullFrames
from hand_pose_ros.datasets.full_scenes import FullFrameConfig
from hand_pose_ros.detection.config import DetectionConfig
from hand_pose_ros.detection.detector import decode
from hand_pose_ros.detection.detector_checkpoint import load_detector
from hand_pose_ros.detection.detector_input import anchors, views_along
from hand_pose_ros.detection.detector_net import DetectorConfig, DetectorMaps, handedness, pack_maps
from hand_pose_ros.evaluation.detector_evaluation import DetectorTally
from hand_pose_ros.network.weights_file import CheckpointError
from hand_pose_ros.synthetic.splits import VALIDATION_SPLIT
from hand_pose_ros.training.detector_config import DetectorTrainConfig, detector_config, load_detector_config
from hand_pose_ros.training.detector_task import DetectorTask, detector_trainer

DATA = {"identities": 2}
SMALL = DetectorTrainConfig(
    minutes=0, samples=48, batch=8, validation_pictures=16, network=DetectorConfig((4, 4, 4, 4)), data=DATA
)


@pytest.fixture(scope="module")
def batch():
    return FullFrames(FullFrameConfig(split=VALIDATION_SPLIT, identities=2)).batch(11, 128)


@pytest.mark.slow
def test_maps_that_equal_the_target_are_decoded_into_the_truth(batch):
    _, target = make_target(batch)
    logit = torch.logit(target.heat.clamp(1e-4, 1 - 1e-4))
    maps = DetectorMaps(logit, 8 * target.left - 4, target.offset, target.size, target.axes)
    packed, config = pack_maps(maps).numpy(), DetectionConfig(least_score=0.5)
    anchor, must = anchors(batch.z), wanted(batch)
    tally = DetectorTally()
    for n in range(len(batch.z)):
        found = decode(packed[n], anchor[n], batch.rays[n], views_along(batch.rays[n]), config, 9)
        some = batch.present[n] & (batch.visible[n] > 0)
        tally.add(found, batch.centre[n, some], batch.left[n, some], batch.radius[n, some], must[n, some])
    report = tally.report()
    assert report.hands > 80
    # Two hands in one output cell cannot be told apart, and a hand may have no reading at all.
    assert report.found["20"] > 0.97
    assert report.wrong_sides < 0.02
    assert report.false_alarms == report.false_alarms_without_hand == 0


@pytest.mark.slow
def test_a_target_asks_for_nothing_where_a_hand_is_in_doubt(batch):
    _, target = make_target(batch)
    must = wanted(batch)
    assert np.array_equal(target.heat.amax(dim=(1, 2)).numpy() > 0.9, must.any(axis=1))
    doubtful = batch.present & ~must & batch.inside & (batch.visible > 0.05)
    alone = doubtful.sum(axis=1) == batch.present.sum(axis=1)
    alone &= batch.present.any(axis=1)
    assert (target.heat[torch.from_numpy(alone)] == 0).all()
    assert ((target.near > 0) <= (target.heat > 0)).all()


@pytest.mark.slow
def test_the_axes_of_a_target_follow_its_side(batch):
    _, target = make_target(batch)
    there = target.near > 0.5
    side = handedness(target.axes)[there]
    assert torch.allclose(side, 1 - 2 * target.left[there], atol=1e-4)


@pytest.mark.slow
def test_a_run_leaves_weights_and_goes_on_where_it_stopped(tmp_path):
    output = tmp_path / "run"
    detector_trainer(SMALL, output).run()
    model, training = load_detector(output / "detector.safetensors")
    assert training["samples"] == 48
    assert model.config.widths == (4, 4, 4, 4)
    with pytest.raises(ValueError, match="pass --resume"):
        detector_trainer(SMALL, output)
    longer = detector_trainer(replace(SMALL, samples=64, prefetch=2), output, resume=True)
    assert longer.step == 6
    longer.run()
    assert longer.step == 8
    assert len((output / "curve.csv").read_text().splitlines()) == 3


@pytest.mark.slow
def test_a_run_goes_on_from_shipped_weights_and_only_from_its_own_kind(tmp_path):
    detector_trainer(SMALL, tmp_path / "first").run()
    weights = tmp_path / "first" / "detector.safetensors"
    second = detector_trainer(replace(SMALL, start=str(weights)), tmp_path / "second")
    ours, theirs = second.model.state_dict(), load_detector(weights)[0].state_dict()
    assert all(torch.equal(value, theirs[key]) for key, value in ours.items())
    wider = replace(SMALL, start=str(weights), network=DetectorConfig((8, 4, 4, 4)))
    with pytest.raises(CheckpointError, match="widths"):
        detector_trainer(wider, tmp_path / "third")


@pytest.mark.slow
def test_training_learns(tmp_path):
    """On one batch over and over the loss must fall far."""
    # The budget is far away, so that the rate stays at its peak.
    config = replace(
        SMALL, network=DetectorConfig((8, 8, 8, 8)), learning_rate=0.01, warmup_samples=0, samples=10**6
    )
    trainer = detector_trainer(config, tmp_path)
    same = make_target(DetectorTask(config).source.batch(1, 8))
    losses = [float(trainer.advance(same)["loss"]) for _ in range(40)]
    assert np.mean(losses[-5:]) < 0.5 * np.mean(losses[:5])


def test_the_shipped_configuration_is_valid():
    assert (
        load_detector_config(Path(__file__).parents[2] / "config" / "train" / "detector.yaml").name
        == "detector"
    )


def test_configuration_files_are_checked(tmp_path):
    path = tmp_path / "detector.yaml"
    path.write_text("minutes: 2\nnetwork: {widths: [8, 8, 8, 8]}\ndata: {hands: [0.2, 0.4, 0.4]}\n")
    config = load_detector_config(path)
    assert config.minutes == 2
    assert detector_config(config.to_dict()) == config
    for text, message in (
        ("batsh: 3", "no field 'batsh'"),
        ("batch: 1", "batch"),
        ("minutes: 0", "above 0"),
        ("data: {colour: 1}", "data"),
        ("data: {hands: [1, 1, 1]}", "hands"),
        ("- 1", "mapping"),
    ):
        path.write_text(text)
        with pytest.raises(ValueError, match=message):
            load_detector_config(path)
