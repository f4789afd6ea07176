"""Elbows of bent arms with what they hang on: upper arm, shoulder, now and then the trunk.

In: where each elbow is and which way its forearm leads, which is drawn from the hand meshes. Out: solids (N, K) in the
same frame, metres. A bent elbow looks like a fist at the end of a forearm. All numbers are guessed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.synthetic.primitives import SHOULDER, limb, trunk
from hand_pose_ros.synthetic.rotations import axes_along, rotation_y
from hand_pose_ros.synthetic.solids import Solids, gather, where

Array = NDArray[np.float64]

_BEND = (0.45, 2.9)
"""Range of the angle between forearm and upper arm, rad: the tightest that arms bend to, up to nearly straight."""
_UPPER_ARM_M = (0.24, 0.34)
_RADIUS_M = (0.036, 0.064)
"""Half an upper arm's width, from a thin bare one to one in a thick sleeve."""
_TRUNK = 0.5
"""Share with a trunk, where it is far enough from the elbow."""
_CLEAR_M = 0.30
"""The trunk's middle is at least as far from the elbow."""


def upper_arms(elbow: Array, forearm: Array, upright: Array, rng: np.random.Generator) -> Solids:
    """-> (N, 10 parts): upper arms from the elbows (N, 3) m, whose forearms lead along forearm (N, 3), unit vectors,
    and trunks as gravity has them, upright (N, 3, 3) with its second column down."""
    count = len(elbow)
    bend, length = rng.uniform(*_BEND, count), rng.uniform(*_UPPER_ARM_M, count)
    across = axes_along(forearm, rng.normal(size=(count, 3)))[:, 1]
    along = np.cos(bend)[:, None] * forearm + np.sin(bend)[:, None] * across
    shoulder = elbow + length[:, None] * along
    arm = limb(shoulder, elbow, rng.uniform(*_RADIUS_M, count))

    size, girth = rng.uniform(0.85, 1.15, count), rng.uniform(0.9, 1.3, count)
    turn = upright @ rotation_y(rng.normal(0, 1.0, count))
    socket = SHOULDER * np.where(rng.random((count, 1)) < 0.5, [1.0, 1.0, 1.0], [-1.0, 1.0, 1.0])
    chest = shoulder - np.einsum("nij,nj->ni", turn, size[:, None] * socket)
    belly = chest + 0.2 * size[:, None] * turn[:, :, 1]
    there = (np.linalg.norm(belly - elbow, axis=1) > _CLEAR_M) & (rng.random(count) < _TRUNK)
    return gather(arm, where(there, trunk(chest, turn, size, girth)))
