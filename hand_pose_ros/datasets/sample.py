"""One labelled depth frame of any data set, and its way into a network.

In: what a reader found. Out: :class:`Sample` in the project's own units and frames (metres, camera optical frame,
x right, y down, z forward), and through :func:`crop_sample` the network's picture (S, S) in [-1, 1] with joints
(K, 3) in metres in the crop's local frame.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.datasets.benchmarks import Benchmark
from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.depth.crop import CropFrame, crop_depth
from hand_pose_ros.depth.frame import DepthFrame
from hand_pose_ros.hand.joint_sets import find_joint_set
from hand_pose_ros.hand.skeleton import JOINT_NAMES, SIDES
from hand_pose_ros.validation import require

OWN_JOINT_SET = "hand23"
"""Joint set name of the project's own 23 joints."""
CENTRE_MODES: tuple[str, ...] = ("mass", "joint")
"""Where a reader puts a sample's centre: see :func:`centre_of_mass`; "joint" is the data set's reference joint."""

SPLITS: tuple[str, ...] = ("train", "test")
"""Parts of a benchmark that its authors divided."""


class DatasetError(ValueError):
    """A data set that is damaged or incomplete; the message names the file and, for text, the line."""

    def __init__(self, path: Path | str, problem: str, line: int | None = None) -> None:
        where = str(path) if line is None else f"{path}, line {line}"
        super().__init__(f"{where}: {problem}")
        self.path = Path(path)
        self.line = line


def joint_set_names(joint_set: str) -> tuple[str, ...]:
    """Joint names of a joint set, our own 23 included. ValueError on an unknown name."""
    if joint_set == OWN_JOINT_SET:
        return JOINT_NAMES
    return find_joint_set(joint_set, OWN_JOINT_SET).names


@dataclass(frozen=True, eq=False)
class Sample:
    """A depth frame with one labelled hand. ValueError when the fields do not fit each other."""

    depth: NDArray[np.float32]
    """(H, W) m, NaN = no reading."""
    camera: Camera
    """Of the depth frame."""
    joints: NDArray[np.float64]
    """(K, 3) m in the camera's optical frame, in the order of joint_set."""
    joint_set: str
    """Name of a joint set of the skeleton, or OWN_JOINT_SET."""
    centre: NDArray[np.float64]
    """(3,) m in the camera's optical frame: where the crop is taken."""
    cube_m: float
    """Edge of the crop's cube that the literature uses for this frame."""
    side: str
    """left or right."""
    name: str
    """The image file, relative to the data set's root."""
    subject: str
    """Person or recording."""

    def __post_init__(self) -> None:
        wanted = (len(joint_set_names(self.joint_set)), 3)
        if self.joints.shape != wanted:
            raise ValueError(
                f"{self.name}: joints have shape {self.joints.shape}, want {wanted} ({self.joint_set})"
            )
        if self.depth.ndim != 2 or self.depth.dtype != np.float32:
            raise ValueError(
                f"{self.name}: depth is {self.depth.dtype} {self.depth.shape}, want float32 (H, W)"
            )
        self.camera.require_size(self.depth.shape[1], self.depth.shape[0])
        if self.side not in SIDES:
            raise ValueError(f"{self.name}: side is '{self.side}', want one of {', '.join(SIDES)}")
        if self.centre.shape != (3,) or not np.isfinite(self.centre).all() or not self.centre[2] > 0.0:
            raise ValueError(f"{self.name}: centre is {self.centre}, want 3 finite numbers with z > 0")
        if not self.cube_m > 0.0:
            raise ValueError(f"{self.name}: cube_m is {self.cube_m}, want a positive length")


