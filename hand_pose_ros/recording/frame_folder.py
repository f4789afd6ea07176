"""A folder of recorded depth frames: 16-bit PNGs in, counts (H, W) uint16 and their ``Camera`` out.

Sub-folders are searched too; frames come in natural order (frame2 before frame10, 0.0667 before 0.1). No ROS.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.depth.png import DEPTH_PIXELS, HEADER_BYTES, MOST_PIXELS, png_header
from hand_pose_ros.validation import shown

SUFFIX = ".png"
MOST_INTRINSIC_PX = 1e6
"""No camera's focal length or principal point is larger, pixels. Guessed: a lens of a hundredth of a degree."""


class RecordingError(ValueError):
    """A folder or a file of it is not a depth recording; the message names it."""


def natural_key(path: Path, decimals: bool = True) -> list[tuple[int, int | str]]:
    """Sort key that puts frame2 before frame10 and a folder's files together.

    With ``decimals`` digits behind a point that follows digits are a fraction, as in stamps (0.0667 before 0.1);
    without, a number of their own, as in 1.9 before 1.10.
    """
    key: list[tuple[int, int | str]] = []
    number = r"([0-9]+(?:\.[0-9]+)?)" if decimals else r"([0-9]+)"
    name = path.with_suffix("") if path.suffix.lower() == SUFFIX else path
    for part in re.split(number, name.as_posix()):
        whole, point, fraction = part.partition(".")
        if whole.isascii() and whole.isdecimal() and (not point or fraction.isdecimal()):
            key += [(0, int(whole)), (0, fraction)] if decimals else [(0, int(whole))]
        else:
            key.append((1, part.lower()))
    return key


def has_decimals(paths: Sequence[Path]) -> bool:
    """Whether digits behind a point are fractions in these names.

    Stamps have all the same number of decimals, or no zero at the end (but for "5.0"): 1.10 beside 1.9 is no stamp.
    """
    fractions = [f for path in paths for f in re.findall(r"[0-9]\.([0-9]+)", path.with_suffix("").as_posix())]
    return len({len(f) for f in fractions}) <= 1 or not any(f.endswith("0") and f != "0" for f in fractions)


@dataclass(frozen=True)
class RecordedFrames:
    """The frames of one folder; all have the size of ``camera``."""

    folder: Path
    """The folder that was opened."""
    files: tuple[Path, ...]
    """Its depth images in natural order."""
    camera: Camera
    """Intrinsics of every frame."""

    @classmethod
    def open(cls, folder: str | Path, intrinsics: tuple[float, float, float, float]) -> RecordedFrames:
        """Finds the frames; ``intrinsics``: fx, fy, cx, cy in pixels. Raises RecordingError when the folder holds no
        depth images or the numbers are no camera's. The frames' size is that of most of them."""
        folder = Path(folder)
        if not folder.is_dir():
            raise RecordingError(f"'{folder}' is not a folder of depth frames")
        found = [path for path in folder.rglob("*") if path.suffix.lower() == SUFFIX and path.is_file()]
        decimals = has_decimals([path.relative_to(folder) for path in found])
        files = tuple(sorted(found, key=lambda path: natural_key(path.relative_to(folder), decimals)))
        if not files:
            raise RecordingError(f"there is no .png file in '{folder}'")
        sizes = Counter(header for path in files if (header := _depth_size(path)) is not None)
        if not sizes:
            read_depth_png(files[0])  # says what is wrong with it
        width, height = sizes.most_common(1)[0][0] if sizes else (0, 0)
        try:
            if not all(abs(value) <= MOST_INTRINSIC_PX for value in intrinsics):
                raise ValueError(f"want finite numbers of at most {MOST_INTRINSIC_PX:g} pixels")
            camera = Camera(width, height, *intrinsics)
        except (ValueError, OverflowError) as error:
            raise RecordingError(f"intrinsics {','.join(f'{v:g}' for v in intrinsics)}: {error}") from error
        return cls(folder, files, camera)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> np.ndarray:
        """Counts (H, W) uint16 of the i-th frame, 0 = no reading. Raises RecordingError."""
        counts = read_depth_png(self.files[index])
        if counts.shape != (self.camera.height, self.camera.width):
            raise RecordingError(
                f"'{self.files[index]}' is {counts.shape[1]}x{counts.shape[0]}, the recording is"
                f" {self.camera.width}x{self.camera.height}"
            )
        return counts

    def depth(self, index: int, depth_unit_m: float) -> NDArray[np.float32]:
        """Depth (H, W) float32 m of the i-th frame, NaN = no reading; ``depth_unit_m``: metres per count.

        :raises RecordingError: when the file cannot be read.
        """
        counts = self[index]
        return np.where(counts > 0, counts * np.float32(depth_unit_m), np.float32(np.nan))

    def name(self, index: int) -> str:
        """The i-th file's path within the folder."""
        return self.files[index].relative_to(self.folder).as_posix()


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


def _depth_size(path: Path) -> tuple[int, int] | None:
    """Width and height of a depth PNG by its header, None of what is none."""
    try:
        with path.open("rb") as file:
            header = png_header(file.read(HEADER_BYTES))
    except OSError:
        return None
    return (header.width, header.height) if header is not None and header.pixels == DEPTH_PIXELS else None
