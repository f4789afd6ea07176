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

# A hand nearer than this is none: what is in metres is below it, what is in millimetres above. Guessed.
_LEAST_DEPTH_MM = 10.0


def _read_lines(path: Path) -> list[str]:
    """A text file's lines, without blank lines at its end. DatasetError when it is not readable text."""
    try:
        return path.read_text(encoding="utf-8-sig").rstrip().splitlines()
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
        values = label_numbers(fields, count, path, number)
        if (values[2::3] <= 0.0).any():
            raise DatasetError(
                path, f"a joint's depth is {values[2::3].min():g}, want millimetres above 0", number
            )
        rows.append(values)
    if not rows:
        raise DatasetError(path, "holds no frames")
    joints = np.array(rows).reshape(-1, benchmark.joint_count, 3)
    _require_pixels_and_millimetres(path, joints, benchmark)
    return to_camera(joints, benchmark.camera)


def _require_pixels_and_millimetres(path: Path, joints: NDArray[np.float64], benchmark: Benchmark) -> None:
    """DatasetError where most of the joints (N, K, 3) are none of the picture, as where they are x, y, z."""
    u, v, depth = np.moveaxis(joints, -1, 0)
    size = benchmark.camera.width, benchmark.camera.height
    inside = (0 <= u) & (u < size[0]) & (0 <= v) & (v < size[1])
    if inside.mean() < 0.5:
        problem = (
            f"{1 - inside.mean():.0%} of the joints lie outside {benchmark.name}'s {size[0]}x{size[1]} pixels"
        )
        raise DatasetError(path, f"{problem}, want u, v in pixels and the depth in mm a joint, not x, y, z")
    if np.median(depth) < _LEAST_DEPTH_MM:
        raise DatasetError(path, f"depths are about {np.median(depth):.3g}, want millimetres")


def write_predictions(path: str | Path, joints: ArrayLike, benchmark: Benchmark) -> None:
    """Joints (N, K, 3) m -> a file as papers publish them, three decimals; replaces the file in one step.

    ValueError when the shape is not the benchmark's, OSError when the file cannot be written.
    """
    values = np.asarray(joints, dtype=np.float64)
    if values.ndim != 3 or values.shape[1:] != (benchmark.joint_count, 3):
        raise ValueError(f"joints have shape {values.shape}, want (frames, {benchmark.joint_count}, 3)")
    uvd = to_image(values, benchmark.camera).reshape(len(values), -1)
    write_text(path, "".join(" ".join(f"{v:.3f}" for v in row) + "\n" for row in uvd))
