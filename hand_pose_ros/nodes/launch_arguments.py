"""What the launch files have in common about their arguments: texts that mean empty, names that were meant otherwise.

In: arguments as ``ros2 launch`` takes them. Out: their texts, and lines for the terminal.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable

_ALIKE = 0.85
"""difflib's ratio from which one name is taken for another, misspelt: one letter of five too many, or two of a dozen
exchanged. Guessed."""
_EMPTY = ("''", '""')


def plain_text(text: str) -> str:
    """An argument's text; empty for ``''`` and ``""``: ``ros2 launch`` refuses ``name:=`` with nothing after it."""
    return "" if text.strip() in _EMPTY else text


def misspelt(file: str, given: Iterable[str], own: Collection[str]) -> list[str]:
    """A line for each name that is nearly an argument of the launch file and none: launch says nothing of it.

    ``given``: all that is set in the launch, arguments of files around this one among them, which stay untold.
    """
    lines = []
    for name in given:
        alike = [] if name in own else difflib.get_close_matches(name, own, n=1, cutoff=_ALIKE)
        lines += [f"{file}: '{name}' is none of its arguments, is '{other}' meant?" for other in alike]
    return lines
