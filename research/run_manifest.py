"""The manifest of a run: with what settings a result on disk was made, and whether those are still the ones asked for.

In: a training configuration, a result's JSON file. Out: plain values; ValueError names the file and the setting.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hand_pose_ros.network.migration import migrate_config, migrate_result
from hand_pose_ros.synthetic.sensor_presets import DEFAULT_SENSORS
from hand_pose_ros.training.config import NON_SEMANTIC_FIELDS, TrainConfig


def settings_of(config: TrainConfig, **measured: Any) -> dict[str, Any]:
    """What decides a run's result, as plain JSON values: its configuration, and how it is ``measured``."""
    values = {key: value for key, value in config.to_dict().items() if key not in NON_SEMANTIC_FIELDS}
    return dict(json.loads(json.dumps({**values, **measured})))


def read_result(path: Path, settings: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A finished (or begun) run, its settings under ``config``. ValueError when the file is damaged or made with other
    settings than those given."""
    try:
        result = migrate_result(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: not the result of a run: {error}") from error
    require_settings(path, result["config"], settings or {})
    return result


def require_settings(path: Path, stored: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    """ValueError when one of the ``settings`` is not as ``stored`` in the file, under older names too.

    Synthetic data without a list of sensors have the default ones.
    """
    stored = _with_sensors(migrate_config(stored))
    settings = _with_sensors(settings)
    for key, value in settings.items():
        if stored.get(key) != value:
            raise ValueError(
                f"{path}: made with {key} = {stored.get(key)}, the configuration says {value}; "
                "use another --output or remove it"
            )


def _with_sensors(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """The settings with the default sensors where the data name none."""
    if "data" not in settings:
        return settings
    return {**settings, "data": {"sensors": list(DEFAULT_SENSORS), **settings["data"]}}
