"""ICVL, NYU and MSRA as sources to train on: what a batch holds, and a run on them from the command line."""

from __future__ import annotations

import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from hand_pose_ros.commands.main import main
from hand_pose_ros.datasets.annotation_fit import similarity
from hand_pose_ros.datasets.augmentation import rotation_about
from hand_pose_ros.datasets.benchmarks import BENCHMARKS
from hand_pose_ros.datasets.icvl import rotation_degrees
from hand_pose_ros.datasets.nyu import SCORED_JOINTS
from hand_pose_ros.datasets.recorded_source import RecordedHands, originals, recorded_config, recorded_sources
from hand_pose_ros.depth.crop import CropFrame
from hand_pose_ros.hand.hand_state import random_hands
from hand_pose_ros.hand.joint_sets import convert_joints
from hand_pose_ros.hand.kinematics import HandModelLayer
from hand_pose_ros.network.checkpoint import load_checkpoint
from hand_pose_ros.training.config import TrainConfig, config_from_dict

# Every test fits hands.
pytestmark = pytest.mark.slow

TINY = {"widths": [8, 16, 16, 16], "blocks": [0, 0, 0], "up_blocks": [0, 0], "ik_hidden": 32}
NAMES = {16: "icvl", 36: "nyu", 21: "msra"}
# MSRA's small archive has these two persons only.
DATA = {"icvl": {}, "nyu": {}, "msra": {"train_subjects": ["P8"]}}


def annotated_hand(name: str, count: int, seed: int) -> np.ndarray:
    """A valid hand of one person, as the data set annotates it; ICVL's copies are their originals turned."""
    benchmark = BENCHMARKS[NAMES[count]]
    degrees = rotation_degrees(name) if count == 16 else 0.0
    upright = name.partition("/")[2] if degrees else name
    hand = random_hands(1, seed=zlib.crc32(upright.encode()))
    place = torch.tensor([[0.02, -0.01, 0.7 if count == 36 else 0.42]], dtype=torch.float64)
    shape = torch.full((1, 9), 0.03, dtype=torch.float64)
    layer = HandModelLayer(benchmark.side).double()
    own = layer.frames_from_rotation(hand.rotation, place, hand.angles, shape).joints[0].numpy()
    joints = convert_joints(own @ rotation_about([0, 0, 1], np.radians(degrees)).T, benchmark.joint_set)
    if count != 36:
        return joints
    everything = np.tile(joints[-1], (36, 1))
    everything[list(SCORED_JOINTS)] = joints
    return everything


