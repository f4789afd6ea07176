"""A folder of recorded depth frames: 16-bit PNGs in, counts (H, W) uint16 and their ``Camera`` out.

Sub-folders are searched too; frames come in natural order (frame2 before frame10). No ROS.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.camera import Camera


class RecordingError(ValueError):
    """A folder or a file of it is not a depth recording; the message names it."""


def natural_key(path: Path) -> list[tuple[int, int | str]]:
    """Sort key that puts frame2 before frame10 and a folder's files together."""
    parts = re.split(r"(\d+)", path.as_posix())
    return [(0, int(part)) if part.isdigit() else (1, part.lower()) for part in parts]


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
        depth images or the numbers are no camera's."""
        folder = Path(folder)
        if not folder.is_dir():
            raise RecordingError(f"'{folder}' is not a folder of depth frames")
        names = (path for path in folder.rglob("*") if path.suffix.lower() == ".png" and path.is_file())
        files = tuple(sorted(names, key=lambda path: natural_key(path.relative_to(folder))))
        if not files:
            raise RecordingError(f"there is no .png file in '{folder}'")
        height, width = read_depth_png(files[0]).shape
        try:
            camera = Camera(width, height, *intrinsics)
        except ValueError as error:
            raise RecordingError(f"intrinsics {','.join(f'{v:g}' for v in intrinsics)}: {error}") from error
        return cls(folder, files, camera)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> np.ndarray:
        """Counts (H, W) uint16 of the i-th frame, 0 = no reading. Raises RecordingError."""
        counts = read_depth_png(self.files[index])
        if counts.shape != (self.camera.height, self.camera.width):
            raise RecordingError(
                f"'{self.files[index]}' is {counts.shape[1]}x{counts.shape[0]}, the first frame is"
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
        encoded = np.fromfile(path, dtype=np.uint8)
    except OSError as error:
        raise RecordingError(f"cannot read '{path}': {error.strerror}") from error
    counts = cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED) if encoded.size else None
    if counts is None:
        raise RecordingError(f"'{path}' is not a readable PNG")
    if counts.ndim != 2 or counts.dtype != np.uint16:
        channels = 1 if counts.ndim == 2 else counts.shape[2]
        raise RecordingError(
            f"'{path}' has {channels} channel(s) of {8 * counts.dtype.itemsize} bits, want one of 16 bits"
        )
    return counts
