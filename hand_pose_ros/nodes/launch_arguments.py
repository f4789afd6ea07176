"""What the launch files have in common about their arguments: what a text means, names that were meant otherwise, what
cannot be started.

In: arguments as ``ros2 launch`` takes them. Out: what they mean, and lines for the terminal.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import yaml
from ament_index_python.packages import PackageNotFoundError, get_package_prefix

from hand_pose_ros.config_files import yaml_value
from hand_pose_ros.nodes.parameters.parameter_files import sections

_ALIKE = 0.85
"""difflib's ratio from which one name is taken for another, misspelt: one letter of five too many, or two of a dozen
exchanged. Guessed."""
_EMPTY = ("''", '""')
NOT_GIVEN = ("(params_file)", "(retarget_file)", "(camera)")
"""What stands for an argument that nobody gave. A launch file that includes ours keeps them, and hands the ones of one
on to the next."""


def plain_text(text: str) -> str:
    """An argument's text; empty for ``''`` and ``""``: ``ros2 launch`` refuses ``name:=`` with nothing after it."""
    return "" if text.strip() in _EMPTY else text


def value_of(kind: type, text: str) -> Any:
    """What an argument's text is as a str, int, float or bool; None where it is none. 1 and 0 are truth values, too."""
    if kind is str:
        return text
    try:
        value = yaml_value(text)
    except (yaml.YAMLError, ValueError, RecursionError):  # dates that are none, brackets without end
        return None
    if kind is bool and type(value) is int and value in (0, 1):
        return bool(value)
    if kind is float and type(value) is int:
        return float(value)
    return value if type(value) is kind else None


def file_path(text: str) -> str:
    """A file's path as it was typed, with the home folder for ``~``, which shells leave alone after ``:=``."""
    return str(Path(text).expanduser()) if text.startswith("~") else text


def topic_error(name: str, text: str) -> str | None:
    """What is wrong with the name of a topic, in one sentence; None when nothing is. The node would only end."""
    parts = text.removeprefix("~").removeprefix("/").split("/")
    named = all(part.isascii() and part.isidentifier() for part in parts)
    if named and (not text.startswith("~") or text.startswith("~/")):
        return None
    return f"{name} is '{text}', want a topic: names of letters, digits and _, with / between them"


def executable_error(argument: str, package: str, executable: str) -> str | None:
    """Why an argument asks for a program that cannot be started; None when it can. launch itself finds that out when
    other nodes run already, which it then leaves behind."""
    try:
        there = Path(get_package_prefix(package), "lib", package, executable).is_file()
    except PackageNotFoundError:
        there = False
    if there:
        return None
    return f"{argument} needs '{executable}' of the package '{package}', which is not installed"


def unheard(argument: str, path: str, node: str) -> list[str]:
    """A line where a file of parameters names other nodes only: ROS says nothing of it, and the defaults hold."""
    named, mine = sections(path, node)
    if mine or not named:
        return []
    others = ", ".join(f"'{name}'" for name in named[:3])
    return [
        f"{argument} '{path}' says nothing to the node '{node}', only to {others}: name it so, or write /**"
    ]


def misspelt(file: str, given: Iterable[str], own: Collection[str]) -> list[str]:
    """A line for each name that is nearly an argument of the launch file and none: launch says nothing of it.

    ``given``: all that is set in the launch, arguments of files around this one among them, which stay untold.
    """
    lines = []
    for name in given:
        alike = [] if name in own else difflib.get_close_matches(name, own, n=1, cutoff=_ALIKE)
        lines += [f"{file}: '{name}' is none of its arguments, is '{other}' meant?" for other in alike]
    return lines
