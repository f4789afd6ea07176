"""Synthetic operators' hands: what a robot's hand is driven by in a bench, without pictures.

In: a side, a seed, or a distance of a pinch. Out: ``OperatorHand`` of the template hand; the same seed, the same hands.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from hand_pose_ros.hand.joint_sets import operator_points
from hand_pose_ros.hand.kinematics_numba import forward_joints
from hand_pose_ros.hand.skeleton import (
    ANGLE_COUNT,
    ANGLE_LIMITS,
    FINGER_ANGLE_TABLE,
    FINGERS,
    SHAPE_COUNT,
    TIP_JOINTS,
)
from hand_pose_ros.retarget.engine import OperatorHand
from hand_pose_ros.synthetic.motion import KEYFRAME_S, minimum_jerk
from hand_pose_ros.synthetic.poses import sample_angles
from hand_pose_ros.synthetic.random_streams import SeedStream

Array = NDArray[np.float64]


def operator_hand(side: str, angles: Array) -> OperatorHand:
    """The template hand with these angles (20,) rad."""
    joints, _ = forward_joints(side, np.eye(3), np.zeros(3), angles, np.zeros(SHAPE_COUNT))
    return OperatorHand(side, operator_points(joints, np.eye(3)), np.asarray(angles, np.float64))


@cache
def pinch_angles(gap_m: float, finger: str = "index") -> Array:
    """Angles (20,) rad of a hand whose thumb's and finger's tips are ``gap_m`` apart, bone to bone, the other fingers
    half open: the pose nearest to a relaxed one with that distance, a least squares problem."""
    other = FINGERS.index(finger)
    moving = FINGER_ANGLE_TABLE[[0, other]].ravel()
    relaxed = np.zeros(ANGLE_COUNT)
    relaxed[FINGER_ANGLE_TABLE[:, 1:3].ravel()] = 0.4
    lower, upper = ANGLE_LIMITS[moving].T

    def residuals(values: Array) -> Array:
        angles = relaxed.copy()
        angles[moving] = values
        joints, _ = forward_joints("right", np.eye(3), np.zeros(3), angles, np.zeros(SHAPE_COUNT))
        gap = np.linalg.norm(joints[TIP_JOINTS[0]] - joints[TIP_JOINTS[other]])
        return np.append(0.01 * (values - relaxed[moving]), 1e3 * (gap - gap_m))

    solution = least_squares(residuals, np.clip(relaxed[moving], lower, upper), bounds=(lower, upper))
    angles = relaxed.copy()
    angles[moving] = solution.x
    angles.setflags(write=False)
    return angles


def moving_angles(seed: int, times_s: Array) -> Array:
    """A hand that moves from random pose to random pose: (T, 20) rad at times (T,) s from 0 on."""
    count = int(np.max(times_s) / KEYFRAME_S) + 2
    poses = sample_angles(count, np.random.default_rng([SeedStream.OPERATOR_HANDS, seed]))
    key, share = np.divmod(np.asarray(times_s) / KEYFRAME_S, 1.0)
    index = key.astype(np.int64)
    smooth = minimum_jerk(share)[:, None]
    return np.asarray((1 - smooth) * poses[index] + smooth * poses[index + 1])
