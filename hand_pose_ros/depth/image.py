"""Bytes of a depth image message -> metres.

In: the fields of a sensor_msgs/Image as REP-118 has them (16UC1 or mono16: counts, 0 = no reading; 32FC1: m,
not finite or not positive = no reading; rows padded to `step`, either endianness). Out: (H,W) float32 metres,
a fresh C-contiguous array, NaN = no reading.
"""

from __future__ import annotations

import math
from array import array

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.kernel_cache import njit
from hand_pose_ros.validation import shown

DEPTH_UNIT_M = 0.001
"""Metres a count of integer images where nothing else is given. Published: REP 118 has them in millimetres."""
LEAST_UNIT_M, MOST_UNIT_M = 1e-6, 0.1
"""No depth camera counts in smaller or larger steps than these, metres. Guessed."""

_PIXEL_TYPES = {"16UC1": "u2", "mono16": "u2", "32FC1": "f4"}

# One row in so many is looked at for swapped bytes: the test must cost next to nothing. Guessed.
_SWAP_ROWS = 8
# So many times as rough as with swapped bytes an image is that has them swapped. Guessed: a depth image is a hundred
# times smoother than one with its bytes swapped, and noise is as rough either way.
_SWAPPED_ROUGHNESS = 8.0
_DISTANCES_M = (0.05, 30.0)  # what a depth camera measures. Guessed
# Of numbers in metres, less than the first share is a distance as they are and more than the second with their bytes
# swapped, where more than the first share is a number at all. Guessed.
_HARDLY_ANY, _NEARLY_ALL = 0.1, 0.9

DepthData = bytes | bytearray | memoryview | array | np.ndarray


class DepthImageError(ValueError):
    """A depth image whose fields contradict each other or are empty."""


class UnknownEncodingError(DepthImageError):
    """A pixel encoding that is not a depth image's."""


def as_bytes(data: DepthData) -> NDArray[np.uint8]:
    """Any buffer -> flat uint8 view, without a copy unless an ndarray is strided."""
    if isinstance(data, np.ndarray):
        return np.ascontiguousarray(data).reshape(-1).view(np.uint8)
    try:
        return np.frombuffer(data, dtype=np.uint8)
    except (TypeError, ValueError, BufferError) as error:
        raise DepthImageError(
            f"depth image data is a {type(data).__name__}, not a buffer of bytes"
        ) from error


def decode_depth(
    data: DepthData,
    encoding: str,
    width: int,
    height: int,
    step: int,
    is_bigendian: bool | int,
    depth_unit_m: float = DEPTH_UNIT_M,
) -> NDArray[np.float32]:
    """One depth image -> (height, width) float32 m, NaN = no reading.

    step: bytes a row; depth_unit_m: metres a count of a 16-bit image (32FC1 is in metres already).
    Raises UnknownEncodingError or DepthImageError, both ValueError.
    """
    if encoding not in _PIXEL_TYPES:
        raise UnknownEncodingError(
            f"depth image encoding '{shown(encoding)}' is unknown: use one of {', '.join(_PIXEL_TYPES)}"
        )
    if not (math.isfinite(depth_unit_m) and depth_unit_m > 0.0):
        raise DepthImageError(f"depth_unit_m is {depth_unit_m}: it must be a positive length in metres")
    if width < 1 or height < 1:
        raise DepthImageError(f"depth image is {width}x{height}: it must have at least one pixel")
    pixel = np.dtype((">" if is_bigendian else "<") + _PIXEL_TYPES[encoding])
    row = width * pixel.itemsize
    if step < row:
        raise DepthImageError(
            f"depth image step is {step} bytes: {width} pixels of {encoding} need at least {row}"
        )
    buffer = as_bytes(data)
    # The last row's padding is not needed, and some drivers do not send it.
    needed = step * (height - 1) + row
    if buffer.size < needed:
        what = "is empty" if buffer.size == 0 else f"is truncated: it has {buffer.size} bytes"
        raise DepthImageError(
            f"depth image data {what}, {width}x{height} {encoding} with step {step} needs {needed}"
        )
    # A strided view takes odd steps and the other endianness as they are; the one copy is the conversion.
    raw: np.ndarray = np.ndarray((height, width), pixel, buffer=buffer, strides=(step, pixel.itemsize))
    metres = np.empty((height, width), np.float32)
    if pixel.kind == "u" and pixel.isnative and step % pixel.itemsize == 0:
        counts = buffer[: needed // 2 * 2].view(np.uint16)
        _counts_to_metres(counts, step // 2, np.float32(depth_unit_m), metres)
    elif pixel.kind == "u":
        np.multiply(raw, np.float32(depth_unit_m), out=metres)
        metres[metres == 0.0] = np.nan
    else:
        metres[:] = raw
        # Comparisons with NaN are false: one test catches NaN, infinities, zero and negative values.
        metres[~((metres > 0.0) & (metres < np.inf))] = np.nan
    return metres


def looks_swapped(
    data: DepthData, encoding: str, width: int, height: int, step: int, is_bigendian: bool | int
) -> bool:
    """Whether the bytes of each number seem to be in the other order than ``is_bigendian`` says.

    Of counts, neighbours of a row differ by far less in the other order: what differs by a few millimetres differs by
    whole steps of 256 as it is. Of metres, hardly any is a distance as it is and most are in the other order. For an
    image that :func:`decode_depth` takes; False for what it does not.
    """
    kind = _PIXEL_TYPES.get(encoding)
    if kind is None or width < 2 or height < 1:
        return False
    pixel = np.dtype((">" if is_bigendian else "<") + kind)
    rows = range(0, height, _SWAP_ROWS)
    buffer = as_bytes(data)
    if step < width * pixel.itemsize or buffer.size < step * (height - 1) + width * pixel.itemsize:
        return False
    given = np.ndarray((len(rows), width), pixel, buffer=buffer, strides=(step * _SWAP_ROWS, pixel.itemsize))
    other = given.view(pixel.newbyteorder())
    if pixel.kind == "u":
        both = (given[:, 1:] != 0) & (given[:, :-1] != 0)
        rough, smooth = (np.abs(np.diff(each.astype(np.int32)))[both] for each in (given, other))
        return bool(both.any()) and float(rough.mean()) > _SWAPPED_ROUGHNESS * max(float(smooth.mean()), 1e-3)
    there = other[np.isfinite(other) & (other != 0.0)]
    least, most = _DISTANCES_M
    with np.errstate(invalid="ignore", over="ignore"):
        few = np.mean((given > least) & (given < most)) < _HARDLY_ANY
    enough = there.size > _HARDLY_ANY * other.size
    return bool(few and enough and np.mean((there > least) & (there < most)) > _NEARLY_ALL)


@njit(nogil=True, cache=True)
def _counts_to_metres(
    counts: NDArray[np.uint16], stride: int, unit_m: np.float32, metres: NDArray[np.float32]
) -> None:
    """Fill metres (H, W) from counts (flat, ``stride`` of them a row) in one pass over memory, NaN for 0."""
    rows, columns = metres.shape
    none = np.float32(np.nan)
    for r in range(rows):
        first = r * stride
        for c in range(columns):
            value = np.float32(counts[first + c]) * unit_m
            metres[r, c] = value if value != 0.0 else none
