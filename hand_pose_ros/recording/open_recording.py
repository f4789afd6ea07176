"""What a user names -> the recording that it is: a bag or a folder of frames.

In: a path, and what is known of it. Out: an open :class:`~hand_pose_ros.recording.recorded_frame.Recording` with the
metres per count of its integer images; RecordingError says what is missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from hand_pose_ros.depth.image import DEPTH_UNIT_M
from hand_pose_ros.recording.bag_files import is_bag
from hand_pose_ros.recording.frame_folder import INTRINSICS_FILE, RecordedFrames, frame_files
from hand_pose_ros.recording.intrinsics import Intrinsics, read_intrinsics
from hand_pose_ros.recording.play_options import PlayOptions
from hand_pose_ros.recording.recorded_frame import Recording, RecordingError


@dataclass(frozen=True)
class OpenRecording:
    """A recording, and how it is read."""

    recording: Recording
    """The frames."""
    depth_unit_m: float
    """Metres per count of integer images."""
    described: str
    """What is played, in words."""


@contextmanager
def open_recording(
    path: Path,
    intrinsics: tuple[float, float, float, float] | Path | None = None,
    depth_unit_m: float | None = None,
    rate_hz: float = 30.0,
    options: PlayOptions | None = None,
    usual_unit_m: float = DEPTH_UNIT_M,
) -> Iterator[OpenRecording]:
    """Opens what ``path`` names; ``intrinsics``: numbers or a file; ``depth_unit_m``: None takes the intrinsics file's,
    else ``usual_unit_m``.

    RecordingError, or ModuleNotFoundError for a bag where rosbags is not installed.
    """
    options = options or PlayOptions()
    if path.suffix.lower() == ".bag" and path.is_file():
        raise RecordingError(
            f"'{path}' is a bag of ROS 1: convert it with rosbags-convert --src '{path}' --dst NEW"
        )
    if is_bag(path):
        known = None if intrinsics is None else _intrinsics(intrinsics, options)
        unit = depth_unit_m or (known.depth_unit_m if known is not None else None) or usual_unit_m
        from hand_pose_ros.recording.bag_recording import BagRecording  # rosdep does not bring rosbags

        with BagRecording(path, replace(options, intrinsics=known)) as bag:
            yield OpenRecording(bag, unit, f"{bag.topics.depth} of {path}")
        return
    options.require_folder()
    known = _folder_intrinsics(path, intrinsics, options)
    frames = RecordedFrames.open(path, known).part(options.start_s, options.end_s, rate_hz)
    unit = depth_unit_m or known.depth_unit_m or usual_unit_m
    yield OpenRecording(frames, unit, str(path))


def _intrinsics(given: tuple[float, float, float, float] | Path, options: PlayOptions) -> Intrinsics:
    if isinstance(given, Path):
        return read_intrinsics(given, options.rectified == "true")
    return Intrinsics(*given)


def _folder_intrinsics(
    folder: Path, given: tuple[float, float, float, float] | Path | None, options: PlayOptions
) -> Intrinsics:
    """Those that are given, else those of the file in the folder. RecordingError where there are none. Numbers take the
    place of the file's, but not of its unit."""
    if isinstance(given, tuple):
        unit_m = None
        with suppress(RecordingError):  # a file that is not asked for may be as it likes
            unit_m = read_intrinsics(folder / INTRINSICS_FILE).depth_unit_m
        return replace(_intrinsics(given, options), depth_unit_m=unit_m)
    if given is not None:
        return _intrinsics(given, options)
    if not folder.is_dir():
        raise RecordingError(f"'{folder}' is not a folder of depth frames, nor a bag")
    file = folder / INTRINSICS_FILE
    if not file.is_file():
        frame_files(folder)  # without any, no camera is asked for
        raise RecordingError(
            f"which camera took the frames in '{folder}'? Give --intrinsics FX,FY,CX,CY in pixels, or a file"
            f" {INTRINSICS_FILE} beside them"
        )
    return _intrinsics(file, options)
