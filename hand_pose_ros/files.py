"""Files that are whole or not there: written under another name beside the old one, then moved onto it in one step.

In: a path and what the file holds. Whoever reads sees the old or the new content, never half of one; a write that fails
leaves the old file, and nothing beside it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def replaced(path: str | Path) -> Iterator[Path]:
    """The path to write to; it takes the place of ``path`` when the block ends without an exception.

    Missing folders are made. OSError where they cannot be, or the folder is not writable.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # The suffix stays: matplotlib, PIL and others read a format off it.
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: str | Path, data: bytes) -> None:
    """Replaces the file. OSError as :func:`replaced`."""
    with replaced(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: str | Path, text: str) -> None:
    """Replaces the file, UTF-8. OSError as :func:`replaced`."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: str | Path, content: Any) -> None:
    """Replaces the file, indented, with a line's end.

    ValueError for a number that is not finite, OSError as :func:`replaced`.
    """
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")
