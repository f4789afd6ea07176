"""The public benchmarks as the literature scores them, and the prediction files that papers publish.

In: text files, a line a frame, three numbers a joint: u (px), v (px), depth (mm), blank-separated; a file name may
stand first in every line (as in the archives' own label files). Out: joints (N, K, 3) in metres in the camera's
optical frame (x right, y down, z forward), and back.

Both sides of a comparison are back-projected with the benchmark's intrinsics below. For ICVL these are the ones that
published tables were made with (240.99, 240.96), not the archive's nominal 241.42: with them the published mean
errors are met to the last digit.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hand_pose_ros.datasets.benchmarks import Benchmark, to_camera, to_image
from hand_pose_ros.files import write_text


class PublishedFileError(ValueError):
    """A prediction file that cannot be read; the message names the file and, where there is one, the line."""


def parse_numbers(fields: Sequence[str], count: int, path: Path, line: int) -> NDArray[np.float64]:
    """Exactly count finite numbers -> (count,). PublishedFileError names the file and line otherwise."""
    if len(fields) != count:
        raise PublishedFileError(f"{path}, line {line}: {len(fields)} numbers, want {count}")
    try:
        values = np.array(fields, dtype=np.float64)
    except ValueError:
        bad = next(field for field in fields if not _is_number(field))
        raise PublishedFileError(f"{path}, line {line}: '{bad[:40]}' is not a number") from None
    if not np.isfinite(values).all():
        raise PublishedFileError(f"{path}, line {line}: holds a value that is not finite")
    return values


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def read_lines(path: Path) -> list[str]:
    """A text file's lines, without blank lines at its end. PublishedFileError when it is not readable text."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not a text file"
        raise PublishedFileError(f"{path}: cannot be read: {reason}") from None
    return text.rstrip().splitlines()


def read_predictions(path: str | Path, benchmark: Benchmark) -> NDArray[np.float64]:
    """A published file -> joints (N, K, 3) m in the camera's optical frame. PublishedFileError names file and line."""
    path, count = Path(path), 3 * benchmark.joint_count
    rows: list[NDArray[np.float64]] = []
    for number, line in enumerate(read_lines(path), start=1):
        fields = line.split()
        if len(fields) == count + 1 and not _is_number(fields[0]):
            fields = fields[1:]
        rows.append(parse_numbers(fields, count, path, number))
    if not rows:
        raise PublishedFileError(f"{path}: holds no frames")
    return to_camera(np.array(rows).reshape(-1, benchmark.joint_count, 3), benchmark.camera)


def write_predictions(path: str | Path, joints: ArrayLike, benchmark: Benchmark) -> None:
    """Joints (N, K, 3) m -> a file as papers publish them, three decimals; replaces the file in one step."""
    values = np.asarray(joints, dtype=np.float64)
    if values.ndim != 3 or values.shape[1:] != (benchmark.joint_count, 3):
        raise ValueError(f"joints have shape {values.shape}, want (frames, {benchmark.joint_count}, 3)")
    uvd = to_image(values, benchmark.camera).reshape(len(values), -1)
    write_text(path, "".join(" ".join(f"{v:.3f}" for v in row) + "\n" for row in uvd))
