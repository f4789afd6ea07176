"""Frames for the camera node: a synthetic moving hand or a recorded folder in, ready-made image data out.

``PreRenderer`` makes them in a thread ahead of their time, so that publishing costs no rendering.
"""

from __future__ import annotations

import logging
import queue
import threading
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.recording.frame_folder import RecordedFrames
from hand_pose_ros.recording.recorded_frame import RecordingError


@dataclass(frozen=True, eq=False)
class Frame:
    """Depth counts as the bytes of a little-endian 16UC1 image, and the true joints (23, 3) m where known."""

    data: array
    joints: np.ndarray | None = None


class FrameSource(Protocol):
    """Where frames come from; ``side`` is the hand's side where the truth is known."""

    camera: Camera
    side: str | None

    def frames(self) -> Iterator[Frame]:
        """The frames in order, perhaps without end."""
        ...


class Motion(Protocol):
    """A synthetic hand in motion: frame at t seconds -> depth (H, W) m, NaN = no reading; joints (23, 3) m."""

    def frame(self, t: float) -> tuple[np.ndarray, np.ndarray]: ...


class SyntheticSource:
    """Frames of a synthetic motion, one every 1 / rate seconds."""

    def __init__(
        self, motion: Motion, camera: Camera, side: str, rate_hz: float, depth_unit_m: float
    ) -> None:
        self.camera = camera
        self.side: str | None = side
        self._motion = motion
        self._rate_hz = rate_hz
        self._depth_unit_m = depth_unit_m

    def frames(self) -> Iterator[Frame]:
        index = 0
        while True:
            depth, joints = self._motion.frame(index / self._rate_hz)
            yield Frame(image_bytes(counts_from_depth(depth, self._depth_unit_m)), joints)
            index += 1


class RecordedSource:
    """Frames of a folder, once or again and again; a file that cannot be used is left out, which is told."""

    side: str | None = None

    def __init__(self, recording: RecordedFrames, loop: bool) -> None:
        self.camera = recording.camera
        self._recording = recording
        self._loop = loop

    def frames(self) -> Iterator[Frame]:
        while True:
            reason: RecordingError | None = None
            none = True
            for index in range(len(self._recording)):
                try:
                    counts = self._recording[index]
                    if counts.dtype != np.uint16:
                        raise RecordingError(f"'{self._recording.files[index]}' holds no counts of 16 bits")
                except RecordingError as error:
                    reason = error
                    logging.getLogger(__name__).warning("left out: %s", error)
                    continue
                none = False
                yield Frame(image_bytes(counts))
            if none and reason is not None:
                raise reason
            if not self._loop:
                return


def counts_from_depth(depth: np.ndarray, depth_unit_m: float) -> np.ndarray:
    """Converts metres (H, W), NaN = no reading, to uint16 counts, 0 = no reading or out of range."""
    with np.errstate(invalid="ignore"):
        counts = np.nan_to_num(np.round(depth / depth_unit_m), nan=0.0, posinf=0.0, neginf=0.0)
        counts[(counts < 0) | (counts > np.iinfo(np.uint16).max)] = 0
    return counts.astype(np.uint16)


def image_bytes(counts: np.ndarray) -> array:
    """Returns counts (H, W) uint16 as ``data`` of an Image: an array, for anything else is copied slowly."""
    data = array("B")
    data.frombytes(np.ascontiguousarray(counts, dtype="<u2").tobytes())
    return data


class PreRenderer:
    """A thread that makes at most ``ahead`` frames before they are asked for. ``close`` ends it."""

    def __init__(self, source: FrameSource, ahead: int, count: int) -> None:
        self._source = source
        self._count = count
        self._queue: queue.Queue[Frame | None] = queue.Queue(maxsize=ahead)
        self._closed = threading.Event()
        self._made_all = threading.Event()
        self.error: str | None = None
        self._thread = threading.Thread(target=self._run, name="frame maker", daemon=True)
        self._thread.start()

    @property
    def ready(self) -> bool:
        """True when as many frames are made as are made ahead, or all there will be."""
        return self._queue.full() or self._made_all.is_set()

    @property
    def made(self) -> int:
        """Frames that wait to be taken."""
        return self._queue.qsize()

    def take(self) -> Frame | None:
        """Returns the next frame, None after the last one. Raises queue.Empty when it is not made yet."""
        return self._queue.get_nowait()

    def close(self) -> None:
        """Ends the thread."""
        self._closed.set()
        self._thread.join(10.0)

    def _run(self) -> None:
        try:
            for index, frame in enumerate(self._source.frames(), start=1):
                if not self._offer(frame) or index == self._count:
                    break
        except (ValueError, OSError) as error:
            self.error = str(error)
        self._made_all.set()
        self._offer(None)

    def _offer(self, frame: Frame | None) -> bool:
        while not self._closed.is_set():
            try:
                self._queue.put(frame, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False
