"""The hand's flesh as tapered capsules, for comparing the hand model with a depth surface.

In: nothing. Out: ``PALM_POINTS`` (P, 3), points of the template's palm (m, palm frame, right hand), ``CAPSULES``
(C, 3): the segment that carries each and its two ends, and ``END_RADII`` (23 + P,), m.

A capsule is the hull of two spheres. Ends are the 23 joints, then the palm's own points; radii and points were fitted
to the surfaces of 300 synthetic subjects of both mesh families in random poses (mean distance 1.8 mm), see
tools/measure_capsules.py. Radii scale with the whole hand (``shape[0]``), the palm's points as its joints do.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.hand import skeleton

Array = NDArray[np.float64]

_FINGER_RADII_MM: dict[str, tuple[float, float, float, float]] = {
    "thumb": (11.3, 13.3, 8.1, 6.8),
    "index": (10.9, 8.0, 7.7, 5.7),
    "middle": (11.2, 8.2, 7.6, 5.8),
    "ring": (10.4, 7.5, 7.0, 5.6),
    "pinky": (9.3, 6.5, 6.2, 5.0),
}
"""At the four joints of each finger, from the palm to the tip."""

# Name: place (mm, palm frame of a right hand) and radius (mm).
_PALM_POINTS_MM: dict[str, tuple[float, float, float, float]] = {
    "wrist_radial": (-40.5, 10.7, 1.3, 15.9),
    "wrist_middle": (-39.1, -1.7, 2.3, 17.3),
    "wrist_ulnar": (-44.5, -9.1, 1.6, 16.3),
    "index": (21.6, 32.4, -7.0, 11.7),
    "middle": (34.5, 14.9, -3.0, 15.1),
    "ring": (32.4, -9.5, -2.0, 13.1),
    "pinky": (23.2, -27.5, -6.1, 11.1),
    "thenar": (-12.8, 21.9, -22.0, 17.0),
    "hypothenar": (-16.8, -15.4, -6.5, 17.9),
}

_PALM_CAPSULES: tuple[tuple[str, str], ...] = (
    ("wrist_radial", "index"), ("wrist_middle", "middle"), ("wrist_middle", "ring"), ("wrist_ulnar", "pinky"),
    ("wrist_radial", "wrist_middle"), ("wrist_middle", "wrist_ulnar"),
    ("index", "middle"), ("middle", "ring"), ("ring", "pinky"),
    ("wrist_middle", "thenar"), ("thenar", "index"), ("wrist_ulnar", "hypothenar"), ("hypothenar", "pinky"),
)  # fmt: skip


def _capsules() -> tuple[NDArray[np.int64], Array, Array]:
    """Capsules (C, 3): segment, end, end; radii of the ends (E,) m; palm points (P, 3) m."""
    names = list(_PALM_POINTS_MM)
    first = skeleton.JOINT_COUNT
    rows = [
        (int(segment), joints[i], joints[i + 1])
        for segments, joints in zip(
            skeleton.FINGER_SEGMENT_TABLE, skeleton.FINGER_JOINTS.values(), strict=True
        )
        for i, segment in enumerate(segments)
    ]
    rows += [(0, first + names.index(a), first + names.index(b)) for a, b in _PALM_CAPSULES]
    radii = np.zeros(first + len(names))
    for finger, values in _FINGER_RADII_MM.items():
        radii[list(skeleton.FINGER_JOINTS[finger])] = values
    table = np.array(list(_PALM_POINTS_MM.values()))
    radii[first:] = table[:, 3]
    return np.array(rows, dtype=np.int64), 1e-3 * radii, 1e-3 * table[:, :3]


CAPSULES, END_RADII, PALM_POINTS = _capsules()
FINGER_CAPSULES: int = skeleton.FINGER_SEGMENT_TABLE.size
"""The first so many of ``CAPSULES`` are bones of fingers, the rest the palm's."""

_ARM_FLAGS = [2 if b.startswith("wrist") else int(a.startswith("wrist")) for a, b in _PALM_CAPSULES]
ARM_CAPSULES: NDArray[np.int64] = np.array([0] * FINGER_CAPSULES + _ARM_FLAGS)
"""(C,): 1 where a point beyond a capsule's first end belongs to the arm, 2 where every point does."""
