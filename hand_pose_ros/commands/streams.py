"""The standard streams of a command: closed, of a terminal that has gone, or without a letter for a name.

In: those of the process. Out: streams that can be written, until the command's end.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

_LAST = 2
"""The highest number of the standard streams."""


class _Lasting(io.FileIO):
    """What is written once nobody can read it any more goes nowhere, as if it had been read."""

    def __init__(self, number: int, tells: bool) -> None:
        """``tells``: the first write into a pipe that nobody reads is a BrokenPipeError: the work may end there."""
        super().__init__(number, "w", closefd=False)
        self._tells = tells

    def write(self, data: Any, /) -> int:
        """How much was written; OSError where the disk is full and the like."""
        try:
            return super().write(data)
        except OSError as error:
            if error.errno == errno.EPIPE and self._tells:
                self._tells = False
                raise
            if error.errno not in (errno.EIO, errno.EPIPE):
                raise
            return memoryview(data).nbytes


@contextmanager
def usable_streams() -> Iterator[None]:
    """Within the block what is said goes nowhere where a job runner has closed stdout or stderr, or their terminal or
    the reader of stderr has gone, and what an encoding has no letter for is written as its number.

    The numbers 0 to 2 belong to these streams: no file that is opened later gets one.
    """
    _fill_standard_numbers()
    before = {name: getattr(sys, name) for name in ("stdout", "stderr")}
    for name, stream in before.items():
        setattr(sys, name, _usable(stream, tells=name == "stdout"))
    try:
        yield
    finally:
        for name, stream in before.items():
            used = getattr(sys, name)
            with suppress(OSError, ValueError):
                used.flush()
            setattr(sys, name, stream)


def _fill_standard_numbers() -> None:
    """Of 0 to 2 those that are closed lead nowhere."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= _LAST:
        os.set_inheritable(number, True)
    os.close(number)


def _usable(stream: TextIO | None, tells: bool) -> TextIO:
    """A stream over the same file, or the same where it is no file's, as in a notebook."""
    if stream is None:
        return Path(os.devnull).open("w", encoding="utf-8")
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    raw = getattr(stream.buffer, "raw", stream.buffer)
    if not isinstance(raw, io.FileIO):
        return stream
    with suppress(OSError):
        stream.flush()
    lasting = _Lasting(raw.fileno(), tells)
    return io.TextIOWrapper(
        lasting if raw is stream.buffer else io.BufferedWriter(lasting),
        encoding=stream.encoding, errors="backslashreplace",
        line_buffering=stream.line_buffering, write_through=stream.write_through,
    )  # fmt: skip
