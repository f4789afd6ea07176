"""How ICVL, NYU and MSRA are scored: joints, cameras, sides, sequences.

In: joints as u (px), v (px), depth (mm), or in metres. Out: the same joints in the other form, by the camera that
published results are scored with; a :class:`Benchmark` for each data set.

For ICVL these intrinsics are the ones that published tables were made with (240.99, 240.96), not the archive's nominal
241.42: with them the published mean errors are met to the last digit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.hand.joint_sets import JOINT_SETS


@dataclass(frozen=True)
class Benchmark:
    """How one public data set is scored. ValueError when the joints' names and order do not fit the joint set."""

    name: str
    """Of the data set, as on the command line."""
    joint_set: str
    """Name in ``joint_sets.JOINT_SETS``."""
    labels: tuple[str, ...]
    """The joints' names in figures, in the files' order."""
    figure_order: tuple[int, ...]
    """The order in which figures show the joints."""
    bones: tuple[tuple[int, int], ...]
    """(near, far) joint indices."""
    camera: Camera
    """Intrinsics for scoring."""
    side: str
    """Which hand the images show."""
    sequences: tuple[slice, ...] = (slice(None),)
    """The test frames of each person or recording."""

    @property
    def joint_count(self) -> int:
        """Joints a frame."""
        return len(self.labels)

    def __post_init__(self) -> None:
        want = len(JOINT_SETS[self.joint_set].names)
        if len(self.labels) != want or sorted(self.figure_order) != list(range(want)):
            raise ValueError(f"benchmark {self.name}: labels and figure_order must cover {want} joints")


def _chains(root: int, *chains: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Bones of fingers that all start at one root joint."""
    return tuple(bone for chain in chains for bone in zip((root, *chain[:-1]), chain, strict=True))


_LONG = ("Index", "Middle", "Ring", "Pinky")


ICVL = Benchmark(
    name="icvl",
    joint_set="icvl16",
    labels=("Palm",) + tuple(f"{f} {p}" for f in ("Thumb", *_LONG) for p in ("R", "M", "T")),
    figure_order=tuple(range(16)),
    # SDNet's bones (figure 3a), from the palm outwards.
    bones=_chains(0, *(range(i, i + 3) for i in (1, 4, 7, 10, 13))),
    camera=Camera(width=320, height=240, fx=240.99, fy=240.96, cx=160.0, cy=120.0),
    # Fitting the hand model decides (docs/datasets.md): a right hand leaves several times a left one's residual.
    side="left",
    sequences=(slice(0, 702), slice(702, 1596)),
)


NYU = Benchmark(
    name="nyu",
    joint_set="nyu14",
    labels=tuple(f"{f} {p}" for f in _LONG[::-1] for p in ("T", "M"))
    + ("Thumb T", "Thumb M", "Thumb R", "Wrist uln", "Wrist rad", "Palm"),
    figure_order=tuple(range(13, -1, -1)),
    # Only pairs on one rigid segment: between a finger's two joints and to the palm lie joints that bend.
    bones=((10, 9), (9, 8), (13, 11), (13, 12), (12, 11)),
    camera=Camera(width=640, height=480, fx=588.03, fy=587.07, cx=320.0, cy=240.0),
    side="right",
    sequences=(slice(0, 2440), slice(2440, 8252)),
)


MSRA = Benchmark(
    name="msra",
    joint_set="msra21",
    labels=("Wrist",)
    + tuple(f"{f} {p}" for f in _LONG for p in ("MCP", "PIP", "DIP", "T"))
    + tuple(f"Thumb {p}" for p in ("CMC", "MCP", "IP", "T")),
    figure_order=tuple(range(21)),
    bones=_chains(0, *(range(i, i + 4) for i in (1, 5, 9, 13, 17))),
    camera=Camera(width=320, height=240, fx=241.42, fy=241.42, cx=160.0, cy=120.0),
    side="right",
)


BENCHMARKS: dict[str, Benchmark] = {benchmark.name: benchmark for benchmark in (ICVL, NYU, MSRA)}


def to_camera(uvd: ArrayLike, camera: Camera) -> NDArray[np.float64]:
    """Joints (..., 3) as u (px), v (px), depth (mm) -> (..., 3) m in the camera's optical frame."""
    values = np.asarray(uvd, dtype=np.float64)
    return np.asarray(camera.back_project(values[..., :2], values[..., 2] / 1000.0))


def to_image(joints: ArrayLike, camera: Camera) -> NDArray[np.float64]:
    """Inverse of :func:`to_camera`: (..., 3) m -> u (px), v (px), depth (mm)."""
    values = np.asarray(joints, dtype=np.float64)
    return np.concatenate([camera.project(values), values[..., 2:] * 1000.0], axis=-1)
