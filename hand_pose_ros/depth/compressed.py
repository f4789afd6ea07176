"""Bytes of a compressed depth image -> metres: what image_transport's ``compressedDepth`` sends.

In: the data and the format text of a sensor_msgs/CompressedImage, such as ``16UC1; compressedDepth png``. Out: (H, W)
float32 metres, NaN = no reading, or only the size (width, height) in pixels, read from the first bytes.

The data are a header of 12 bytes (a little-endian int32 that says nothing, two float32 A and B) and a picture of 16-bit
counts: a PNG, or RVL (width and height as uint32, then Wilson's code, "Fast Lossless Depth Image Compression", SIGCHI
2017). 16UC1: the counts as they are, 0 = no reading. 32FC1: counts of inverse depth, z = A / (count - B), 0 = no
reading. As compressed_depth_image_transport does it.
"""

from __future__ import annotations

import math
import struct

import cv2
import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.image import DEPTH_UNIT_M, DepthData, DepthImageError, UnknownEncodingError, as_bytes
from hand_pose_ros.depth.png import (
    DEPTH_PIXELS,
    HEADER_BYTES,
    MOST_PIXELS,
    SIGNATURE,
    is_whole_png,
    png_header,
)
from hand_pose_ros.kernel_cache import njit
from hand_pose_ros.validation import shown

TRANSPORT = "compressedDepth"
"""image_transport's name, a part of the format text."""

_HEADER = struct.Struct("<i2f")
_SIZE_OF_RVL = struct.Struct("<2I")
_COUNTS = {"16UC1": True, "mono16": True, "32FC1": False}  # whether an encoding holds counts, not metres


def is_compressed(encoding: str) -> bool:
    """Whether this is the format text of a compressed depth image, not the encoding of a raw one."""
    return TRANSPORT.lower() in encoding.lower()


def compressed_size(data: DepthData, image_format: str) -> tuple[int, int]:
    """(width, height) pixels that the data say they have. Raises as :func:`decode_compressed_depth`."""
    _, codec = _parse_format(image_format)
    _, _, picture = _split(as_bytes(data))
    return _png_size(picture) if codec == "png" else _rvl_size(picture)


def decode_compressed_depth(
    data: DepthData, image_format: str, depth_unit_m: float = DEPTH_UNIT_M
) -> NDArray[np.float32]:
    """One compressed depth image -> (height, width) float32 m, NaN = no reading.

    depth_unit_m: metres a count of a 16-bit image (32FC1 is in metres already). Raises UnknownEncodingError for a
    format that is not one of these, DepthImageError for data that are damaged; both are ValueError.
    """
    encoding, codec = _parse_format(image_format)
    if not (math.isfinite(depth_unit_m) and depth_unit_m > 0.0):
        raise DepthImageError(f"depth_unit_m is {depth_unit_m}: it must be a positive length in metres")
    scale, offset, picture = _split(as_bytes(data))
    counts = _unpack_png(picture) if codec == "png" else _unpack_rvl(picture)
    if _COUNTS[encoding]:
        metres = counts * np.float32(depth_unit_m)
    else:
        if not (0.0 < scale < math.inf and math.isfinite(offset)):
            raise DepthImageError(
                f"compressed depth image's A and B are {scale} and {offset}, want finite numbers, A above 0"
            )
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            metres = np.float32(scale) / (counts.astype(np.float32) - np.float32(offset))
    metres[(counts == 0) | ~((metres > 0.0) & (metres < np.inf))] = np.nan
    return metres


def _parse_format(image_format: str) -> tuple[str, str]:
    """``16UC1; compressedDepth png`` -> 16UC1, png. Without a codec it is png, as before there was another."""
    encoding, _, rest = (part.strip() for part in image_format.partition(";"))
    words = rest.split()
    known = {name.lower(): name for name in _COUNTS}
    if encoding.lower() in known and words[:1] in ([], [TRANSPORT]) and words[1:] in ([], ["png"], ["rvl"]):
        return known[encoding.lower()], words[1] if len(words) > 1 else "png"
    raise UnknownEncodingError(
        f"compressed depth image's format is '{shown(image_format, 100)}', want '16UC1' or '32FC1', then"
        f" '; {TRANSPORT} png' or '; {TRANSPORT} rvl'"
    )


