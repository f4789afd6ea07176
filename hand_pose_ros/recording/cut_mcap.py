"""mcap files whose end is missing: the recorder was killed, the disk was full, a copy broke off.

In: the path of a bag. Out: :class:`BagPath`, the same path, whose mcap files without an end are read as if they ended
after their last whole record, and :func:`cut_files`, which names them. The format: https://mcap.dev/spec.
"""

from __future__ import annotations

import io
import struct
from pathlib import Path, PosixPath
from typing import Any, BinaryIO

_MAGIC = b"\x89MCAP0\r\n"
_FOOTER, _DATA_END = 0x02, 0x0F
_RECORD = struct.Struct("<BQ")
"""What every record begins with: its kind and the bytes that follow."""
_END = _RECORD.pack(_FOOTER, 20) + struct.pack("<QQI", 0, 0, 0) + _MAGIC
"""The end of a file without a summary: readers go through the records themselves."""


class BagPath(PosixPath):
    """The path of a bag, or of a file of it."""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        """Opens a file as ``Path.open`` does; to the bytes of an mcap file that has no end one is added."""
        file: Any = super().open(*args, **kwargs)
        if (*args, kwargs.get("mode"))[0] != "rb" or self.suffix.lower() != ".mcap":
            return file
        end = _end_of_records(file)
        file.seek(0)
        return file if end is None else io.BufferedReader(_EndedFile(file, end))


def cut_files(path: Path) -> list[Path]:
    """The mcap files of a bag that have no end, in order; ``path``: its folder, or a file of it. OSError."""
    path = Path(path)  # a BagPath would open them with an end
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    cut = []
    for file in files:
        if file.suffix.lower() == ".mcap" and file.is_file():
            with file.open("rb") as opened:
                if _end_of_records(opened) is not None:
                    cut.append(file)
    return cut


def _end_of_records(file: BinaryIO) -> int | None:
    """Where the last whole record of the data ends; None for a file that has its end, or that is no mcap file."""
    size = file.seek(0, io.SEEK_END)
    file.seek(max(size - len(_MAGIC), 0))
    if file.read() == _MAGIC and size > len(_MAGIC):
        return None
    file.seek(0)
    if file.read(len(_MAGIC)) != _MAGIC:
        return None
    end = len(_MAGIC)
    while len(start := file.read(_RECORD.size)) == _RECORD.size:
        kind, length = _RECORD.unpack(start)
        if kind in (0, _FOOTER, _DATA_END) or length > size - end - _RECORD.size:
            break
        end += _RECORD.size + length
        file.seek(end)
    return end if end > len(_MAGIC) else None


class _EndedFile(io.RawIOBase):
    """The bytes of a file up to ``end``, and then those of an end."""

    def __init__(self, file: BinaryIO, end: int) -> None:
        self._file, self._end, self._position = file, end, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        beyond = self._position - self._end
        if beyond < 0:
            self._file.seek(self._position)
            data = self._file.read(min(len(buffer), -beyond))
        else:
            data = _END[beyond : beyond + len(buffer)]
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._end + len(_END)}[whence]
        self._position = start + offset
        return self._position

    def close(self) -> None:
        self._file.close()
        super().close()
