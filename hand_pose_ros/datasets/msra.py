"""MSRA hand gesture data set (Sun et al., CVPR 2015) in its archive's own layout.

::

    root/P0 ... P8/<gesture>/joint.txt      root/P0 ... P8/<gesture>/000000_depth.bin  000001_depth.bin ...

joint.txt: the number of frames, then a line a frame with 21 x (x, y, z) in mm, y up and z towards the camera.
A .bin file: six 32-bit integers (image width, height, then left, top, right, bottom of the hand's box, right and
bottom exclusive), then the box's depth row by row as float32 millimetres, 0 = no reading, little-endian.

Out: ``sample.Sample`` with the 21 joints of ``msra21``, right hands, about the middle finger's root with DeepPrior's
cubes: smaller for the later, smaller hands. Everybody trains on eight persons and tests on the ninth, nine times.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.datasets.benchmarks import MSRA
from hand_pose_ros.datasets.reading import (
    MILLIMETRE,
    label_numbers,
    read_text_lines,
    require_folder,
)
from hand_pose_ros.datasets.sample import (
    DatasetError,
    LazySamples,
    Sample,
    check_centre_mode,
)

CUBES_M: dict[str, float] = {
    "P0": 0.20, "P1": 0.20, "P2": 0.20, "P3": 0.18, "P4": 0.18, "P5": 0.18, "P6": 0.17, "P7": 0.16, "P8": 0.15,
}  # fmt: skip
"""Edge of each person's cube, m."""
SUBJECTS: tuple[str, ...] = tuple(CUBES_M)
_MIDDLE_MCP = 5
_HEADER = np.dtype("<i4")
_PIXEL = np.dtype("<f4")


class Msra(LazySamples):
    """Frames of MSRA, read when asked for.

    root: folder with P0 to P8. subjects: the persons to read, all when None (leave one out: everybody else trains).
    gestures: folder names to read, all when None. centre: "mass" (centre of mass about the middle finger's root,
    DeepPrior) or "joint" (that joint).
    DatasetError when labels or images are missing or damaged, ValueError on a bad argument.
    """

    benchmark = MSRA

    def __init__(
        self,
        root: str | Path,
        subjects: Iterable[str] | None = None,
        *,
        gestures: Iterable[str] | None = None,
        centre: str = "mass",
    ) -> None:
        self._centre = check_centre_mode(centre)
        self._root = require_folder(Path(root), "MSRA has folders P0 to P8 in its root")
        self._names: list[tuple[str, str, int]] = []
        joints: list[NDArray[np.float64]] = []
        chosen = list(dict.fromkeys(SUBJECTS if subjects is None else subjects))
        unknown = [subject for subject in chosen if subject not in CUBES_M]
        if unknown or not chosen:
            raise ValueError(f"subjects are {chosen}, want one or more of {', '.join(SUBJECTS)}")
        wanted = None if gestures is None else set(gestures)
        for subject in chosen:
            folder = require_folder(self._root / subject, "it should hold a person's gestures")
            found = sorted(path for path in folder.iterdir() if path.is_dir())
            if not found:
                raise DatasetError(folder, "is empty, want a person's gestures")
            for gesture in (path for path in found if wanted is None or path.name in wanted):
                labels = _read_labels(gesture / "joint.txt")
                _require_images(gesture, len(labels))
                joints.append(labels)
                self._names += [(subject, gesture.name, frame) for frame in range(len(labels))]
        if not joints:
            raise DatasetError(self._root, "no frames with the asked-for persons and gestures")
        self._joints = np.concatenate(joints)

    def _read(self, index: int) -> Sample:
        name, subject = self._label(index)
        depth = read_bin(self._root / name)
        return self._sample(index, depth, reference=_MIDDLE_MCP, cube_m=CUBES_M[subject])

    def _label(self, index: int) -> tuple[str, str]:
        subject, gesture, frame = self._names[index]
        return f"{subject}/{gesture}/{frame:06d}_depth.bin", subject


def read_bin(path: Path) -> NDArray[np.float32]:
    """A .bin file -> the full image (240, 320) float32 m, NaN outside the box. DatasetError when it is damaged."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise DatasetError(path, "the image is missing") from None
    except OSError as error:
        raise DatasetError(path, f"the image cannot be read: {error.strerror}") from None
    start = 6 * _HEADER.itemsize
    if len(data) < start:
        raise DatasetError(path, f"{len(data)} bytes, want a header of {start}")
    width, height, left, top, right, bottom = (int(v) for v in np.frombuffer(data[:start], _HEADER))
    if (width, height) != (MSRA.camera.width, MSRA.camera.height):
        raise DatasetError(
            path, f"says {width}x{height} pixels, want {MSRA.camera.width}x{MSRA.camera.height}"
        )
    if not (0 <= left <= right <= width and 0 <= top <= bottom <= height):
        raise DatasetError(path, f"box {left}, {top} to {right}, {bottom} does not lie in the image")
    wanted = start + (right - left) * (bottom - top) * _PIXEL.itemsize
    if len(data) != wanted:
        raise DatasetError(
            path, f"{len(data)} bytes, want {wanted} for a box of {right - left}x{bottom - top}"
        )
    box = np.frombuffer(data[start:], _PIXEL).astype(np.float32).reshape(bottom - top, right - left)
    depth = np.full((height, width), np.nan, dtype=np.float32)
    depth[top:bottom, left:right] = np.where(np.isfinite(box) & (box > 0.0), box * MILLIMETRE, np.nan)
    return depth


def _read_labels(path: Path) -> NDArray[np.float64]:
    """joint.txt -> (N, 21, 3) m in the camera's optical frame: y and z change sign, mm become m."""
    count_line, *lines = read_text_lines(path)
    if not re.fullmatch("[0-9]{1,9}", count_line.strip()):
        raise DatasetError(path, f"'{count_line.strip()[:40]}' is not the number of frames", 1)
    count = int(count_line)
    if count != len(lines):
        raise DatasetError(path, f"announces {count} frames, but {len(lines)} label lines follow", 1)
    rows = [label_numbers(line.split(), 63, path, number) for number, line in enumerate(lines, start=2)]
    joints = np.array(rows).reshape(-1, 21, 3) * np.array([1.0, -1.0, -1.0]) / 1000.0
    behind = (joints[..., 2] <= 0.0).any(axis=1)
    if behind.any():
        raise DatasetError(path, "a joint lies behind the camera", int(np.flatnonzero(behind)[0]) + 2)
    return joints


def _require_images(folder: Path, labels: int) -> None:
    """DatasetError unless each label line has its image. Images without a line are not read: joint.txt says how many it
    has."""
    images = {path.name for path in folder.glob("*_depth.bin")}
    for frame in range(labels):
        if f"{frame:06d}_depth.bin" not in images:
            raise DatasetError(
                folder / "joint.txt", f"no image {frame:06d}_depth.bin for this label", frame + 2
            )