@pytest.fixture(scope="module")
def roots(make_archive, tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("archives")
    return {name: make_archive(name, folder / name, annotated_hand).root for name in DATA}


@pytest.fixture(scope="module")
def sources(roots, tmp_path_factory) -> dict[str, tuple[RecordedHands, RecordedHands]]:
    folder = tmp_path_factory.mktemp("fits")
    return {name: recorded_sources(name, roots[name], DATA[name], folder, threads=2) for name in DATA}


@pytest.mark.parametrize("name", DATA)
@pytest.mark.parametrize("split", [0, 1])
def test_the_same_seed_gives_the_same_batch(sources, name, split):
    source = sources[name][split]
    a, b, other = source.batch(7, 6), source.batch(7, 6), source.batch(8, 6)
    for field, value in vars(a).items():
        np.testing.assert_array_equal(value, getattr(b, field))
    assert not np.array_equal(a.crop, other.crop) or not np.array_equal(a.joints, other.joints)
    assert a.crop.shape == (6, 1, 96, 96)


@pytest.mark.parametrize("name", DATA)
@pytest.mark.parametrize("split", [0, 1])
def test_targets_are_right_hands_of_the_hand_model(sources, name, split):
    batch = sources[name][split].batch(3, 8)
    joints = HandModelLayer("right").frames_from_rotation(
        *(torch.from_numpy(v) for v in (batch.rotation, batch.translation, batch.angles, batch.shape))
    )
    np.testing.assert_allclose(joints.joints.numpy(), batch.joints, atol=2e-5)
    np.testing.assert_allclose(np.linalg.det(batch.rotation), 1.0, atol=1e-4)


@pytest.mark.parametrize("name", DATA)
@pytest.mark.parametrize("split", [0, 1])
def test_labels_lie_on_their_pixels(sources, name, split):
    source = sources[name][split]
    batch = source.batch(5, 16)
    near, shown = [], []
    for crop, distance, own in zip(batch.crop[:, 0], batch.distance, batch.joints, strict=True):
        frame = CropFrame(np.array([0.0, 0.0, distance]), source.config.cube_m, source.config.size)
        joints = frame.local_to_crop(convert_joints(own, source.benchmark.joint_set))
        column, row = np.floor(frame.crop_to_pixel(joints[:, :2]) + 0.5).astype(int).T
        inside = (np.abs(joints) < 0.95).all(axis=1)
        reading = crop[row[inside], column[inside]] - joints[inside, 2]
        near.append(np.abs(reading) < 0.05)
        shown.append(reading < 0.05)
    # A disc may hide another, so a reading may be nearer than the joint, but it is never behind it.
    assert np.concatenate(shown).mean() > 0.98
    assert np.concatenate(near).mean() > 0.6


@pytest.mark.parametrize("name", DATA)
def test_the_fit_leaves_almost_nothing_of_valid_hands(sources, name):
    for source in sources[name]:
        assert source.fit.residual.mean() < 1e-3
        placed = convert_joints(source.fit.joints, source.benchmark.joint_set)
        error = np.linalg.norm(placed - source.reader.joints, axis=-1).mean(axis=1)
        np.testing.assert_allclose(error, source.fit.residual, atol=1e-6)
        for field in ("joints", "rotation", "angles", "shape"):
            assert np.isfinite(getattr(source.fit, field)).all()


def test_random_motion_can_be_switched_off_and_changes_poses_but_not_angles(sources):
    source = sources["icvl"][0]
    still = RecordedHands(
        source.reader, source.benchmark, source.config, source.folder, split="train", augmented=False
    )
    moved, at_rest = source.batch(11, 8), still.batch(11, 8)
    np.testing.assert_array_equal(moved.angles, at_rest.angles)
    np.testing.assert_array_equal(moved.shape[:, 1:], at_rest.shape[:, 1:])
    factor = np.exp(moved.shape[:, 0] - at_rest.shape[:, 0])
    assert (np.abs(np.log(factor)) <= source.config.scale + 1e-6).all()
    assert np.ptp(factor) > 0.01
    for a, b, scale in zip(moved.joints, at_rest.joints, factor, strict=True):
        assert similarity(b.astype(float), a.astype(float)).factor == pytest.approx(scale, rel=1e-3)
    assert np.abs(moved.rotation - at_rest.rotation).max() > 0.1


def test_rotated_copies_take_their_originals_fit_along(sources):
    source = sources["icvl"][0]
    names = source.reader.names
    copies = originals(names)
    assert copies.tolist() == [0, 1, 2, 3, 0, 1, 0, 1]
    fit = source.fit
    for i, original in enumerate(copies):
        np.testing.assert_array_equal(fit.angles[i], fit.angles[original])
        turn = rotation_about([0, 0, 1], np.radians(rotation_degrees(names[i])))
        np.testing.assert_allclose(fit.rotation[i], turn @ fit.rotation[original], atol=2e-3)


def test_a_fit_is_made_once_and_a_damaged_one_is_made_again(sources, roots, capsys):
    source = sources["nyu"][1]
    fit = source.fit
    again = recorded_sources("nyu", roots["nyu"], {}, source.folder)[1]
    capsys.readouterr()
    np.testing.assert_array_equal(again.fit.joints, fit.joints)
    assert capsys.readouterr().out == ""
    (kept,) = source.folder.glob("fit_nyu_test_*.npz")
    kept.write_bytes(kept.read_bytes()[:100])
    once_more = recorded_sources("nyu", roots["nyu"], {}, source.folder)[1]
    np.testing.assert_allclose(once_more.fit.joints, fit.joints, atol=1e-9)
    assert "fitting the hand model to 3 annotations" in capsys.readouterr().out


def test_a_similarity_is_found_back():
    points = np.random.default_rng(0).normal(size=(7, 3))
    rotation, shift = rotation_about([1, 2, 3], 2.5), np.array([0.3, -0.2, 1.0])
    found = similarity(points, 1.3 * points @ rotation.T + shift)
    np.testing.assert_allclose(found.rotation, rotation, atol=1e-12)
    assert (found.factor, found.residual) == (pytest.approx(1.3), pytest.approx(0.0, abs=1e-12))
    np.testing.assert_allclose(found(points), 1.3 * points @ rotation.T + shift, atol=1e-12)
    # A mirror image is no rotation: the best one leaves something.
    assert similarity(points, points * [-1, 1, 1]).residual > 0.1


@pytest.fixture
def config(tmp_path) -> Path:
    path = tmp_path / "tiny.yaml"
    values = {
        "name": "tiny",
        "minutes": 60,
        "batch": 4,
        "threads": 1,
        "validation_samples": 8,
        "network": TINY,
    }
    path.write_text(yaml.safe_dump({**values, "data": {"identities": 3}}))
    return path


def test_one_command_trains_and_one_evaluates(config, roots, tmp_path, capsys):
    run, root = tmp_path / "run", str(roots["icvl"])
    arguments = ["train", "--config", str(config), "--dataset", "icvl", "--root", root, "--output", str(run)]
    assert main([*arguments, "--samples", "12"]) == 0
    printed = capsys.readouterr().out
    assert "icvl train: fitting the hand model to 8 annotations" in printed
    assert "icvl, random test frames: 8" in printed
    _, info = load_checkpoint(run / "model.safetensors")
    stored = config_from_dict(info.training["config"])
    assert (stored.dataset, stored.root) == ("icvl", "icvl")  # its last part: weights go to others
    assert main([*arguments, "--samples", "16", "--resume"]) == 0
    assert "fitting" not in capsys.readouterr().out
    figures = tmp_path / "figures"
    weights = str(run / "model.safetensors")
    evaluate = ["evaluate", "--checkpoint", weights, "--dataset", "icvl", "--root", root]
    assert main([*evaluate, "--figures", str(figures)]) == 0
    assert "icvl: errors of 6 frames" in capsys.readouterr().out
    assert (figures / "icvl_success.png").exists()


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--dataset", "icvl"], "needs --root"),
        (["--dataset", "icvl", "--root", "none/there"], "none/there"),
        (["--dataset", "hands17", "--root", "."], "dataset is 'hands17', want one of synthetic, icvl"),
        (["--root", "somewhere"], "root is 'somewhere'"),
    ],
)
def test_bad_input_ends_in_one_line_and_status_2(config, tmp_path, capsys, arguments, message):
    assert main(["train", "--config", str(config), "--output", str(tmp_path / "x"), *arguments]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert message in error
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    "data, message",
    [
        ({"families": ["webxr"]}, "no field 'data.families'"),
        ({"scale": 3.0}, "data: scale is 3.0"),
        ({"scale": "wide"}, "data.scale is 'wide', want a number"),
        ({"test_subject": "P9"}, "test_subject is 'P9'"),
        ({"train_subjects": ["P0", "P1"]}, "hold the test_subject 'P0'"),
    ],
)
def test_fields_of_the_data_are_checked(data, message):
    with pytest.raises(ValueError, match=message):
        recorded_config(data)


def test_settings_of_synthetic_runs_are_stored_as_before():
    values = TrainConfig().to_dict()
    assert {"dataset", "root"}.isdisjoint(values)
    assert config_from_dict(values) == TrainConfig()
    real = replace(TrainConfig(), dataset="nyu", root="somewhere")
    assert config_from_dict(real.to_dict()) == real
