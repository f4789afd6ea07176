"""A finger's angles read off its joints in closed form, in numba: the start of the online solver.

In: joints (23, 3) m with weights, the palm's rotation. Out: angles (20,) rad within their limits. The palm's rotation
comes from :func:`hand_pose_ros.hand.rotations_numba.kabsch`. Nothing here checks its input.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.hand.rotations_numba import rotate_back
from hand_pose_ros.hand.skeleton import FINGER_ANGLE_TABLE, FINGER_JOINT_TABLE
from hand_pose_ros.kernel_cache import njit

Array = NDArray[np.float64]

# Of a bone's length: what must lie across the flexion axis for the bone to show its finger's abduction. A bone bent up
# by more than 73 degrees shows mostly noise there (guessed).
_LEAST_FLAT = 0.3


@njit(cache=True, nogil=True)
def read_angles(
    joints: Array, weights: Array, rotation: Array, rest: Array, sign: float, limits: Array, angles: Array
) -> None:
    """Each finger's angles from its bones' directions, clipped into the limits (20, 2), into ``angles`` (20,).

    ``angles`` keep their values where an end of the bone has no weight. rest (5, 3, 3) and sign: the side's, see
    :mod:`hand_pose_ros.hand.kinematics_numba`.
    """
    for f in range(5):
        frame = rotation @ rest[f]
        x, y, previous = 1.0, 0.0, 0.0
        for i in range(3):
            near, far = FINGER_JOINT_TABLE[f, i], FINGER_JOINT_TABLE[f, i + 1]
            angle = FINGER_ANGLE_TABLE[f, i + 1]
            if weights[near] == 0 or weights[far] == 0:
                previous += angles[angle]
                continue
            bone = rotate_back(frame, joints[far] - joints[near])
            if i == 0:
                flat = np.sqrt(bone[0] ** 2 + bone[1] ** 2)
                if flat > _LEAST_FLAT * np.sqrt((bone * bone).sum()):
                    x, y = bone[0] / flat, bone[1] / flat
                    if x < 0:  # bent by more than a right angle: it points back along its own plane
                        x, y = -x, -y
                abduction = FINGER_ANGLE_TABLE[f, 0]
                bend = sign * np.arctan2(y, x)
                bend = min(max(bend, limits[abduction, 0]), limits[abduction, 1])
                angles[abduction] = bend
                x, y = np.cos(bend), sign * np.sin(bend)
            flexion = np.arctan2(-bone[2], bone[0] * x + bone[1] * y)
            difference = flexion - previous
            difference -= 2 * np.pi * np.round(difference / (2 * np.pi))
            low, high = limits[angle]
            angles[angle] = min(max(difference, low), high)
            previous = flexion
