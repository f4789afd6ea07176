"""One scene of a whole picture to depth, compiled: a wall, posed hands, solids.

In: a SubjectSet's flat arrays and one scene of ``datasets.full_scenes``. Out: clean depth (H, W), metres.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.datasets.full_scenes import HANDS
from hand_pose_ros.kernel_cache import njit
from hand_pose_ros.synthetic.render import HAND_ENDS_M, draw_plane, dress_forearm, rasterize
from hand_pose_ros.synthetic.skinning import FOREARM, skin_vertices
from hand_pose_ros.synthetic.solids import draw_solids

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]


# Not cached on disk: numba would not notice a change in the functions of other files that are compiled into it.
@njit(nogil=True)
def draw_scene(
    vertices: Array32, bone_index: NDArray[np.int32], bone_weight: Array32, along: Array32, faces: NDArray[np.int32],
    vertex_range: NDArray[np.int64], face_range: NDArray[np.int64], skinning: Array32, present: NDArray[np.bool_],
    sleeves: Array, walls: Array, kinds: NDArray[np.int64], centres: Array, axes: Array, f: float, cx: float,
    cy: float, clean: Array32, alone: Array32, seen: NDArray[np.int64],
) -> None:  # fmt: skip
    """Draw one scene into clean (H, W), and each hand without anything else into alone (HANDS, H, W), both all inf
    before; lens in px. seen (HANDS, 2): the hand's pixels that are seen, and those that alone would be."""
    if not np.isnan(walls[3]):
        draw_plane(walls[:3], walls[3], f, f, cx, cy, clean)
    for h in range(HANDS):
        if not present[h]:
            continue
        first, last = vertex_range[h, 0], vertex_range[h, 1]
        posed = np.empty((last - first, 3), np.float32)
        skin_vertices(
            vertices[first:last], bone_index[first:last], bone_weight[first:last], skinning[h], posed
        )
        dress_forearm(vertices[first:last], along[first:last], skinning[h, FOREARM], sleeves[h], posed)
        mesh = faces[face_range[h, 0] : face_range[h, 1]]
        rasterize(posed, mesh, f, f, cx, cy, clean)
        for i in range(last - first):
            if along[first + i] > HAND_ENDS_M:
                posed[i, 2] = -1.0
        rasterize(posed, mesh, f, f, cx, cy, alone[h])
    draw_solids(kinds, centres, axes, f, f, cx, cy, clean)
    for h in range(HANDS):
        for row in range(clean.shape[0]):
            for column in range(clean.shape[1]):
                if alone[h, row, column] < np.inf:
                    seen[h, 1] += 1
                    if alone[h, row, column] <= clean[row, column]:
                        seen[h, 0] += 1
