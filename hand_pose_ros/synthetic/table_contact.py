"""Tables that hands lie on or hover over, a few millimetres behind their skin.

In: a SubjectSet, skinning matrices of N hands in crop-local frames (metres, look-at view), how their forearms end.
Out: planes (N, 4) (unit normal, offset m) that nothing of a hand or its forearm passes through.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.synthetic.render import HAND_ENDS_M, dress_forearm
from hand_pose_ros.synthetic.skinning import FOREARM, skin_vertices
from hand_pose_ros.synthetic.subjects import SubjectSet

Array = NDArray[np.float64]

TABLE_GAP_M = (0.002, 0.025)
"""Range of the gap between the skin and the table. Given: hands on real tables and just above them. How far is
guessed."""
_ALONG_PALM = 0.4  # share of the tables that are parallel to the palm as far as they face the camera; guessed
_TILT_RAD = 0.45
"""Standard deviation of the others' tilt against the view. Guessed, that of walls in crop_surroundings.py."""
_LEAST_FACING = 0.35  # a table's normal has at least this part along the view: it is seen from above; guessed
_MOST_HAND_GAP_M = (
    0.05  # where the forearm keeps the table farther from the hand than this there is none; guessed
)


def sample_tables(
    subjects: SubjectSet,
    subject: NDArray[np.int64],
    skinning: Array,
    forearm: Array,
    chosen: NDArray[np.bool_],
    rng: np.random.Generator,
) -> Array:
    """Planes (N, 4) behind the chosen (N,) hands; NaN for the others, and where the arm leaves no room for one.

    subject (N,); skinning (N, 17, 3, 4); forearm (N, 3): where the arm ends (m), a sleeve begins (m), its widening.
    """
    count = len(skinning)
    tilt = rng.normal(0, np.tan(_TILT_RAD), (count, 2))
    normal = np.concatenate([tilt, np.ones((count, 1))], axis=1)
    palm = skinning[:, 0, :3, :3] @ subjects.rest_rotations[subject, 0]
    back = palm[:, :, 2] * np.where(palm[:, 2:, 2] < 0, -1.0, 1.0)
    back = back + 0.12 * rng.normal(size=(count, 3))
    normal = np.where((rng.random(count) < _ALONG_PALM)[:, None], back, normal)
    # The arm lies on the table, too: it never points into it.
    elbow = -(skinning[:, FOREARM, :3, :3] @ subjects.rest_rotations[subject, FOREARM])[:, :, 0]
    into = np.maximum(np.einsum("ni,ni->n", normal, elbow), 0.0)
    normal = normal - into[:, None] * elbow
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    gap = rng.uniform(*TABLE_GAP_M, count)
    planes = np.full((count, 4), np.nan)
    for n in np.flatnonzero(chosen & (normal[:, 2] > _LEAST_FACING)):
        first, last = subjects.vertex_range[subject[n]]
        rest, along = subjects.vertices[first:last], subjects.along_forearm[first:last]
        posed = np.empty_like(rest)
        maps = skinning[n].astype(np.float32)
        skin_vertices(rest, subjects.bone_index[first:last], subjects.bone_weight[first:last], maps, posed)
        dress_forearm(rest, along, maps[FOREARM], forearm[n], posed)
        depth = posed @ normal[n]
        deepest = depth[along <= forearm[n, 0]].max()
        if deepest - depth[along <= HAND_ENDS_M].max() < _MOST_HAND_GAP_M:
            planes[n] = [*normal[n], deepest + gap[n]]
    return planes
