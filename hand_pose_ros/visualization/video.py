"""A video file of pictures that come one by one.

In: pictures (H, W, 3) uint8 RGB. Out: an MP4 file (MPEG-4 part 2, which OpenCV's wheels can write), whole or not there.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np

from hand_pose_ros.files import clear_leftovers
from hand_pose_ros.validation import shown
from hand_pose_ros.visualization.contact_sheet import fitted

_CODEC = "mp4v"
_MOST_WIDTH = 848
"""Pixels; larger pictures are scaled down. Chosen: the width of a depth camera's usual modes."""


class VideoWriter:
    """Writes beside the file, and moves it there in ``close``. All pictures are fitted into the first one's size."""

    def __init__(self, path: Path, rate_hz: float) -> None:
        """``rate_hz``: pictures a second, 1 to 120; what is outside is brought there."""
        self._path = path
        self._partial = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
        self._rate_hz = float(np.clip(rate_hz, 1.0, 120.0))
        self._writer: cv2.VideoWriter | None = None
        self._size = (0, 0)
        self._count = 0
        self.fault: str | None = None
        """Why there is no video; None: nothing is wrong so far."""

    def add(self, picture: np.ndarray) -> None:
        """One more picture (H, W, 3) RGB; nothing after a fault."""
        if self.fault is not None:
            return
        if self._writer is None and not self._open(picture):
            return
        assert self._writer is not None
        self._writer.write(cv2.cvtColor(fitted(picture, *self._size), cv2.COLOR_RGB2BGR))
        self._count += 1

    def close(self) -> bool:
        """Ends the file; whether there is one. OSError where it is not whole: OpenCV does not say why."""
        if self._writer is None:
            return False
        self._writer.release()
        self._writer = None
        try:
            written = cv2.VideoCapture(str(self._partial))
            frames = int(written.get(cv2.CAP_PROP_FRAME_COUNT)) if written.isOpened() else 0
            written.release()
            if frames != self._count:
                raise OSError(
                    f"'{self._path}' could not be written whole: {frames} of {self._count} pictures (is the disk full?)"
                )
            self._partial.replace(self._path)
        finally:
            with suppress(OSError):
                self._partial.unlink(missing_ok=True)
        return True

    def _open(self, picture: np.ndarray) -> bool:
        height, width = picture.shape[:2]
        scale = min(1.0, _MOST_WIDTH / width)
        # The codec wants even sizes.
        self._size = (max(2, round(width * scale) // 2 * 2), max(2, round(height * scale) // 2 * 2))
        self._path.parent.mkdir(parents=True, exist_ok=True)
        clear_leftovers(self._path.parent, self._path.stem)
        try:
            code = cv2.VideoWriter.fourcc(*_CODEC)
            writer = cv2.VideoWriter(str(self._partial), code, self._rate_hz, self._size)
        except cv2.error as error:
            self.fault = f"this OpenCV writes no video: {shown(error)}"
            return False
        if not writer.isOpened():
            self.fault = f"this OpenCV cannot write {_CODEC} videos into '{self._path.parent}'"
            return False
        self._writer = writer
        return True
