"""What a file of ROS parameters says to one node, read as rcl reads it: for launch files, which must know before the
node does.

In: a YAML file or its content, a node's full name. Out: the node's parameters as plain values. No ROS is needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

PARAMETERS = "ros__parameters"
"""Below this key are a node's parameters."""
_DEEPEST = 20
"""Names within names beyond this are not followed: aliases of YAML may lead in circles. Guessed."""
_WILDCARDS = {"*": r"/\w+", "**": r"(/\w+)*"}


def parameters_of(content: Any, node: str) -> dict[str, Any]:
    """Parameters by name of the node ``node`` (such as ``/robot/hand_tracker``), from what a file holds.

    Names of nodes may be nested, and hold ``*`` for one name and ``**`` for any number of them; of several that fit,
    the last one says what a parameter is.
    """
    found: dict[str, Any] = {}
    for pattern, values in _sections(content, "", _DEEPEST):
        if _names(pattern, node):
            found |= values
    return found


def _names(pattern: str, node: str) -> bool:
    parts = [part for part in pattern.split("/") if part]
    return bool(re.fullmatch("".join(_WILDCARDS.get(part, f"/{re.escape(part)}") for part in parts), node))


def sections(path: str | Path, node: str) -> tuple[list[str], bool]:
    """The nodes' names and patterns in a file, and whether one of them is this node's; none where it cannot be read."""
    named = [
        "/" + "/".join(part for part in pattern.split("/") if part)
        for pattern, _ in _sections(_content(path), "", _DEEPEST)
    ]
    return named, any(_names(pattern, node) for pattern in named)


def file_error(argument: str, path: str | Path) -> str | None:
    """What is wrong with a file of parameters, None when nothing is; ``argument``: its name in the sentence."""
    try:
        content = _read(path)
    except yaml.YAMLError as error:
        return f"{argument} is '{path}', which is no YAML: {' '.join(str(error).split())}"
    except (OSError, ValueError, RecursionError) as error:
        return f"{argument} is '{path}', which cannot be read: {getattr(error, 'strerror', None) or error}"
    if not _has_parameters(content):
        return f"{argument} is '{path}', which holds no parameters: want /**: ros__parameters: ..."
    return None


def _has_parameters(content: Any) -> bool:
    """Whether a node's parameters are anywhere in a file's mappings: below its name, and those of its namespaces."""
    waiting, seen = [content], set()
    while waiting:
        mapping = waiting.pop()
        if isinstance(mapping, dict) and id(mapping) not in seen:  # an alias may stand in many places
            seen.add(id(mapping))
            if PARAMETERS in mapping:
                return True
            waiting += mapping.values()
    return False


def file_parameters(path: str | Path, node: str) -> dict[str, Any]:
    """As :func:`parameters_of`, of a file; none where it cannot be read, which is for others to tell."""
    return parameters_of(_content(path), node)


def _read(path: str | Path) -> Any:
    """What a file holds; YAMLError, OSError, ValueError or RecursionError where it cannot be read."""
    return yaml.safe_load(Path(path).read_text(encoding="utf-8"))


def _content(path: str | Path) -> Any:
    """What a file holds; None where it cannot be read."""
    try:
        return _read(path)
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return None


def _sections(content: Any, name: str, deepest: int) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every node's name or pattern with its parameters, in the file's order."""
    if not isinstance(content, Mapping) or deepest == 0:
        return
    for key, value in content.items():
        if key != PARAMETERS:
            yield from _sections(value, f"{name}/{key}", deepest - 1)
        elif isinstance(value, Mapping):
            yield name, value
