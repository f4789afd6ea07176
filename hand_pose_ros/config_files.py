"""Configuration files: YAML to validated dataclasses, section by section.

In: a path, or plain values as YAML and JSON hold them. Out: mappings and dataclasses; ValueError with one sentence that
names the file or the field, what it holds and what would be right. What a value may be, the dataclass checks itself
(``validation``); here only that the field exists and holds a number where a number belongs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from hand_pose_ros.validation import MOST_WANTED, label, require_type, shown

Section = TypeVar("Section")

_REAL = re.compile(r"[-+]?(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)[eE][-+]?[0-9]+$")
"""Numbers that YAML 1.2, ROS and JSON know and PyYAML takes for texts: 1e-3, 1e5, 2.5e3."""

MOST_YAML_BYTES = 2**20
"""A larger file of YAML is not read. Guessed: a recipe has some kilobytes."""


def read_mapping(path: str | Path, what: str, first: bool = False) -> dict[str, Any]:
    """The fields in a YAML file, none of an empty one. ValueError names the file when it is no such file.

    :param what: what the file should be, as it is called in the message: "the training configuration".
    :param first: of several documents the first one is taken, instead of refusing the file.
    """
    import yaml  # here: the tracker builds sections of its weights' metadata, but reads no YAML

    path = Path(path)
    try:
        with path.open("rb") as file:  # devices and pipes have no size that could be asked for
            data = file.read(MOST_YAML_BYTES + 1)
        if len(data) > MOST_YAML_BYTES:
            raise ValueError(f"larger than {MOST_YAML_BYTES} bytes")
        text = data.decode("utf-8")
        loader = _loader()
        values = (next(yaml.load_all(text, loader), None) if first else yaml.load(text, loader)) or {}
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        raise ValueError(f"{path}: cannot read {what}: line {line}: {shown(error.problem)}") from error
    except RecursionError as error:
        raise ValueError(f"{path}: cannot read {what}: nested too deeply") from error
    except OSError as error:
        raise ValueError(f"{path}: cannot read {what}: {error.strerror}") from error
    except (UnicodeDecodeError, yaml.YAMLError, OverflowError, ValueError) as error:
        raise ValueError(f"{path}: cannot read {what}: {shown(error)}") from error
    if not isinstance(values, Mapping):
        raise ValueError(f"{path}: want a mapping of fields")
    return dict(values)


def yaml_value(text: str) -> Any:
    """What YAML reads a text as, 1e-3 as a number. yaml.YAMLError, ValueError or RecursionError where it is none."""
    import yaml

    return yaml.load(text, _loader())


@cache
def _loader() -> Any:
    """YAML's safe loader, which also refuses fields that stand twice, of which it took the last, and names that it
    takes for something else: on and off, yes and no are truth values. Numbers such as 1e-3 are numbers."""
    import yaml

    class Loader(yaml.SafeLoader):
        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            known: set[Any] = set()
            for key_node, _ in node.value:
                if key_node.tag == "tag:yaml.org,2002:merge":
                    continue
                key = self.construct_object(key_node, deep=True)
                wrong = None
                if not isinstance(key, str | int) or isinstance(key, bool):
                    wrong = f"the name '{shown(key_node.value)}' is read as {key!r}: put it in quotes"
                elif key in known:
                    wrong = f"'{shown(key)}' stands twice"
                if wrong is not None:
                    raise yaml.constructor.ConstructorError(None, None, wrong, key_node.start_mark)
                known.add(key)
            return super().construct_mapping(node, deep)

    Loader.add_implicit_resolver("tag:yaml.org,2002:float", _REAL, list("-+.0123456789"))
    return Loader


def build(kind: type[Section], section: str, values: Any) -> Section:
    """A section's plain values -> the dataclass ``kind``; lists become tuples.

    ValueError names a field that does not exist, holds no number (or no truth value) where its default is one, or is
    refused by the dataclass. ``section`` is the place in the file, such as ``loss``; empty for the file itself.
    """
    require_mapping(section or "the file", values)
    require_known(section, values, [f.name for f in fields(kind)])  # type: ignore[arg-type]
    for field in fields(kind):  # type: ignore[arg-type]
        if field.name in values:
            require_type(field.name, values[field.name], field.type, section)
    plain = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    try:
        return kind(**plain)
    except TypeError as error:
        raise ValueError(f"{section}: {error}" if section else str(error)) from error


def require_known(section: str, values: Mapping[str, Any], known: list[str]) -> None:
    """ValueError names the first field that is not one of the ``known``, and those."""
    for key in values:
        if key not in known:
            names = shown(", ".join(known), MOST_WANTED)
            raise ValueError(f"no field '{shown(label(section, str(key)))}', want one of {names}")


def require_mapping(name: str, value: Any) -> None:
    """ValueError when ``value`` is no mapping."""
    if not isinstance(value, Mapping):
        raise ValueError(f"{name} is {_given(value)}, want a mapping of fields")


def _given(value: Any) -> str:
    """A value as YAML gives it, in a message: texts in quotes."""
    return shown(repr(value) if isinstance(value, str) else value)


def require_seeds(seeds: Any) -> tuple[int, ...]:
    """The seeds of several runs, as a tuple. ValueError unless they are a list of different whole numbers."""
    whole = isinstance(seeds, list | tuple) and all(type(seed) is int for seed in seeds)
    if not whole or not seeds or len(set(seeds)) < len(seeds):
        given = list(seeds) if isinstance(seeds, tuple) else seeds
        raise ValueError(f"seeds is {_given(given)}, want a list of different whole numbers")
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
