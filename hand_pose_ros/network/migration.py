"""Names that stored files use and the code no longer does: weights' metadata, training recipes, the folders of runs.

In: plain values as an older version wrote them. Out: the same values under today's names. Every reader of stored values
goes through here and nowhere else; files are never rewritten for a name, so their hashes stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

RENAMED_FIELDS: dict[str, dict[str, str]] = {
    "network": {"feedback": "image_feedback"},
    "loss": {"certainty": "sigma"},
    "data": {"nothing": "negative_fraction"},
    "calibration.hand": {"agreement": "visibility_score", "floating": "free_space"},
    "calibration.joint": {"floating": "free_space"},
}
"""Section of a training configuration, or part of a calibration -> its fields' old names and what they are called
now."""

RENAMED_MODULES: dict[str, str] = {
    "certainty": "sigma_head",
    "presence": "presence_head",
    "handedness": "handedness_head",
    "glance": "image_feedback",
}
"""Parts of ``HandNet``: the first word of a weight's old name -> what it is called now."""

RENAMED_RESULTS: dict[str, str] = {"machine": "hardware"}
"""Fields of the result of a run, beside its configuration: old name -> what it is called now."""

Value = TypeVar("Value")


def migrate_config(values: Mapping[str, Any]) -> dict[str, Any]:
    """A training configuration's plain values, sections within sections, under today's names."""
    return _migrated("", values)


def migrate_section(section: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of one section, such as ``network``, under today's names. ValueError when a field stands there under
    both of its names."""
    return _migrated(section, values)


def migrate_calibration(values: Mapping[str, Any]) -> dict[str, Any]:
    """A stored calibration of the confidences, its features under today's names."""
    return _migrated("calibration", values)


def migrate_result(result: Mapping[str, Any]) -> dict[str, Any]:
    """The result of a run, its configuration under ``config``, under today's names. KeyError without one."""
    named = {RENAMED_RESULTS.get(key, key): value for key, value in result.items()}
    return {**named, "config": migrate_config(result["config"])}


def migrate_weights(weights: Mapping[str, Value]) -> dict[str, Value]:
    """A pose network's weights by the names of today's parts, in their old order."""
    renamed: dict[str, Value] = {}
    for key, value in weights.items():
        part, dot, rest = key.partition(".")
        renamed[RENAMED_MODULES.get(part, part) + dot + rest] = value
    return renamed


def _migrated(section: str, values: Mapping[str, Any]) -> dict[str, Any]:
    names = RENAMED_FIELDS.get(section, {})
    result: dict[str, Any] = {}
    for key, value in values.items():
        name = names.get(key, key)
        if name != key and name in values:
            raise ValueError(f"{section} has both '{name}' and '{key}', its older name, want '{name}' alone")
        inner = f"{section}.{name}" if section else str(name)
        result[name] = _migrated(inner, value) if isinstance(value, Mapping) else value
    return result
