"""Where hands are in a whole depth image, and which: a small network on coarse depth.

In: a DepthFrame. Out: :class:`Detection`: the hand's middle (mean joint) in metres in the camera's optical frame, its
side, how sure both are, its size. What the network needs lies in one safetensors file (models/detector.safetensors),
checked on load.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

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
    OFFSET_M,
    OUT_COLUMNS,
    OUT_ROWS,
    ROWS,
    SIZE_M,
    STRIDE,
    anchors_kernel,
    features_kernel,
    views_along,
)
from hand_pose_ros.detection.detector_weights import read_detector_info
from hand_pose_ros.network.backend import Backend, BackendConfig, open_backend
from hand_pose_ros.resources import resource

if TYPE_CHECKING:
    from hand_pose_ros.detection.detector_net import DetectorNet

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]

DEFAULT_WEIGHTS = ("models", "detector.safetensors")


@dataclass(frozen=True, eq=False)
class Detection:
    """A hand that the detector sees."""

    centre: Array
    """(3,) m, the mean of its joints, camera's optical frame."""
    side: str
    """right or left."""
    side_confidence: float
    """0.5..1: how sure the side is."""
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


@lru_cache(maxsize=8)
def lattice_of(camera: Camera) -> Lattice:
    """The camera's cells: the fewest whole pixels a cell with which the image fits; computed once a camera."""
    step = max(-(-camera.width // COLUMNS), -(-camera.height // ROWS))
    rows, columns = camera.height // step, camera.width // step
    cell = np.zeros((ROWS, COLUMNS), np.float32)
    cell[:rows, :columns] = depth_grid(camera, step).cell
    v, u = np.mgrid[0:OUT_ROWS, 0:OUT_COLUMNS] * float(STRIDE * step) + 0.5 * (STRIDE * step - 1)
    return Lattice(step, rows, columns, cell, camera.back_project(np.stack([u, v], axis=-1), 1.0))


def reduce_depth(frame: DepthFrame) -> Array32:
    """Depth (H, W) m -> the detector's cells (ROWS, COLUMNS) m, 0 = no reading."""
    lattice = lattice_of(frame.camera)
    z = np.zeros((ROWS, COLUMNS), np.float32)
    window = z[: lattice.rows, : lattice.columns]
    downsample_depth(frame.surface, lattice.step, 0, 0, NEAR_M, FAR_M, lattice.cell, window)
    return z


class Maps(Protocol):
    """The maps that are decoded: ``detector_net.DetectorMaps``, or arrays."""

    @property
    def heat(self) -> Any: ...

    @property
    def left(self) -> Any: ...

    @property
    def offset(self) -> Any: ...

    @property
    def size(self) -> Any: ...


class DecodedMaps(NamedTuple):
    """As ``detector_net.DetectorMaps``, in arrays, without what inference does not need."""

    heat: Array32
    """(B, h, w)."""
    left: Array32
    """(B, h, w)."""
    size: Array32
    """(B, h, w)."""
    offset: Array32
    """(B, 3, h, w)."""


class HandDetector:
    """``HandDetector().detect(frame)``, on the CPU. CheckpointError when the weights cannot be used."""

    def __init__(
        self,
        weights: str | Path | None = None,
        config: DetectionConfig | None = None,
        running: BackendConfig | None = None,
    ) -> None:
        """weights: a file, None for the shipped one; running: how the network runs: always on the CPU, in float32."""
        self._weights = Path(weights or resource(*DEFAULT_WEIGHTS))
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

    def detect(self, frame: DepthFrame, count: int = 2) -> list[Detection]:
        """Up to ``count`` hands, the best first."""
        z = reduce_depth(frame)
        lattice = lattice_of(frame.camera)
        features = np.empty((1, CHANNELS, ROWS, COLUMNS), np.float32)
        features_kernel(z, lattice.cell, features[0])
        found = self.backend(features)
        maps = DecodedMaps(found[:, 0], found[:, 1], found[:, 2], found[:, 3:])
        anchor = np.empty((OUT_ROWS, OUT_COLUMNS), np.float32)
        anchors_kernel(z, anchor)
        return decode(maps, anchor, lattice.rays, self._config)[:count]


def decode(
    maps: Maps, anchor: Array32, rays: Array, config: DetectionConfig, index: int = 0
) -> list[Detection]:
    """Maps of the ``index``-th image, anchor depths (h, w) m and rays (h, w, 3) -> hands, the best first.

    Heat has a peak where it is the largest of 3 x 3. The cells about a peak vote for the hand's middle, each with its
    heat; votes that do not agree with the peak's do not count. Peaks whose middles are one hand's become one.
    """
    heat = _sigmoid(np.asarray(maps.heat[index]))
    heat[~((anchor > 0.0) & np.isfinite(rays[..., 0]))] = 0.0
    offset, size, left = (np.asarray(values[index]) for values in (maps.offset, maps.size, maps.left))
    likely = np.argwhere((heat >= config.least_score) & (heat > 0.0))
    found: list[Detection] = []
    for r, c in sorted(likely.tolist(), key=lambda p: -heat[p[0], p[1]]):
        window = (slice(max(r - 1, 0), r + 2), slice(max(c - 1, 0), c + 2))
        weight = heat[window].reshape(-1)
        if heat[r, c] < weight.max():
            continue
        of_maps = (slice(None), *window)
        way = rays[window].reshape(-1, 3)
        back = views_along(way)
        votes = way * anchor[window].reshape(-1, 1)
        votes += OFFSET_M * np.einsum("kij,ik->kj", back, offset[of_maps].reshape(3, -1))
        peak = votes[int(weight.argmax())]
        near = ((votes - peak) ** 2).sum(axis=1) < config.vote_agreement_m**2
        agree = np.where(weight > 0.0, weight * near, 0.0)
        agree /= agree.sum()
        votes[agree == 0.0] = 0.0  # where there is no ray
        centre = agree @ votes
        known = any(np.linalg.norm(centre - other.centre) < config.same_peak_m for other in found)
        if centre[2] <= config.min_depth_m or known:
            continue
        is_left = float(_sigmoid(agree @ left[window].reshape(-1)))
        side, sure = ("left", is_left) if is_left > 0.5 else ("right", 1.0 - is_left)
        radius = SIZE_M * float(np.exp(agree @ size[window].reshape(-1)))
        found.append(Detection(centre, side, sure, float(heat[r, c]), radius))
    return found


def _sigmoid(x: NDArray[np.floating]) -> Array:
    return np.asarray(1.0 / (1.0 + np.exp(-np.asarray(x, np.float64))))
