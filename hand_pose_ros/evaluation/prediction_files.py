"""The prediction files that papers publish.

In: text files, a line a frame, three numbers a joint: u (px), v (px), depth (mm), blank-separated; a file name may
stand first in every line (as in the archives' own label files). Out: joints (N, K, 3) in metres in the camera's
optical frame (x right, y down, z forward), and back.

Both sides of a comparison are back-projected with the benchmark's intrinsics (datasets/benchmarks.py).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hand_pose_ros.datasets.benchmarks import Benchmark, to_camera, to_image
from hand_pose_ros.datasets.reading import is_number, label_numbers
from hand_pose_ros.datasets.sample import DatasetError
from hand_pose_ros.files import write_text


def _read_lines(path: Path) -> list[str]:
    """A text file's lines, without blank lines at its end. DatasetError when it is not readable text."""
    try:
        return path.read_text(encoding="utf-8").rstrip().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not a text file"
        raise DatasetError(path, f"cannot be read: {reason}") from None


def read_predictions(path: str | Path, benchmark: Benchmark) -> NDArray[np.float64]:
    """A published file -> joints (N, K, 3) m in the camera's optical frame. DatasetError names file and line."""
    path, count = Path(path), 3 * benchmark.joint_count
    rows: list[NDArray[np.float64]] = []
    for number, line in enumerate(_read_lines(path), start=1):
        fields = line.split()
        if len(fields) == count + 1 and not is_number(fields[0]):
            fields = fields[1:]
        rows.append(label_numbers(fields, count, path, number))
    if not rows:
        raise DatasetError(path, "holds no frames")
    return to_camera(np.array(rows).reshape(-1, benchmark.joint_count, 3), benchmark.camera)


def write_predictions(path: str | Path, joints: ArrayLike, benchmark: Benchmark) -> None:
    """Joints (N, K, 3) m -> a file as papers publish them, three decimals; replaces the file in one step.

    ValueError when the shape is not the benchmark's, OSError when the file cannot be written.
    """
    values = np.asarray(joints, dtype=np.float64)
    if values.ndim != 3 or values.shape[1:] != (benchmark.joint_count, 3):
        raise ValueError(f"joints have shape {values.shape}, want (frames, {benchmark.joint_count}, 3)")
    uvd = to_image(values, benchmark.camera).reshape(len(values), -1)
    write_text(path, "".join(" ".join(f"{v:.3f}" for v in row) + "\n" for row in uvd))
