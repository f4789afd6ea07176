"""Where hands are in a whole depth image, and which: a small network on coarse depth.

In: a DepthFrame. Out: :class:`Detection`: the hand's middle (mean joint) in metres in the camera's optical frame, its
side, how sure both are, its size. What the network needs lies in one safetensors file (models/detector.safetensors),
checked on load.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.depth.downsample import depth_grid, downsample_depth
from hand_pose_ros.depth.frame import DepthFrame
from hand_pose_ros.detection.config import DetectionConfig
from hand_pose_ros.detection.detector_input import (
    CHANNELS,
    COLUMNS,
    FAR_M,
    NEAR_M,
    OUT_COLUMNS,
    OUT_ROWS,
    ROWS,
    STRIDE,
    anchors_kernel,
    features_kernel,
    views_along,
)
from hand_pose_ros.detection.detector_peaks import PEAK_COLUMNS, mask_kernel, peaks_kernel
from hand_pose_ros.detection.detector_weights import read_detector_info
from hand_pose_ros.network.backend import Backend, BackendConfig, open_backend
from hand_pose_ros.resources import SHIPPED_DETECTOR, model_file

if TYPE_CHECKING:
    from hand_pose_ros.detection.detector_net import DetectorNet

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Detection:
    """A hand that the detector sees."""

    centre: Array
    """(3,) m, the mean of its joints, camera's optical frame."""
    side: str
    """right or left."""
    score: float
    """0..1: how sure it is that there is a hand."""
    size: float
    """Metres from the centre to the farthest joint."""


@dataclass(frozen=True, eq=False)
class Lattice:
    """A camera's cells."""

    step: int
    """Pixels along an edge of a cell."""
    rows: int
    """Rows that the image fills."""
    columns: int
    """Columns that the image fills."""
    cell: Array32
    """(ROWS, COLUMNS): the tangent that a cell spans, 0 outside the image."""
    rays: Array
    """(OUT_ROWS, OUT_COLUMNS, 3): through the middles of the output's cells, z = 1."""
    views: Array
    """(OUT_ROWS, OUT_COLUMNS, 3, 3): rotations camera -> view of these rays."""


@dataclass(frozen=True, eq=False)
class Look:
    """What the detector's network is shown of an image: it may be asked later what is to be seen there."""

    features: Array32
    """(1, CHANNELS, ROWS, COLUMNS)."""
    anchor: Array32
    """(OUT_ROWS, OUT_COLUMNS) m, 0 = no reading."""
    camera: Camera
    """Of the image."""
    stamp_s: float
    """When the image was taken, seconds."""


