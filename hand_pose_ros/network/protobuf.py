"""Messages in protobuf's encoding, taken apart and put together without knowing what is in them.

In: bytes of one message. Out: :class:`Field` by :class:`Field`; ValueError or IndexError where they are no message.
Source: protobuf's page "Encoding".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # kinds of fields


class Field(NamedTuple):
    """One field of a message."""

    number: int
    """Which one."""
    value: memoryview | int
    """A number, or the bytes of a text or of another message."""
    whole: memoryview
    """All of it, as it stands in its message."""

    @property
    def text(self) -> memoryview:
        """The value of what must be bytes; ValueError for a number."""
        if isinstance(self.value, int):
            raise ValueError(f"field {self.number} is a number")
        return self.value


def fields(data: memoryview) -> Iterator[Field]:
    """Fields of one message in their order: what is in them is left unread."""
    place = 0
    while place < len(data):
        first = place
        tag, place = _varint(data, place)
        kind, width = tag & 7, 0
        if kind == _VARINT:
            value, place = _varint(data, place)
            yield Field(tag >> 3, value, data[first:place])
            continue
        if kind == _BYTES:
            width, place = _varint(data, place)
        elif kind in (_FIXED64, _FIXED32):
            width = 8 if kind == _FIXED64 else 4
        else:
            raise ValueError(f"field of kind {kind}")
        if place + width > len(data):
            raise ValueError("it is cut off")
        yield Field(tag >> 3, data[place : place + width], data[first : place + width])
        place += width


def delimited(number: int, content: bytes) -> bytes:
    """A field that holds these bytes."""
    return _encoded(number << 3 | _BYTES) + _encoded(len(content)) + content


def _encoded(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _varint(data: memoryview, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if shift > 63:
            raise ValueError("a number without end")
        byte = data[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place
