"""Configuration files: YAML to validated dataclasses, section by section.

In: a path, or plain values as YAML and JSON hold them. Out: mappings and dataclasses; ValueError with one sentence that
names the file or the field, what it holds and what would be right. What a value may be, the dataclass checks itself
(``validation``); here only that the field exists and holds a number where a number belongs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from hand_pose_ros.validation import label, require

Section = TypeVar("Section")


def read_mapping(path: str | Path, what: str) -> dict[str, Any]:
    """The fields in a YAML file, none of an empty one. ValueError names the file when it is no such file.

    :param what: what the file should be, as it is called in the message: "the training configuration".
    """
    import yaml  # of the extra [train]: the tracker builds sections of its weights' metadata, but reads no YAML

    path = Path(path)
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"{path}: cannot read {what}: {error}") from error
    if not isinstance(values, Mapping):
        raise ValueError(f"{path}: want a mapping of fields")
    return dict(values)


def build(kind: type[Section], section: str, values: Any) -> Section:
    """A section's plain values -> the dataclass ``kind``; lists become tuples.

    ValueError names a field that does not exist, holds no number (or no truth value) where its default is one, or is
    refused by the dataclass. ``section`` is the place in the file, such as ``loss``; empty for the file itself.
    """
    require_mapping(section or "the file", values)
    require_known(section, values, [f.name for f in fields(kind)])  # type: ignore[arg-type]
    for field in fields(kind):  # type: ignore[arg-type]
        if field.name in values:
            _require_kind(label(section, field.name), values[field.name], field.default)
    plain = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    try:
        return kind(**plain)
    except TypeError as error:
        raise ValueError(f"{section}: {error}" if section else str(error)) from error


def require_known(section: str, values: Mapping[str, Any], known: list[str]) -> None:
    """ValueError names the first field that is not one of the ``known``, and those."""
    for key in values:
        if key not in known:
            raise ValueError(f"no field '{label(section, str(key))}', want one of {', '.join(known)}")


def require_mapping(name: str, value: Any) -> None:
    """ValueError when ``value`` is no mapping."""
    if not isinstance(value, Mapping):
        raise ValueError(f"{name} is {value!r}, want a mapping of fields")


def require_seeds(seeds: Any) -> tuple[int, ...]:
    """The seeds of several runs, as a tuple. ValueError unless they are a list of different whole numbers."""
    whole = isinstance(seeds, list | tuple) and all(type(seed) is int for seed in seeds)
    if not whole or not seeds or len(set(seeds)) < len(seeds):
        shown = list(seeds) if isinstance(seeds, tuple) else seeds
        raise ValueError(f"seeds is {shown!r}, want a list of different whole numbers")
    return tuple(seeds)


def merged(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """``values`` with ``changes`` laid over it, section by section."""
    result = dict(values)
    for key, value in changes.items():
        inner = result.get(key)
        if isinstance(inner, Mapping) and isinstance(value, Mapping):
            result[key] = merged(inner, value)
        else:
            result[key] = value
    return result


def _require_kind(name: str, value: Any, default: Any) -> None:
    if isinstance(default, bool):
        require(isinstance(value, bool), "", name, value, "true or false")
    elif isinstance(default, int | float):
        number = isinstance(value, int | float) and not isinstance(value, bool)
        require(number, "", name, value, "a number")
