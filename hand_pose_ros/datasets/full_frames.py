"""Whole pictures with none, one or two hands, as coarse depth cells: what the full-frame detector learns from.

In: a configuration and a seed. Out: :class:`FrameBatch`: cells as the runtime's reduction makes them of an image, and
the truth of the hands in the camera's optical frame, metres. Pictures are rendered with two pixels a cell, not with
the five to ten that a sensor has; the noise's lengths in pixels are scaled alike. At a sensor's resolution:
still_images.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numba import prange
from numpy.typing import NDArray

from hand_pose_ros.config_files import build, require_mapping
from hand_pose_ros.datasets.full_scenes import HANDS, FullFrameConfig, Pictures, sample_pictures
from hand_pose_ros.depth.downsample import downsample_depth
from hand_pose_ros.detection.detector_input import COLUMNS, FAR_M, NEAR_M, OUT_COLUMNS, OUT_ROWS, ROWS, STRIDE
from hand_pose_ros.hand import skeleton
from hand_pose_ros.kernel_cache import njit
from hand_pose_ros.synthetic.draw_scene import MeshArrays, Pinhole, SceneArrays, draw_scene, scene_arrays
from hand_pose_ros.synthetic.scene_sampling import People
from hand_pose_ros.synthetic.sensor import sensor_kernel
from hand_pose_ros.synthetic.stereo_matching import count_hidden_by_edge, stereo_kernel
from hand_pose_ros.synthetic.surroundings_config import SurroundingsConfig
from hand_pose_ros.synthetic.view_families import ViewConfig

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]

_PIXELS = 2  # rendered, a cell


@dataclass(frozen=True, eq=False)
class FrameBatch:
    """N pictures. z (N, ROWS, COLUMNS) m, 0 = no reading; cell (N, ROWS, COLUMNS): tangent a cell spans, 0 outside the
    image; rays (N, OUT_ROWS, OUT_COLUMNS, 3) through the output's cells, z = 1.

    Of up to two hands: present, left (N, 2); centre (N, 2, 3) m, the mean joint; radius (N, 2) m to the farthest joint;
    axes (N, 2, 3, 3): columns are the unit vectors to the fingers, to the thumb's side, out of the hand's back; visible
    (N, 2): share of the hand's pixels in the image that nothing hides, 0 when there are none; inside (N, 2): the centre
    is in the image."""

    z: Array32
    cell: Array32
    rays: Array
    present: NDArray[np.bool_]
    left: NDArray[np.bool_]
    centre: Array
    radius: Array
    axes: Array
    visible: Array
    inside: NDArray[np.bool_]


class FullFrames:
    """An endless, random-access source: ``FullFrames(config).batch(seed, count)``."""

    def __init__(self, config: FullFrameConfig | None = None) -> None:
        self.config = config or FullFrameConfig()

    @cached_property
    def people(self) -> People:
        """The subjects of this split and their grasps."""
        return People(self.config.families, self.config.identities, self.config.split)

    def pictures(self, seed: int, count: int) -> Pictures:
        """What ``batch(seed, count)`` shows."""
        return sample_pictures(self.config, self.people, seed, count)

    def batch(self, seed: int, count: int) -> FrameBatch:
        """``count`` pictures; a pure function of the configuration, the seed and the count."""
        pictures = self.pictures(seed, count)
        scenes, hands, centre = pictures.scenes, pictures.scenes.hands, pictures.centre
        shape, focal, middle = pictures.shape, pictures.focal, pictures.middle
        z = np.zeros((count, ROWS, COLUMNS), np.float32)
        seen = np.zeros((count, HANDS, 2), np.int64)
        _render_batch(
            *scene_arrays(self.people.subjects, scenes), pictures.coarse_noise, pictures.stereo, pictures.seeds, shape,
            focal, middle, z, seen,
        )  # fmt: skip
        pixel = middle[:, None] + focal[:, None, None] * centre[..., :2] / centre[..., 2:]
        inside = ((pixel > -0.5) & (pixel < shape[:, None, ::-1] - 0.5)).all(axis=-1)
        cell = np.where(_within(shape), 1.0 / focal[:, None, None], 0.0).astype(np.float32)
        return FrameBatch(
            z=z,
            cell=cell,
            rays=_rays(focal, middle),
            present=hands.present,
            left=hands.left,
            centre=centre,
            radius=np.linalg.norm(hands.joints - centre[:, :, None], axis=-1).max(axis=2),
            axes=hands.rotation * np.where(hands.left[..., None, None], skeleton.PALM_MIRROR, 1.0),
            visible=np.where(hands.present, seen[..., 0] / np.maximum(seen[..., 1], 1), 0.0),
            inside=inside & hands.present,
        )


def _within(shape: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(N, ROWS, COLUMNS): the cells that images of shape (N, 2) fill."""
    rows = np.arange(ROWS)[None, :, None] < shape[:, 0, None, None]
    return np.asarray(rows & (np.arange(COLUMNS)[None, None] < shape[:, 1, None, None]))


