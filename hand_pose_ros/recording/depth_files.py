"""One depth frame in one file: PNG, TIFF or npy.

In: a path. Out: its pixels (H, W), uint16 counts or float32 metres; or only its size. No pickle is loaded. No ROS.
"""

from __future__ import annotations

import io
from pathlib import Path
from tokenize import TokenError
from typing import Any

import cv2
import numpy as np
from numpy.lib import format as npy_format
from PIL import Image, UnidentifiedImageError

from hand_pose_ros.depth.png import DEPTH_PIXELS, HEADER_BYTES, MOST_PIXELS, png_header
from hand_pose_ros.recording.recorded_frame import RecordingError
from hand_pose_ros.validation import shown

_TIFF_MODES = {"I;16": "<u2", "I;16L": "<u2", "I;16B": ">u2", "F": "f4"}
"""Pillow's modes of grey pictures of 16 bits and of real numbers, and what numpy calls them."""


def read_depth_file(path: Path) -> np.ndarray:
    """The frame in a file -> (H, W) uint16 counts, or float32 metres. Raises RecordingError."""
    suffix = path.suffix.lower()
    if suffix == ".npy":
        return _checked(path, _read_npy(path))
    if suffix in (".tif", ".tiff"):
        return _checked(path, _read_tiff(path))
    return read_depth_png(path)


def depth_size(path: Path) -> tuple[int, int] | None:
    """Width and height of a depth frame by its file's header, None of what is none, or of a size that is not read."""
    size, is_depth = _header(path) or (None, False)
    known = is_depth and size is not None and min(size) > 0 and size[0] * size[1] <= MOST_PIXELS
    return size if known else None


def is_other_array(path: Path) -> bool:
    """Whether the file, by its header, holds something whole that is no depth frame: colour, 8 bits, several frames."""
    header = _header(path)
    return header is not None and not header[1]


def _header(path: Path) -> tuple[tuple[int, int] | None, bool] | None:
    """Width and height, where it has two dimensions, and whether it is of a depth frame; None of what is not whole."""
    suffix = path.suffix.lower()
    try:
        if suffix == ".npy":
            shape, kind = _npy_header(path)
            size = (shape[1], shape[0]) if len(shape) == 2 else None
            return size, size is not None and _is_depth(kind)
        if suffix in (".tif", ".tiff"):
            with Image.open(path) as picture:
                return picture.size, picture.mode in _TIFF_MODES and _pages(picture) == 1
        with path.open("rb") as file:
            header = png_header(file.read(HEADER_BYTES))
        return None if header is None else ((header.width, header.height), header.pixels == DEPTH_PIXELS)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def read_depth_png(path: Path) -> np.ndarray:
    """One 16-bit single-channel PNG as (H, W) uint16 counts. Raises RecordingError."""
    try:
        with path.open("rb") as file:
            start = file.read(HEADER_BYTES)
            header = png_header(start)
            if header is not None and header.width * header.height > MOST_PIXELS:
                raise RecordingError(
                    f"'{path}' is {header.width}x{header.height}, want at most {MOST_PIXELS} pixels"
                )
            encoded = np.frombuffer(start + file.read(), dtype=np.uint8)
    except OSError as error:
        raise RecordingError(f"cannot read '{path}': {error.strerror}") from error
    try:
        counts = cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED) if encoded.size else None
    except (cv2.error, MemoryError) as error:
        raise RecordingError(f"'{path}' is not a readable PNG: {shown(error)}") from error
    if counts is None:
        raise RecordingError(f"'{path}' is not a readable PNG")
    if counts.ndim != 2 or counts.dtype != np.uint16:
        channels = 1 if counts.ndim == 2 else counts.shape[2]
        raise RecordingError(
            f"'{path}' has {channels} channel(s) of {8 * counts.dtype.itemsize} bits, want one of 16 bits"
        )
    return counts


def _read_npy(path: Path) -> np.ndarray:
    try:
        shape, kind = _npy_header(path)
        if len(shape) == 2 and shape[0] * shape[1] > MOST_PIXELS:
            raise RecordingError(f"'{path}' is {shape[1]}x{shape[0]}, want at most {MOST_PIXELS} pixels")
        if len(shape) != 2 or not _is_depth(kind):
            raise RecordingError(
                f"'{path}' holds {kind} of shape {shape}, want whole numbers of 16 bits or real ones (height, width)"
            )
        return np.load(path, allow_pickle=False)
    except OSError as error:
        raise RecordingError(f"cannot read '{path}': {error.strerror or shown(error)}") from error
    except RecordingError:
        raise
    except (ValueError, EOFError, SyntaxError, MemoryError) as error:
        raise RecordingError(f"'{path}' is not a readable npy file: {shown(error)}") from error


def _npy_header(path: Path) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and type of the array in a npy file. OSError, ValueError."""
    with path.open("rb") as file:
        version = npy_format.read_magic(file)
        read = npy_format.read_array_header_1_0 if version == (1, 0) else npy_format.read_array_header_2_0
        try:
            shape, _, kind = read(file)
        except (
            SyntaxError,
            TokenError,
            TypeError,
        ) as error:  # what numpy's parser of the header lets through
            raise ValueError(f"its header is broken: {shown(error)}") from error
    return shape, kind


def _read_tiff(path: Path) -> np.ndarray:
    try:
        encoded = path.read_bytes()
        with Image.open(io.BytesIO(encoded)) as picture:
            if picture.size[0] * picture.size[1] > MOST_PIXELS:
                raise RecordingError(
                    f"'{path}' is {picture.size[0]}x{picture.size[1]}, want at most {MOST_PIXELS} pixels"
                )
            if picture.mode not in _TIFF_MODES:
                raise RecordingError(
                    f"'{path}' is a TIFF of mode '{picture.mode}', want one channel of 16 bits, or of real numbers"
                )
            if _pages(picture) > 1:
                raise RecordingError(
                    f"'{path}' is a TIFF of {_pages(picture)} pictures, want one frame a file"
                )
            return np.asarray(picture)
    except UnidentifiedImageError as error:
        raise RecordingError(f"'{path}' is not a readable TIFF") from error
    except OSError as error:
        raise RecordingError(f"cannot read '{path}': {error.strerror or shown(error)}") from error
    except RecordingError:
        raise
    except (ValueError, SyntaxError, MemoryError, TypeError, KeyError, Image.DecompressionBombError) as error:
        raise RecordingError(f"'{path}' is not a readable TIFF: {shown(error)}") from error


def _pages(picture: Image.Image) -> int:
    return int(getattr(picture, "n_frames", 1))


def _is_depth(kind: np.dtype[Any]) -> bool:
    return kind.kind == "f" or (kind.kind == "u" and kind.itemsize == 2)


def _checked(path: Path, pixels: np.ndarray) -> np.ndarray:
    """Pixels in this machine's own types; RecordingError of an empty picture."""
    if pixels.size == 0 or pixels.ndim != 2:
        raise RecordingError(f"'{path}' has shape {pixels.shape}, want (height, width), at least one pixel")
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(pixels, dtype=np.float32 if pixels.dtype.kind == "f" else np.uint16)