@lru_cache(maxsize=8)
def lattice_of(camera: Camera) -> Lattice:
    """The camera's cells: the fewest whole pixels a cell with which the image fits; computed once a camera."""
    step = max(-(-camera.width // COLUMNS), -(-camera.height // ROWS))
    rows, columns = camera.height // step, camera.width // step
    cell = np.zeros((ROWS, COLUMNS), np.float32)
    cell[:rows, :columns] = depth_grid(camera, step).cell
    v, u = np.mgrid[0:OUT_ROWS, 0:OUT_COLUMNS] * float(STRIDE * step) + 0.5 * (STRIDE * step - 1)
    rays = camera.back_project(np.stack([u, v], axis=-1), 1.0)
    return Lattice(step, rows, columns, cell, rays, views_along(rays))


def reduce_depth(frame: DepthFrame) -> Array32:
    """Depth (H, W) m -> the detector's cells (ROWS, COLUMNS) m, 0 = no reading."""
    lattice = lattice_of(frame.camera)
    z = np.zeros((ROWS, COLUMNS), np.float32)
    window = z[: lattice.rows, : lattice.columns]
    downsample_depth(frame.surface, lattice.step, 0, 0, NEAR_M, FAR_M, lattice.cell, window)
    return z


def mask_hands(z: Array32, camera: Camera, hands: Sequence[Array], config: DetectionConfig) -> None:
    """Take out of the cells (ROWS, COLUMNS) of the camera's image, in place, what lies about the joints (23, 3) m of
    these hands, camera's optical frame."""
    step = lattice_of(camera).step
    for joints in hands:
        before = joints[joints[:, 2] > 0.0]
        if len(before) == 0:
            continue
        near, far = before[:, 2].min() - config.mask_depth_m, before[:, 2].max() + config.mask_depth_m
        reach = config.mask_radius_m * np.sqrt(camera.fx * camera.fy) / before[:, 2]
        # At least the cell that a joint lies in.
        mask_kernel(z, step, camera.project(before), np.maximum(reach, step / np.sqrt(2.0)), near, far)


class HandDetector:
    """``HandDetector().detect(frame)``, on the CPU. CheckpointError when the weights cannot be used."""

    def __init__(
        self,
        weights: str | Path | None = None,
        config: DetectionConfig | None = None,
        running: BackendConfig | None = None,
    ) -> None:
        """weights: a file or a shipped one's name, None for that; running: how the network runs: always on the CPU, in
        float32."""
        self._weights = model_file(weights or SHIPPED_DETECTOR)
        info = read_detector_info(self._weights)
        self.info = info.training
        self._config = config or DetectionConfig()
        running = running or BackendConfig()
        on_cpu = BackendConfig(running.backend, "cpu", "float32", running.threads)

        def reference(chosen: BackendConfig) -> Backend:
            from hand_pose_ros.detection.detector_checkpoint import INPUT_SHAPES  # torch
            from hand_pose_ros.detection.detector_net import PackedDetector
            from hand_pose_ros.network.backbones import fold_normalisation
            from hand_pose_ros.network.torch_backend import torch_backend

            def build(_: bool) -> PackedDetector:
                return PackedDetector(fold_normalisation(self.network).requires_grad_(False))

            return torch_backend(build, list(INPUT_SHAPES.values()), chosen)

        self.backend = open_backend(self._weights, info.sha256, on_cpu, reference)

    @cached_property
    def network(self) -> DetectorNet:
        """The trained network itself, in torch."""
        from hand_pose_ros.detection.detector_checkpoint import load_detector

        return load_detector(self._weights)[0]

    def look(self, frame: DepthFrame, hidden: Sequence[Array] = ()) -> Look:
        """What the network will see of a frame, without the hands with the joints ``hidden``, each (23, 3) m: a third
        of the time that :meth:`detect` takes."""
        z, lattice = reduce_depth(frame), lattice_of(frame.camera)
        mask_hands(z, frame.camera, hidden, self._config)
        features = np.empty((1, CHANNELS, ROWS, COLUMNS), np.float32)
        features_kernel(z, lattice.cell, features[0])
        anchor = np.empty((OUT_ROWS, OUT_COLUMNS), np.float32)
        anchors_kernel(z, anchor)
        return Look(features, anchor, frame.camera, frame.stamp_s)

    def seen(self, look: Look, count: int = 2) -> list[Detection]:
        """Up to ``count`` hands of what was looked at, the best first."""
        maps, lattice = self.backend(look.features)[0], lattice_of(look.camera)
        return decode(maps, look.anchor, lattice.rays, lattice.views, self._config, count)

    def detect(self, frame: DepthFrame, count: int = 2) -> list[Detection]:
        """Up to ``count`` hands of a frame, the best first."""
        return self.seen(self.look(frame), count)


def decode(
    maps: Array32, anchor: Array32, rays: Array, views: Array, config: DetectionConfig, count: int
) -> list[Detection]:
    """Maps (6, h, w) of an image as of ``detector_net.PackedDetector``, anchor depths (h, w) m, rays (h, w, 3) and
    their views (h, w, 3, 3) -> up to ``count`` hands, the best first; see ``detector_peaks.peaks_kernel``."""
    rows = np.empty((count, PEAK_COLUMNS))
    found = peaks_kernel(
        np.ascontiguousarray(maps, np.float32), anchor, rays, views, config.least_score, config.vote_agreement_m,
        config.same_peak_m, config.min_depth_m, rows,
    )  # fmt: skip
    return [_detection(row) for row in rows[:found]]


def _detection(row: Array) -> Detection:
    left, score, size = row[3:].tolist()
    return Detection(row[:3].copy(), "left" if left > 0.0 else "right", score, size)