def _rays(focal: Array, middle: Array) -> Array:
    """(N, OUT_ROWS, OUT_COLUMNS, 3) through the middles of the output's cells."""
    v, u = np.mgrid[0:OUT_ROWS, 0:OUT_COLUMNS] * float(STRIDE) + 0.5 * (STRIDE - 1)
    x = (u - middle[:, 0, None, None]) / focal[:, None, None]
    y = (v - middle[:, 1, None, None]) / focal[:, None, None]
    return np.stack([x, y, np.ones_like(x)], axis=-1)


# Not cached on disk: numba would not notice a change in the functions of other files that are compiled into it.
@njit(parallel=True, nogil=True)
def _render_batch(
    meshes: MeshArrays, scenes: SceneArrays, noise: Array, stereo: Array, seeds: NDArray[np.int64],
    shape: NDArray[np.int64], focal: Array, middle: Array, z: Array32, seen: NDArray[np.int64],
) -> None:  # fmt: skip
    """Render each picture and reduce it into z (N, ROWS, COLUMNS); seen (N, H, 2) as of ``draw_scene``."""
    for n in prange(z.shape[0]):
        height, width = shape[n, 0] * _PIXELS, shape[n, 1] * _PIXELS
        f = focal[n] * _PIXELS
        cx, cy = middle[n, 0] * _PIXELS + 0.5 * (_PIXELS - 1), middle[n, 1] * _PIXELS + 0.5 * (_PIXELS - 1)
        clean = np.full((height, width), np.inf, np.float32)
        alone = np.full((HANDS, height, width), np.inf, np.float32)
        draw_scene(meshes, scenes, n, Pinhole(f, f, cx, cy, 0.0), clean, alone, seen[n])
        image = np.empty((height, width), np.float32)
        if np.isnan(stereo[n, 0]):
            sensor_kernel(clean, noise[n], seeds[n], f, image)
        else:
            stereo_kernel(clean, stereo[n], seeds[n], f, 0.0, image)
            # What only the left camera sees is not seen.
            for h in range(HANDS):
                seen[n, h, 0] -= count_hidden_by_edge(alone[h], clean, f * stereo[n, 1])
        cells = np.ones((shape[n, 0], shape[n, 1]), np.float32)
        downsample_depth(image, _PIXELS, 0, 0, NEAR_M, FAR_M, cells, z[n, : shape[n, 0], : shape[n, 1]])


def full_frame_config(data: Mapping[str, Any], split: int) -> FullFrameConfig:
    """Fields that differ from the defaults -> configuration; ValueError names a wrong one."""
    require_mapping("data", data)
    values = {**data, "split": split}
    if "scene" in values:
        values["scene"] = build(SurroundingsConfig, "data.scene", values["scene"])
    if "views" in values:
        values["views"] = build(ViewConfig, "data.views", values["views"])
    return build(FullFrameConfig, "data", values)
