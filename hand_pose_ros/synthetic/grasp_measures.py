"""What grasps are made from and tested by: the thickness of fingers, the depth of meshes in things, hidden joints.

In: a SubjectSet; posed hands and things (solids) in one frame, metres. Out: :class:`~.grasps.HandLinks`, depths (m),
numbers of joints.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.hand import skeleton
from hand_pose_ros.kernel_cache import njit
from hand_pose_ros.synthetic.grasps import LINK_SHARES, HandLinks, signed_distance
from hand_pose_ros.synthetic.render import HAND_ENDS_M
from hand_pose_ros.synthetic.skinning import skin_vertices
from hand_pose_ros.synthetic.subjects import SubjectSet

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]

# Points of a palm, and how finely and far along a ray is looked. Guessed.
_PALM_POINTS = 96
_RAY_STEPS, _RAY_STEP_M = 12, 0.015


def measure_links(subjects: SubjectSet) -> HandLinks:
    """The links of all P subjects' fingers, with the thickness that their meshes have on the palm's side."""
    offsets = subjects.offsets
    lengths = np.asarray(offsets.lengths, np.float64)
    radii = np.empty((len(subjects), len(skeleton.FINGERS), 3, 3))
    palm = np.empty((len(subjects), _PALM_POINTS, 3))
    bone = np.take_along_axis(subjects.bone_index, subjects.bone_weight.argmax(axis=1)[:, None], axis=1)[:, 0]
    for p in range(len(subjects)):
        part = slice(*subjects.vertex_range[p])
        vertices, owner = subjects.vertices[part].astype(np.float64), bone[part]
        palm_points = vertices[(owner == 0) & (vertices[:, 2] < 0.0)]
        palm[p] = palm_points[np.linspace(0, len(palm_points) - 1, _PALM_POINTS).astype(int)]
        _measure_radii(
            vertices,
            owner.astype(np.int64),
            subjects.rest_rotations[p],
            subjects.rest_positions[p],
            lengths[p],
            radii[p],
        )
    return HandLinks(np.asarray(offsets.bases, np.float64), lengths, radii, palm)


@njit(nogil=True, cache=True)
def _measure_radii(
    vertices: Array,
    owner: NDArray[np.int64],
    rotations: Array,
    positions: Array,
    lengths: Array,
    radii: Array,
) -> None:
    """Radii (5, 3, 3) m: at ``LINK_SHARES``, the mean distance of the skin on the palm's side from the axis."""
    for f in range(5):
        for link in range(3):
            segment = skeleton.FINGER_SEGMENT_TABLE[f, link]
            turn, origin = rotations[segment], positions[segment]
            for k in range(3):
                total, count = 0.0, 0
                window = 0.005
                while count < 4 and window < 0.03:
                    total, count = 0.0, 0
                    for v in range(vertices.shape[0]):
                        near = (
                            skeleton.FINGER_SEGMENT_TABLE[f, 0]
                            <= owner[v]
                            <= skeleton.FINGER_SEGMENT_TABLE[f, 2]
                        )
                        if not near:
                            continue
                        d = vertices[v] - origin
                        x = d[0] * turn[0, 0] + d[1] * turn[1, 0] + d[2] * turn[2, 0]
                        if abs(x - LINK_SHARES[link, k] * lengths[f, link]) > window:
                            continue
                        y = d[0] * turn[0, 1] + d[1] * turn[1, 1] + d[2] * turn[2, 1]
                        z = d[0] * turn[0, 2] + d[1] * turn[1, 2] + d[2] * turn[2, 2]
                        across = np.sqrt(y * y + z * z)
                        if z < 0.0 and -z > 0.5 * across and across < 0.03:
                            total += across
                            count += 1
                    window *= 1.5
                radii[f, link, k] = total / count if count else 0.008


# Not cached on disk: numba would not notice a change in the functions of other files that are compiled into it.
@njit(nogil=True)
def measure_depth(
    vertices: Array32, bone_index: NDArray[np.int32], bone_weight: Array32, along: Array32,
    vertex_range: NDArray[np.int64], skinning: Array32, joints: Array, kind: NDArray[np.int64], centre: Array,
    turn: Array, half: Array, depth: Array, inside: Array,
) -> None:  # fmt: skip
    """How deep (m) the mesh and the joints stand in the things: depth (N,), inside (N,); 0 where they do not."""
    for n in range(kind.shape[0]):
        first, last = vertex_range[n, 0], vertex_range[n, 1]
        posed = np.empty((last - first, 3), np.float32)
        skin_vertices(
            vertices[first:last], bone_index[first:last], bone_weight[first:last], skinning[n], posed
        )
        for i in range(last - first):
            if along[first + i] < HAND_ENDS_M:
                x, y, z = posed[i, 0], posed[i, 1], posed[i, 2]
                depth[n] = max(depth[n], -signed_distance(x, y, z, kind[n], centre[n], turn[n], half[n]))
        for j in range(joints.shape[1]):
            x, y, z = joints[n, j, 0], joints[n, j, 1], joints[n, j, 2]
            inside[n] = max(inside[n], -signed_distance(x, y, z, kind[n], centre[n], turn[n], half[n]))


# Not cached on disk either.
@njit(nogil=True)
def count_seen(
    joints: Array, viewer: Array, kind: NDArray[np.int64], centre: Array, turn: Array, half: Array,
    seen: NDArray[np.int64],
) -> None:  # fmt: skip
    """How many joints (N, 23, 3) the things do not hide from afar, in the direction ``viewer`` (N, 3) -> seen (N,)."""
    for n in range(joints.shape[0]):
        for j in range(joints.shape[1]):
            hidden = False
            for k in range(1, _RAY_STEPS + 1):
                far = k * _RAY_STEP_M
                x, y = joints[n, j, 0] + far * viewer[n, 0], joints[n, j, 1] + far * viewer[n, 1]
                z = joints[n, j, 2] + far * viewer[n, 2]
                if signed_distance(x, y, z, kind[n], centre[n], turn[n], half[n]) < 0.0:
                    hidden = True
                    break
            if not hidden:
                seen[n] += 1