def _split(data: NDArray[np.uint8]) -> tuple[float, float, NDArray[np.uint8]]:
    """A, B, and the picture behind the header."""
    if data.size <= _HEADER.size:
        raise DepthImageError(
            f"compressed depth image data has {data.size} bytes: its header alone has {_HEADER.size}"
        )
    _, scale, offset = _HEADER.unpack(data[: _HEADER.size].tobytes())
    return scale, offset, data[_HEADER.size :]


def _checked_size(width: int, height: int) -> tuple[int, int]:
    if not (width > 0 and height > 0 and width * height <= MOST_PIXELS):
        raise DepthImageError(f"compressed depth image is {width}x{height}, want 1 to {MOST_PIXELS} pixels")
    return width, height


def _png_size(picture: NDArray[np.uint8]) -> tuple[int, int]:
    start = picture[:HEADER_BYTES].tobytes()
    if not start.startswith(SIGNATURE):
        raise DepthImageError("compressed depth image data is no PNG after its header")
    header = png_header(start)
    if header is None:
        raise DepthImageError(f"compressed depth image data is truncated: its PNG has {picture.size} bytes")
    if header.pixels != DEPTH_PIXELS:
        bits, kind = header.pixels
        raise DepthImageError(
            f"compressed depth image's PNG has {bits} bits and colour type {kind}, want 16 and 0"
        )
    return _checked_size(header.width, header.height)


def _unpack_png(picture: NDArray[np.uint8]) -> NDArray[np.uint16]:
    width, height = _png_size(picture)
    if not is_whole_png(picture.tobytes()):
        raise DepthImageError("compressed depth image's PNG is damaged: cut off, or not as it was written")
    try:
        counts = cv2.imdecode(picture, cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise DepthImageError(f"compressed depth image's PNG is damaged: {error.err}") from error
    if counts is None or counts.shape != (height, width) or counts.dtype != np.uint16:
        raise DepthImageError("compressed depth image's PNG is damaged")
    return np.asarray(counts)


def _rvl_size(picture: NDArray[np.uint8]) -> tuple[int, int]:
    if picture.size < _SIZE_OF_RVL.size:
        raise DepthImageError(f"compressed depth image data is truncated: its RVL has {picture.size} bytes")
    return _checked_size(*_SIZE_OF_RVL.unpack(picture[: _SIZE_OF_RVL.size].tobytes()))


def _unpack_rvl(picture: NDArray[np.uint8]) -> NDArray[np.uint16]:
    width, height = _rvl_size(picture)
    code = picture[_SIZE_OF_RVL.size :]
    counts = np.zeros(height * width, np.uint16)
    # Words of four bytes, the highest nibble first.
    words = np.ascontiguousarray(code[: code.size // 4 * 4]).view("<u4").astype(np.uint32)
    if not _decode_rvl(words, counts):
        raise DepthImageError("compressed depth image's RVL is damaged")
    return counts.reshape(height, width)


@njit(cache=True, nogil=True)
def _decode_rvl(words: NDArray[np.uint32], counts: NDArray[np.uint16]) -> bool:
    """Runs of zeros and of differences, each number in groups of three bits with a fourth that says whether one more
    follows. Whether the words fill ``counts`` exactly."""
    nibble_at, last = 0, 8 * len(words)
    pixel, previous = 0, 0
    run, zeros = 0, True  # what is left of the run, and of which kind it is
    while pixel < len(counts):
        value, bits = 0, 0
        while True:
            if nibble_at >= last or bits > 27:
                return False
            nibble = (int(words[nibble_at >> 3]) >> (28 - 4 * (nibble_at & 7))) & 15
            nibble_at += 1
            value |= (nibble & 7) << bits
            bits += 3
            if nibble < 8:
                break
        if run > 0:  # a difference, its sign in the lowest bit
            previous = (previous + ((value >> 1) ^ -(value & 1))) & 0xFFFF
            counts[pixel] = previous
            pixel += 1
            run -= 1
            zeros = zeros if run > 0 else True
        elif zeros:
            if value > len(counts) - pixel:
                return False
            pixel += value
            zeros = False
        else:
            if value > len(counts) - pixel:
                return False
            run = value
            zeros = run == 0
    return run == 0
