"""A message of hands read from its bytes: what follows a hand needs a tenth of it, and rclpy's objects of the whole
take as long as everything that a robot's command takes besides.

In: the bytes of a ``HandPoseArray`` as the middleware delivers them (CDR of the first version, little or big endian,
with its four bytes of encapsulation; OMG formal/02-06-51, 15.3). Out: :class:`ReadHand`, a hand each; ValueError where
the bytes end too early.
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.hand.skeleton import JOINT_COUNT
from hand_pose_ros.msg import HandPose

Array = NDArray[np.float64]

_HEADER = 4
_BIG_ENDIAN, _LITTLE_ENDIAN = b"\x00\x00", b"\x00\x01"
# ROS's names of plain types by numpy's, and how many doubles the types of geometry_msgs are.
_PLAIN = {"uint8": "u1", "boolean": "u1", "uint32": "u4", "float": "f4", "double": "f8"}
_DOUBLES = {"geometry_msgs/Pose": 7, "geometry_msgs/Point": 3, "geometry_msgs/Vector3": 3}


class ReadHand(NamedTuple):
    """One hand of a message, as far as following it goes. Arrays are views of the message's bytes."""

    side: int
    """As the message has it."""
    track_id: int
    state: int
    """As the message has it."""
    confidence: float
    joints: Array
    """(23, 3) m."""
    palm_quaternion: Array
    """(4,): x, y, z, w."""
    angles: Array
    """(20,) rad."""


def _layout() -> list[tuple[str, str, int]]:
    """(field, numpy's type, count) of all that comes after a hand's header, in order, by the message's own table."""
    layout = []
    for name, kind in list(HandPose.get_fields_and_field_types().items())[1:]:
        plain, _, count = kind.rstrip("]").partition("[")
        number = int(count or 1)
        if plain in _DOUBLES:
            layout.append((name, "f8", _DOUBLES[plain] * number))
        else:
            layout.append((name, _PLAIN[plain], number))
    return layout


_NEEDED = ("side", "track_id", "state", "confidence", "palm", "joints", "angles")
_LAYOUTS = {
    _LITTLE_ENDIAN: [(name, np.dtype(f"<{kind}"), count) for name, kind, count in _layout()],
    _BIG_ENDIAN: [(name, np.dtype(f">{kind}"), count) for name, kind, count in _layout()],
}


def read_hands(message: bytes) -> list[ReadHand]:
    """The hands of a message. ValueError as the module says."""
    layout = _LAYOUTS.get(message[:2])
    if layout is None:
        raise ValueError(f"the bytes of a message of hands begin with {message[:2]!r}, want plain CDR")
    integer = struct.Struct("<I" if message[:2] == _LITTLE_ENDIAN else ">I")
    body = memoryview(message)[_HEADER:]
    try:
        at = _after_header(body, 0, integer)
        at = _aligned(at + 1, 4)  # the tracker's state
        (count,) = integer.unpack_from(body, at)
        at += 4
        hands = []
        for _ in range(count):
            at = _after_header(body, _aligned(at, 4), integer)
            fields: dict[str, Any] = {}
            for name, kind, number in layout:
                at = _aligned(at, kind.itemsize)
                if name in _NEEDED:
                    fields[name] = np.frombuffer(body, kind, number, at)
                at += kind.itemsize * number
            hands.append(_hand(fields))
    except struct.error as error:
        raise ValueError(f"a message of hands ends too early: {error}") from None
    if at > len(body):
        raise ValueError("a message of hands ends too early")
    return hands


def _hand(fields: dict[str, Any]) -> ReadHand:
    joints, palm, angles = (np.asarray(fields[name], np.float64) for name in ("joints", "palm", "angles"))
    return ReadHand(
        int(fields["side"][0]), int(fields["track_id"][0]), int(fields["state"][0]), float(fields["confidence"][0]),
        joints.reshape(JOINT_COUNT, 3), palm[3:], angles,
    )  # fmt: skip


def _after_header(body: memoryview, at: int, integer: struct.Struct) -> int:
    """Where a std_msgs/Header that begins at ``at`` ends: a stamp of two integers, and a text with its length."""
    (length,) = integer.unpack_from(body, at + 8)
    return at + 12 + int(length)


def _aligned(at: int, size: int) -> int:
    return (at + size - 1) // size * size
