"""Posed hands and their scenes to crops, compiled: skin, render on a virtual sensor, disturb, crop.

In: a SubjectSet's flat arrays, skinning matrices, scenes and sensors of N samples as
``datasets.synthetic.SyntheticHands.batch`` draws them. Out: N crops in [-1, 1].
"""

from __future__ import annotations

import numpy as np
from numba import prange
from numpy.typing import NDArray

from hand_pose_ros.depth.crop import crop_kernel
from hand_pose_ros.kernel_cache import njit
from hand_pose_ros.synthetic.render import draw_plane, dress_forearm, rasterize
from hand_pose_ros.synthetic.sensor import sensor_kernel
from hand_pose_ros.synthetic.skinning import skin_vertices
from hand_pose_ros.synthetic.solids import draw_solids
from hand_pose_ros.synthetic.stereo_matching import stereo_kernel

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]


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
    vertices: Array32, bone_index: NDArray[np.int32], bone_weight: Array32, along_forearm: Array32,
    faces: NDArray[np.int32], vertex_range: NDArray[np.int64], face_range: NDArray[np.int64], skinning: Array32,
    forearm: Array, bare: Array, which_other: NDArray[np.int64], other_skinning: Array32, planes: Array,
    kind: NDArray[np.int64], solid_centres: Array, solid_axes: Array, noise: Array, stereo: Array,
    frame: Array, seeds: NDArray[np.int64], patch: Array, view: Array, centres: Array, distance: Array, half: float,
    margin: Array, crop_view: Array, crop_distance: Array, crops: Array32,
) -> None:  # fmt: skip
    """Skin, render, disturb and crop each sample into crops (N, S, S).

    stereo (N, 15) are the matchers of those samples that a stereo pair sees instead of the sensor of ``noise``, NaN
    for the others (``synthetic.stereo_config``). frame (N, 4) bounds the sensor's picture, in tangents: least and most
    x / z, least and most y / z.
    view (N, 3, 3), centres (N, 3) m and distance (N,) m give where the sensor looks, half and margin (N,) m how far
    its picture reaches about the centre; crop_view and crop_distance give where the crops look. See
    ``SyntheticHands.batch`` for the rest.
    """
    no_distortion = np.zeros(8)
    for n in prange(crops.shape[0]):
        first, last = vertex_range[n, 0], vertex_range[n, 1]
        posed = np.empty((last - first, 3), np.float32)
        skin_vertices(
            vertices[first:last], bone_index[first:last], bone_weight[first:last], skinning[n], posed
        )
        dress_forearm(vertices[first:last], along_forearm[first:last], skinning[n, -1], forearm[n], posed)
        # Without a hand: everything before this point on the forearm is left out.
        for i in range(last - first):
            if along_forearm[first + i] < bare[n]:
                posed[i, 2] = -1.0

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
        rasterize(posed, faces[face_range[n, 0] : face_range[n, 1]], focal, focal, cx, cy, clean)
        if which_other[n] >= 0:
            skin_vertices(
                vertices[first:last], bone_index[first:last], bone_weight[first:last],
                other_skinning[which_other[n]], posed,
            )  # fmt: skip
            dress_forearm(
                vertices[first:last], along_forearm[first:last], other_skinning[which_other[n], -1], forearm[n], posed,
            )  # fmt: skip
            rasterize(posed, faces[face_range[n, 0] : face_range[n, 1]], focal, focal, cx, cy, clean)
        if not np.isnan(planes[n, 3]):
            draw_plane(planes[n, :3], planes[n, 3], focal, focal, cx, cy, clean)
        draw_solids(kind[n], solid_centres[n], solid_axes[n], focal, focal, cx, cy, clean)
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
