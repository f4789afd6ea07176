"""Scenes to crops, compiled: render on a virtual sensor, disturb, crop.

In: scenes as arrays (``synthetic.draw_scene``) and sensors of N samples as ``datasets.synthetic.SyntheticHands.batch``
draws them. Out: N crops in [-1, 1].
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import prange
from numpy.typing import NDArray

from hand_pose_ros.depth.crop import crop_kernel
from hand_pose_ros.kernel_cache import njit
from hand_pose_ros.synthetic.draw_scene import MeshArrays, Pinhole, SceneArrays, draw_scene
from hand_pose_ros.synthetic.sensor import sensor_kernel
from hand_pose_ros.synthetic.stereo_matching import stereo_kernel

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]


class SensorArrays(NamedTuple):
    """The sensors of N samples, each of which looks along an axis of its own at the middle of its sample's cube."""

    noise: Array
    """(N, fields of ``synthetic.sensor.NoiseModel``)."""
    matchers: Array
    """(N, 20): the matchers of those samples that a stereo pair sees instead of the sensor of ``noise``, NaN for the
    others (``synthetic.stereo_config``)."""
    frame: Array
    """(N, 4): the bounds of the sensor's picture, in tangents: least and most x / z, least and most y / z."""
    seeds: NDArray[np.int64]
    """(N,): of the disturbances."""
    patch_px: Array
    """(N,): pixels that span the cube at its middle."""
    view: Array
    """(N, 3, 3): rotations camera -> view along the axis."""
    distance: Array
    """(N,) m, of the cube's middle."""
    margin_m: Array
    """(N,): how far the part that is rendered reaches beyond the cube."""


@njit(nogil=True, cache=True)
def _cut(depth: Array32, frame: Array, focal: float, cx: float, cy: float, left_done: bool) -> None:
    """No reading beyond the bounds of the picture (4,); the left one is left out if it is ``left_done`` already."""
    least_x = -np.inf if left_done else frame[0]
    for row in range(depth.shape[0]):
        y = (row - cy) / focal
        for column in range(depth.shape[1]):
            x = (column - cx) / focal
            if x < least_x or x > frame[1] or y < frame[2] or y > frame[3]:
                depth[row, column] = np.nan


# Not cached on disk: numba would not notice a change in the functions of other files that are compiled into it.
@njit(parallel=True, nogil=True)
def render_crops(
    meshes: MeshArrays, scenes: SceneArrays, sensors: SensorArrays, half: float, crop_view: Array, crop_distance: Array,
    crops: Array32,
) -> None:  # fmt: skip
    """Render, disturb and crop each sample into crops (N, S, S), of cubes of half an edge ``half`` m; crop_view
    (N, 3, 3) and crop_distance (N,) m give where the crops look."""
    noise, stereo, frame, seeds, patch, view, distance, margin = sensors
    no_distortion, no_counts = np.zeros(8), np.zeros((0, 2), np.int64)
    no_hands = np.zeros((0, 0, 0), np.float32)
    for n in prange(crops.shape[0]):
        # The part of a virtual sensor that sees the cube: `patch` of its pixels span the cube at the centre.
        focal = patch[n] * distance[n] / (2.0 * half)
        u_low, u_high, v_low, v_high = 1e9, -1e9, 1e9, -1e9
        # The crop is a cone of rays through the cube's square at its centre: four corners bound it.
        for corner in range(4):
            x = half + margin[n] if corner & 1 else -half - margin[n]
            y = half + margin[n] if corner & 2 else -half - margin[n]
            px = view[n, 0, 0] * x + view[n, 1, 0] * y + view[n, 2, 0] * distance[n]
            py = view[n, 0, 1] * x + view[n, 1, 1] * y + view[n, 2, 1] * distance[n]
            pz = view[n, 0, 2] * x + view[n, 1, 2] * y + view[n, 2, 2] * distance[n]
            u_low, u_high = min(u_low, focal * px / pz), max(u_high, focal * px / pz)
            v_low, v_high = min(v_low, focal * py / pz), max(v_high, focal * py / pz)
        width, height = int(u_high - u_low) + 3, int(v_high - v_low) + 3
        cx, cy = 1.0 - u_low, 1.0 - v_low
        matched = not np.isnan(stereo[n, 0])
        if matched:
            # What stands to the right of the crop hides things in it from the right camera: as far to the right as the
            # disparity at the crop's middle.
            width += int(np.ceil(focal * stereo[n, 1] / distance[n]))

        clean = np.full((height, width), np.inf, np.float32)
        draw_scene(meshes, scenes, n, Pinhole(focal, focal, cx, cy, 0.0), clean, no_hands, no_counts)
        seen = np.empty((height, width), np.float32)
        if matched:
            # The left edge of a stereo picture's readings is where the right camera's ends, for a hand at the middle's
            # distance just where the picture is cut.
            edge = frame[n, 0] * focal + cx - focal * stereo[n, 1] / distance[n]
            stereo_kernel(clean, stereo[n], seeds[n], focal, edge, seen)
        else:
            sensor_kernel(clean, noise[n], seeds[n], focal, seen)
        if np.isfinite(frame[n]).any():
            _cut(seen, frame[n], focal, cx, cy, matched)
        crop_kernel(
            seen, focal, focal, cx, cy, no_distortion, 0, crop_view[n], crop_distance[n],
            half, False, crops.shape[1], crops[n],
        )  # fmt: skip
