"""Whether what a tracker says is a hand can be one: a check of the benches, apart from the tracker's own.

In: the numbers of a published hand, metres and radians in the camera's optical frame. Out: why it is impossible, or
None.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.hand.skeleton import (
    ANGLE_LIMITS,
    FITTED_SHAPE_LIMIT,
    JOINT_COUNT,
    TEMPLATE_BONE_LENGTHS,
    bone_lengths,
)

Array = NDArray[np.float64]

_SLACK_RAD = 1e-3  # rounding, as messages carry some numbers as float32
_SLACK_ROTATION = 1e-3
# A bone: its own log scale times the size of the hand, both within FITTED_SHAPE_LIMIT, and rounding.
_MOST_LOG_LENGTH = 2.0 * FITTED_SHAPE_LIMIT + 1e-2


def impossible_hand(
    joints: Array, angles: Array, rotations: Array, confidence: float, joint_confidence: Array
) -> str | None:
    """Why a hand cannot be one, None when it can.

    :param joints: (23, 3) m as ``skeleton.JOINT_NAMES``.
    :param angles: (20,) rad as ``skeleton.ANGLE_NAMES``.
    :param rotations: (n, 3, 3) of the palm or of all segments.
    :param confidence: a probability.
    :param joint_confidence: (23,) probabilities.
    """
    if joints.shape != (JOINT_COUNT, 3) or angles.shape != (len(ANGLE_LIMITS),):
        return f"joints {joints.shape} and angles {angles.shape} are not a hand's"
    if not all(np.isfinite(value).all() for value in (joints, angles, rotations, joint_confidence)):
        return "numbers are not finite"
    if not 0.0 <= confidence <= 1.0 or (joint_confidence < 0.0).any() or (joint_confidence > 1.0).any():
        return "a confidence is no probability"
    if joints[:, 2].min() <= 0.0:
        return "joints are behind the camera"
    if (angles < ANGLE_LIMITS[:, 0] - _SLACK_RAD).any() or (angles > ANGLE_LIMITS[:, 1] + _SLACK_RAD).any():
        return "angles are outside their limits"
    squares = rotations @ np.swapaxes(rotations, -1, -2)
    if np.abs(squares - np.eye(3)).max() > _SLACK_ROTATION or (np.linalg.det(rotations) < 0.0).any():
        return "a frame is no rotation"
    if np.abs(np.log(bone_lengths(joints) / TEMPLATE_BONE_LENGTHS)).max() > _MOST_LOG_LENGTH:
        return "a bone is longer or shorter than any hand's"
    return None
