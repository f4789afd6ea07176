"""What the bytes of a PNG say of it, before it is unpacked.

In: bytes. Out: :class:`PngHeader` of the first ones; whether all of them are as they were written.
"""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_FORMAT = struct.Struct(">16s2I2B")  # signature, length and name of the first chunk (IHDR); its first fields
_CHUNK = struct.Struct(">I4s")  # length and name; the data follow, then the CRC of name and data
_CRC = struct.Struct(">I")
HEADER_BYTES = _FORMAT.size
"""So many bytes hold the header."""
MOST_PIXELS = 2**25
"""A depth image that says it is larger is refused before it is unpacked. Guessed: four times 4K."""
DEPTH_PIXELS = (16, 0)
"""Bits and colour type of a depth image."""


class PngHeader(NamedTuple):
    """The picture as it says it is."""

    width: int
    """Pixels."""
    height: int
    """Pixels."""
    pixels: tuple[int, int]
    """Bits a channel, and the colour type; 0 is grey."""


def png_header(data: bytes) -> PngHeader | None:
    """The header of a file or buffer that begins with these bytes; None of no PNG, and where too few are given."""
    if len(data) < HEADER_BYTES or not data.startswith(SIGNATURE):
        return None
    _, width, height, bits, colours = _FORMAT.unpack(data[:HEADER_BYTES])
    return PngHeader(width, height, (bits, colours))


def is_whole_png(data: bytes) -> bool:
    """Whether every chunk up to the last one is there and has its checksum (PNG specification, 5.3 and 5.5).

    libpng finds the same, but writes lines of its own to stderr, one or more a picture.
    """
    view, place = memoryview(data), len(SIGNATURE)
    while place + _CHUNK.size + _CRC.size <= len(view):
        length, name = _CHUNK.unpack_from(view, place)
        end = place + _CHUNK.size + length
        if end + _CRC.size > len(view) or zlib.crc32(view[place + 4 : end]) != _CRC.unpack_from(view, end)[0]:
            return False
        if name == b"IEND":
            return True
        place = end + _CRC.size
    return False