class LazySamples(Sequence[Sample]):
    """A data set whose images are read when they are asked for, its labels at once.

    A reader sets ``benchmark``, ``_joints`` and ``_centre`` (one of CENTRE_MODES), and gives ``_label`` and ``_read``.
    """

    benchmark: Benchmark
    """How the data set is scored."""
    _joints: NDArray[np.float64]
    _centre: str

    def __len__(self) -> int:
        return len(self._joints)

    @property
    def joints(self) -> NDArray[np.float64]:
        """All annotations (N, K, 3) m of the benchmark's K joints, camera optical frame."""
        return self._joints

    @property
    def names(self) -> list[str]:
        """Every frame's ``Sample.name``, without reading its image."""
        return [self._label(index)[0] for index in range(len(self))]

    @property
    def subjects(self) -> list[str]:
        """Every frame's ``Sample.subject``, without reading its image."""
        return [self._label(index)[1] for index in range(len(self))]

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> list[Sample]: ...
    def __getitem__(self, index: int | slice) -> Sample | list[Sample]:
        frames = range(len(self))[index]  # counts from the end, and refuses what lies beyond it
        return self._read(frames) if isinstance(frames, int) else [self._read(i) for i in frames]

    @abstractmethod
    def _read(self, index: int) -> Sample:
        """The sample at 0 <= index < len(self)."""

    @abstractmethod
    def _label(self, index: int) -> tuple[str, str]:
        """Name and subject of the sample at 0 <= index < len(self)."""

    def _sample(self, index: int, depth: NDArray[np.float32], *, reference: int, cube_m: float) -> Sample:
        """The sample with this depth (H, W) m.

        reference: the joint about which the crop is taken, itself or the centre of mass in the cube about it
        (CENTRE_MODES). ValueError when the fields do not fit each other.
        """
        benchmark, joints = self.benchmark, self._joints[index]
        centre = joints[reference]
        if self._centre == "mass":
            centre = centre_of_mass(depth, benchmark.camera, centre, cube_m)
        name, subject = self._label(index)
        return Sample(
            depth=depth,
            camera=benchmark.camera,
            joints=joints,
            joint_set=benchmark.joint_set,
            centre=centre,
            cube_m=cube_m,
            side=benchmark.side,
            name=name,
            subject=subject,
        )


class CroppedSample(NamedTuple):
    """A sample as a network takes it; a left hand is mirrored to a right one."""

    crop: NDArray[np.float32]
    """(S, S) in [-1, 1]."""
    joints: NDArray[np.float64]
    """(K, 3) m in the crop's local frame."""
    frame: CropFrame
    """The crop's geometry and its inverse."""


def crop_sample(sample: Sample, size: int, cube_m: float | None = None) -> CroppedSample:
    """The network's view of a sample: size px, cube_m the sample's own when None. Left hands come out mirrored."""
    cube = sample.cube_m if cube_m is None else cube_m
    frame = CropFrame(centre=sample.centre, cube_m=cube, size=size, mirrored=sample.side == "left")
    return CroppedSample(
        crop_depth(DepthFrame(sample.depth, sample.camera), frame),
        frame.camera_to_local(sample.joints),
        frame,
    )


def centre_of_mass(
    depth: NDArray[np.float32], camera: Camera, start: NDArray[np.float64], cube_m: float
) -> NDArray[np.float64]:
    """Centre of mass of the readings in the cube about a start point (3,) m -> (3,) m.

    The crop centre of DeepPrior, DeepPrior++ and those who compare with them: mean column, row and depth of the
    readings within the window that the cube covers at its centre's depth and within half a cube before and behind it,
    back-projected. The start point itself when the cube is empty.
    """
    half = cube_m / 2.0
    u, v = camera.project(start)
    reach_u, reach_v = half / start[2] * camera.fx, half / start[2] * camera.fy
    if not np.isfinite([u, v]).all():
        return start
    left, right = max(int(np.floor(u - reach_u + 0.5)), 0), max(int(np.floor(u + reach_u + 0.5)), 0)
    top, bottom = max(int(np.floor(v - reach_v + 0.5)), 0), max(int(np.floor(v + reach_v + 0.5)), 0)
    window = depth[top:bottom, left:right]
    rows, columns = np.nonzero(np.abs(window - start[2]) <= half)  # NaN compares false
    if len(rows) == 0:
        return start
    pixel = np.array([columns.mean() + left, rows.mean() + top])
    return np.asarray(camera.back_project(pixel, float(window[rows, columns].mean(dtype=np.float64))))


def check_centre_mode(mode: str) -> str:
    """The mode itself. ValueError when it is none of CENTRE_MODES."""
    require(mode in CENTRE_MODES, "", "centre", mode, f"one of {', '.join(CENTRE_MODES)}")
    return mode


def check_split(split: str) -> None:
    """ValueError when it is none of SPLITS."""
    require(split in SPLITS, "", "split", split, f"one of {', '.join(SPLITS)}")
