"""A message of hands read from its bytes: what follows a hand needs a tenth of it, and rclpy's objects of the whole
take as long as everything that a robot's command takes besides.

In: the bytes of a ``HandPoseArray`` as the middleware delivers them (CDR of the first version, little or big endian,
with its four bytes of encapsulation; OMG formal/02-06-51, 15.3). Out: :class:`ReadHand`, a hand each; ValueError where
there are too few bytes, or too many, as those of a tracker have that was built with another definition of the message.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.hand.skeleton import ANGLE_COUNT, JOINT_COUNT
from hand_pose_ros.msg import HandPose

Array = NDArray[np.float64]

_HEADER = 4
# By the first two bytes: the order as struct names it, and the two types that are read most.
_ORDERS = {
    start: (order, struct.Struct(f"{order}I"), np.dtype(f"{order}f8"))
    for start, order in ((b"\x00\x00", ">"), (b"\x00\x01", "<"))
}
_STAMPS = {start: struct.Struct(f"{order}iI") for start, (order, _, _) in _ORDERS.items()}
# ROS's names of plain types by numpy's, and how many doubles the types of geometry_msgs are.
_PLAIN = {"uint8": "u1", "boolean": "u1", "uint32": "u4", "float": "f4", "double": "f8"}
_DOUBLES = {"geometry_msgs/Pose": 7, "geometry_msgs/Point": 3, "geometry_msgs/Vector3": 3}


class ReadHand(NamedTuple):
    """One hand of a message, as far as following it goes. Arrays are views of the bytes where these are in this
    machine's order."""

    side: int
    """As the message has it."""
    track_id: int
    state: int
    """As the message has it."""
    confidence: float
    joints: Array
    """(23, 3) m."""
    palm_quaternion: tuple[float, ...]
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


_LAYOUT = _layout()
_ALIGNMENT = 8
"""The largest of any plain type: a hand's fields stand alike after every start that is the same modulo this."""


class _Reading(NamedTuple):
    """Where a hand's fields are, in bytes from the end of its header."""

    scalars: struct.Struct
    """side, track_id, state, confidence and the palm's quaternion (x, y, z, w), and what lies between them."""
    joints: int
    angles: int
    size: int
    """Of the whole."""


@lru_cache(maxsize=2 * _ALIGNMENT)
def _reading(order: str, start: int) -> _Reading:
    """For bytes in struct's ``order`` and a header that ends at ``start`` modulo _ALIGNMENT."""
    places, at = {}, start
    for name, kind, count in _LAYOUT:
        size = np.dtype(kind).itemsize
        at = _aligned(at, size)
        places[name] = (at - start, size)
        at += size * count
    position = 3 * places["palm"][1]
    layout, end = order, 0
    for name, code, skip in (
        ("side", "B", 0), ("track_id", "I", 0), ("state", "B", 0), ("confidence", "f", 0), ("palm", "4d", position)
    ):  # fmt: skip
        place = places[name][0] + skip
        layout += f"{place - end}x{code}"
        end = place + struct.calcsize(f"={code}")
    return _Reading(struct.Struct(layout), places["joints"][0], places["angles"][0], at - start)


def read_hands(message: bytes) -> list[ReadHand]:
    """The hands of a message. ValueError as the module says."""
    if message[:2] not in _ORDERS:
        raise ValueError(f"the bytes of a message of hands begin with {message[:2]!r}, want plain CDR")
    order, integer, double = _ORDERS[message[:2]]
    body = memoryview(message)[_HEADER:]
    try:
        at = _after_header(body, 0, integer)
        at = _aligned(at + 1, 4)  # the tracker's state
        (count,) = integer.unpack_from(body, at)
        at += 4
        hands = []
        for _ in range(count):
            at = _after_header(body, _aligned(at, 4), integer)
            reading = _reading(order, at % _ALIGNMENT)
            side, track_id, state, confidence, *quaternion = reading.scalars.unpack_from(body, at)
            joints = np.frombuffer(body, double, 3 * JOINT_COUNT, at + reading.joints)
            angles = np.frombuffer(body, double, ANGLE_COUNT, at + reading.angles)
            if not double.isnative:
                joints, angles = joints.astype(np.float64), angles.astype(np.float64)
            at += reading.size
            joints = joints.reshape(JOINT_COUNT, 3)
            hands.append(ReadHand(side, track_id, state, confidence, joints, tuple(quaternion), angles))
    except (struct.error, ValueError) as error:
        raise ValueError(f"a message of hands ends too early: {error}") from None
    if at > len(body):
        raise ValueError("a message of hands ends too early")
    if len(body) - at >= _ALIGNMENT:  # more than a middleware's padding
        raise ValueError(
            f"a message of hands has {len(body) - at} bytes too many: its sender has another version of HandPose"
        )
    return hands


def read_stamp_ns(message: bytes) -> int:
    """The stamp of a message that ``read_hands`` has read, ns."""
    seconds, nanoseconds = _STAMPS[message[:2]].unpack_from(message, _HEADER)
    return int(seconds) * 1_000_000_000 + int(nanoseconds)


def _after_header(body: memoryview, at: int, integer: struct.Struct) -> int:
    """Where a std_msgs/Header that begins at ``at`` ends: a stamp of two integers, and a text with its length."""
    (length,) = integer.unpack_from(body, at + 8)
    return at + 12 + int(length)


def _aligned(at: int, size: int) -> int:
    return (at + size - 1) // size * size
