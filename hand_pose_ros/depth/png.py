"""What the first bytes of a PNG say of it, before it is unpacked.

In: bytes. Out: :class:`PngHeader`.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_FORMAT = struct.Struct(">16s2I2B")  # signature, length and name of the first chunk (IHDR); its first fields
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
