"""NYU hand pose data set (Tompson et al., SIGGRAPH 2014) in its archive's own layout, view 1.

::

    root/train/joint_data.mat  root/train/depth_1_0000001.png  ...      root/test/ likewise (8252 frames)

joint_data.mat holds joint_uvd and joint_xyz, each (3 views, N frames, 36 joints, 3). Depth PNGs are 640x480 RGB: the
depth's high byte in green, the low byte in blue, millimetres, 0 = no reading.

Out: ``sample.Sample`` with the 14 of the 36 joints that everybody scores (``nyu14``), right hands, 300 mm cubes
(250 mm for the second test subject) about the palm's neighbourhood as in DeepPrior. Labels are joint_uvd seen through
the camera that published results are scored with (``benchmarks.NYU``), so that joints and pixels agree.
"""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from hand_pose_ros.datasets.benchmarks import NYU, to_camera
from hand_pose_ros.datasets.reading import millimetres_to_depth, read_png, require_folder, require_images
from hand_pose_ros.datasets.sample import (
    DatasetError,
    LazySamples,
    Sample,
    check_centre_mode,
    check_split,
)

SCORED_JOINTS: tuple[int, ...] = (0, 3, 6, 9, 12, 15, 18, 21, 24, 25, 27, 30, 31, 32)
"""The 14 of the 36 joints that are scored, in the order of ``nyu14``."""
JOINTS = 36
CUBE_M = 0.30
SECOND_SUBJECT_CUBE_M = 0.25
"""Edges of the cubes, metres. Published: as in DeepPrior."""
SECOND_SUBJECT_FROM = 2440
"""Index of the first test frame of the second, smaller hand."""
_VIEW = 0
_PALM = SCORED_JOINTS.index(32)
# Two bytes encode up to 65 m; beyond the sensor's reach it is damage, not a reading. Guessed.
_INVALID_FROM_MM = 10000


class Nyu(LazySamples):
    """Frames of NYU's first view, read when asked for.

    root: folder with train and test. split: "train" or "test". centre: "mass" (centre of mass about the palm,
    DeepPrior) or "joint" (the annotated palm).
    DatasetError when labels or images are missing or damaged, ValueError on a bad argument.
    """

    benchmark = NYU

    def __init__(self, root: str | Path, split: str = "test", *, centre: str = "mass") -> None:
        check_split(split)
        self._centre = check_centre_mode(centre)
        self._split = split
        self._folder = require_folder(Path(root) / split, "NYU has folders train and test in its root")
        labels = self._folder / "joint_data.mat"
        self._joints = to_camera(_read_labels(labels)[:, SCORED_JOINTS], NYU.camera)
        images = sum(1 for _ in self._folder.glob("depth_1_*.png"))
        if images != len(self._joints):
            raise DatasetError(
                labels,
                f"labels {len(self._joints)} frames, but the folder holds {images} images depth_1_*.png",
            )
        require_images(self._folder, map(_image_name, range(images)))

    def _read(self, index: int) -> Sample:
        size = (NYU.camera.width, NYU.camera.height)
        red_green_blue = read_png(self._folder / _image_name(index), 3, size).astype(np.int32)
        depth = millimetres_to_depth(red_green_blue[..., 1] * 256 + red_green_blue[..., 2], _INVALID_FROM_MM)
        cube_m = SECOND_SUBJECT_CUBE_M if self._subject(index) == "2" else CUBE_M
        return self._sample(index, depth, reference=_PALM, cube_m=cube_m)

    def _label(self, index: int) -> tuple[str, str]:
        return f"{self._split}/{_image_name(index)}", self._subject(index)

    def _subject(self, frame: int) -> str:
        return "2" if self._split == "test" and frame >= SECOND_SUBJECT_FROM else "1"


def _image_name(frame: int) -> str:
    return f"depth_1_{frame + 1:07d}.png"


def _read_labels(path: Path) -> NDArray[np.float64]:
    """joint_data.mat -> (N, 36, 3): u px, v px, depth mm of the first view."""
    if not path.is_file():
        raise DatasetError(path, "the label file is missing")
    try:
        content = loadmat(path, variable_names=["joint_uvd"])
    except (OSError, ValueError, TypeError, NotImplementedError, KeyError, zlib.error, MatReadError) as error:
        # What scipy raises on a file that is cut off, of another kind, or in MATLAB's HDF5 format.
        raise DatasetError(path, f"cannot be read as a MATLAB file: {error}") from None
    if "joint_uvd" not in content:
        raise DatasetError(path, "holds no variable joint_uvd")
    labels = np.asarray(content["joint_uvd"])
    if labels.ndim != 4 or labels.shape[0] <= _VIEW or labels.shape[1] < 1 or labels.shape[2:] != (JOINTS, 3):
        raise DatasetError(path, f"joint_uvd has shape {labels.shape}, want (views, frames, {JOINTS}, 3)")
    view = labels[_VIEW].astype(np.float64)
    bad = ~np.isfinite(view).all(axis=(1, 2)) | (view[..., 2] <= 0.0).any(axis=1)
    if bad.any():
        frame = int(np.flatnonzero(bad)[0])
        raise DatasetError(path, f"frame {frame + 1} of joint_uvd holds a number that is no pixel or depth")
    return view
