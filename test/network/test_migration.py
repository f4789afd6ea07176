"""Older names: every stored value is found under today's name, and nothing else is touched."""

from __future__ import annotations

import json
from dataclasses import fields

import pytest
import torch

from hand_pose_ros.network.checkpoint import (
    content_hash,
    load_checkpoint,
    read_tensors,
    save_checkpoint,
    write_tensors,
)
from hand_pose_ros.network.config import NetworkConfig
from hand_pose_ros.network.losses import LossConfig
from hand_pose_ros.network.migration import (
    RENAMED_FIELDS,
    RENAMED_MODULES,
    migrate_calibration,
    migrate_config,
    migrate_result,
    migrate_weights,
)
from hand_pose_ros.network.model import HandNet
from hand_pose_ros.resources import SHIPPED_MODELS, model_file
from hand_pose_ros.tracking.confidence import HAND_FEATURES, JOINT_FEATURES, Calibration, uncalibrated


def test_sections_within_sections_are_renamed_and_the_rest_stays():
    stored = {"samples": 3, "network": {"feedback": 4, "presence": True}, "loss": {"certainty": 0.5}}
    assert migrate_config(stored) == {
        "samples": 3, "network": {"image_feedback": 4, "presence": True}, "loss": {"sigma": 0.5},
    }  # fmt: skip
    assert migrate_config(migrate_config(stored)) == migrate_config(stored)


def test_new_names_are_fields_and_old_names_are_not():
    for section, kind in (("network", NetworkConfig), ("loss", LossConfig)):
        known = {field.name for field in fields(kind)}
        assert set(RENAMED_FIELDS[section].values()) <= known
        assert not set(RENAMED_FIELDS[section]) & known


def test_both_names_at_once_are_refused():
    with pytest.raises(ValueError, match="network has both 'image_feedback' and 'feedback', its older name"):
        NetworkConfig.from_dict({"feedback": 4, "image_feedback": 4})


@pytest.mark.parametrize("name", SHIPPED_MODELS)
def test_shipped_calibrations_are_read_under_todays_names_with_the_same_numbers(name):
    stored = json.loads(read_tensors(model_file(name))[1]["calibration"])
    calibration = Calibration.from_dict(load_checkpoint(model_file(name))[1].calibration)
    for part, names in (("hand", HAND_FEATURES), ("joint", JOINT_FEATURES)):
        older = {today: old for old, today in RENAMED_FIELDS[f"calibration.{part}"].items()}
        numbers = [stored[part].get(name, stored[part].get(older.get(name))) for name in names]
        assert getattr(calibration, part).tolist() == numbers
    assert calibration.hand_bias == stored["hand_bias"]
    assert calibration.joint_bias.tolist() == list(stored["joint_bias"].values())


def test_a_calibration_under_todays_names_stays():
    values = uncalibrated().to_dict()
    assert migrate_calibration(values) == values
    assert migrate_calibration({}) == {}


def test_results_of_runs_keep_their_figures():
    result = {"seed": 1, "machine": {"cores": 2}, "config": {"loss": {"certainty": 0.1}}}
    assert migrate_result(result) == {"seed": 1, "hardware": {"cores": 2}, "config": {"loss": {"sigma": 0.1}}}


def test_weights_of_every_head_are_renamed_by_their_first_word_alone():
    old = {"certainty.0.weight": 1, "presence.2.bias": 2, "backbone.certainty.weight": 3, "glance.bias": 4}
    assert migrate_weights(old) == {
        "sigma_head.0.weight": 1, "presence_head.2.bias": 2, "backbone.certainty.weight": 3, "image_feedback.bias": 4,
    }  # fmt: skip


@pytest.mark.parametrize("name", SHIPPED_MODELS)
def test_shipped_files_are_read_as_they_are(name):
    tensors, metadata = read_tensors(model_file(name))
    model, info = load_checkpoint(model_file(name))
    assert info.sha256 == metadata["sha256"] == content_hash(tensors)
    assert set(migrate_weights(tensors)) == set(model.state_dict())


def test_a_file_with_old_names_gives_the_same_network(tmp_path):
    torch.manual_seed(0)
    config = NetworkConfig(
        widths=(4, 4, 4, 4), blocks=(0, 0, 0), up_blocks=(0, 0), ik_hidden=8, crop_size=64, presence=True,
        handedness=True, image_feedback=2,
    )  # fmt: skip
    model = HandNet(config).eval()
    first = {now: old for old, now in RENAMED_MODULES.items()}
    old = {}
    for key, value in model.state_dict().items():
        part, _, rest = key.partition(".")
        old[f"{first.get(part, part)}.{rest}"] = value.contiguous()
    assert set(old) != set(model.state_dict())
    path = tmp_path / "old.safetensors"
    save_checkpoint(path, model)
    _, metadata = read_tensors(path)
    network = metadata["network"].replace("image_feedback", "feedback")
    write_tensors(path, old, {**metadata, "network": network, "sha256": content_hash(old)})
    loaded, info = load_checkpoint(path)
    assert info.network == config
    for key, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[key], value), key
