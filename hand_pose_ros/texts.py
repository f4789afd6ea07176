"""Texts from outside as messages repeat them: one line, cut.

In: any value. Out: a text that can be printed. Needs nothing but Python, so that what is wrong can be said where
everything else is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

MOST_SHOWN = 200
"""Characters of a text from outside that a message repeats: files, messages and command lines can hold any.
Guessed."""


def shown(text: object, most: int = MOST_SHOWN) -> str:
    """A text from outside as messages repeat it: one line, unprintable characters escaped, cut to ``most`` in all.
    Lists and mappings are only written out as far as that: a small file of YAML can hold endless ones."""
    whole = "".join(_head(_pieces(text), most + 1)) if isinstance(text, list | tuple | dict) else str(text)
    line = "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in whole[: most + 1]
    )
    return line if len(line) <= most else line[: most - 3] + "..."


_DEEPEST = 20
"""Lists in lists beyond this are not written out. Guessed: no file that is meant has so many."""


def _pieces(value: object, depth: int = 0) -> Iterator[str]:
    """What ``repr`` makes of a value, piece by piece."""
    if depth > _DEEPEST:
        yield "..."
    elif isinstance(value, dict):
        yield "{"
        for number, (key, item) in enumerate(value.items()):
            yield ", " if number else ""
            yield from _pieces(key, depth + 1)
            yield ": "
            yield from _pieces(item, depth + 1)
        yield "}"
    elif type(value) in (list, tuple):
        items: list[object] | tuple[object, ...] = value  # type: ignore[assignment]
        yield "[" if type(value) is list else "("
        for number, item in enumerate(items):
            yield ", " if number else ""
            yield from _pieces(item, depth + 1)
        yield "]" if type(value) is list else ",)" if len(items) == 1 else ")"
    else:
        yield repr(value)


def _head(pieces: Iterable[str], most: int) -> Iterator[str]:
    """The first pieces, ``most`` characters and no more than a piece beyond them."""
    for piece in pieces:
        yield piece
        most -= max(len(piece), 1)
        if most <= 0:
            return
