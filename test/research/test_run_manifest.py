"""Settings stored with results: compared under today's names, and with what an unwritten list of sensors means."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hand_pose_ros.network.config import NetworkConfig
from hand_pose_ros.synthetic.sensor_presets import DEFAULT_SENSORS
from hand_pose_ros.training.config import TrainConfig
from research.run_manifest import NON_SEMANTIC_FIELDS, read_result, require_settings, settings_of

PATH = Path("row.seed1.json")


def test_settings_are_plain_and_hold_nothing_without_meaning_for_the_result() -> None:
    settings = settings_of(TrainConfig(network=NetworkConfig(widths=(8, 16, 16, 16))), views="all")
    assert json.loads(json.dumps(settings)) == settings
    assert settings["views"] == "all"
    assert settings["network"]["widths"] == [8, 16, 16, 16]
    assert not set(settings) & set(NON_SEMANTIC_FIELDS)


def test_data_without_sensors_are_seen_by_the_default_ones() -> None:
    stored, pinned = {"data": {"size": 64}}, {"data": {"size": 64, "sensors": list(DEFAULT_SENSORS)}}
    require_settings(PATH, stored, pinned)
    require_settings(PATH, pinned, stored)
    with pytest.raises(ValueError, match="made with data = "):
        require_settings(PATH, stored, {"data": {"size": 64, "sensors": ["d435"]}})


def test_older_names_are_the_same_settings() -> None:
    require_settings(PATH, {"loss": {"certainty": 0.1}, "data": {"nothing": 0.2}},
                     {"loss": {"sigma": 0.1}, "data": {"negative_fraction": 0.2}})  # fmt: skip


def test_a_result_with_other_settings_is_named_with_the_setting(tmp_path: Path) -> None:
    path = tmp_path / "row.json"
    path.write_text(json.dumps({"seed": 1, "config": {"batch": 8}}))
    assert read_result(path, {"batch": 8})["seed"] == 1
    with pytest.raises(ValueError, match="row.json: made with batch = 8, the configuration says 16"):
        read_result(path, {"batch": 16})
