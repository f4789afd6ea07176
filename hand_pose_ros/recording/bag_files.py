"""Which files make up a bag of rosbag2.

In: a path. Out: whether it is one, and what to open. Needs no rosbags.
"""

from __future__ import annotations

from pathlib import Path

from hand_pose_ros.recording.output_files import is_output
from hand_pose_ros.recording.recorded_frame import RecordingError

STORAGE_SUFFIXES = (".mcap", ".db3")
"""Of the files of a bag."""


def is_bag(path: Path) -> bool:
    """Whether a path is meant as a bag: a storage file, or a folder with metadata or storage files."""
    if path.is_dir():
        return (path / "metadata.yaml").is_file() or bool(_storage_files(path))
    return path.suffix.lower() in STORAGE_SUFFIXES


def storage_path(path: Path) -> Path:
    """What rosbags opens: the folder; or its only file where the recorder was ended before it wrote metadata.yaml.

    RecordingError when there is nothing, or too much.
    """
    if not path.exists():
        raise RecordingError(f"the bag '{path}' is not there")
    if path.is_file() or (path / "metadata.yaml").is_file():
        return path
    files = _storage_files(path)
    if len(files) != 1:
        raise RecordingError(
            f"the bag '{path}' has no metadata.yaml and {len(files)} storage files: ros2 bag reindex '{path}'"
        )
    return files[0]


def _storage_files(folder: Path) -> list[Path]:
    """Without the hands that a replay has written."""
    files = (p for p in folder.iterdir() if p.suffix.lower() in STORAGE_SUFFIXES and p.is_file())
    return sorted(path for path in files if not is_output(path))
