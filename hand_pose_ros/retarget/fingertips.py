"""Where a robot's fingertips are, how far apart in a pinch, and whether they lie as those of a hand of its side.

In: a robot ready to be driven, positions of its joints (K,). Out: points and distances in metres, angles in radians.
"""

from __future__ import annotations

import numpy as np

from hand_pose_ros.hand.skeleton import FINGERS
from hand_pose_ros.retarget.engine import Array
from hand_pose_ros.retarget.parallel_gripper import opening_m
from hand_pose_ros.retarget.retargeter import Retargeter

_OPEN_TIPS: Array = np.array(
    [[0.39, 0.61, 0.69], [0.02, 0.18, 0.98], [0.0, 0.05, 1.0], [0.0, -0.06, 1.0], [0.03, -0.2, 0.98]]
)
"""(5, 3): the directions from the wrist to an open right hand's fingertips, thumb first, in the operator's frame.
Derived from the hand model's template with all angles at 0 (``operator_points``; test/retarget/test_fingertips.py)."""
_LEAST_M = 1e-6  # a tip that is nearer to the wrist is in no direction; guessed


def fingertips(robot: Retargeter, positions: Array) -> Array | None:
    """The robot's fingertips (F, 3) m from its wrist, in the axes of its root link; None where the configuration names
    none, or there is no description."""
    optimizer = robot.config.optimizer
    if robot.description is None or optimizer is None or not optimizer.finger_tip_link_names:
        return None
    frames = robot.description.link_frames(dict(zip(robot.engine.joint_names, positions, strict=True)))
    tips = np.array([frames[link][:3, 3] for link in optimizer.finger_tip_link_names])
    return np.asarray(tips - frames[optimizer.wrist_link_name or robot.description.root][:3, 3])


def pinch_gap_m(robot: Retargeter, positions: Array, finger: str) -> float | None:
    """How far apart the tips of the robot's thumb and of a finger are; None where it has no such finger, or nothing
    says where its tips are."""
    tips = fingertips(robot, positions)
    if tips is not None:
        number = FINGERS.index(finger)
        return float(np.linalg.norm(tips[0] - tips[number])) if number < len(tips) else None
    gripper = robot.config.gripper
    if robot.engine.name == "gripper" and gripper is not None and gripper.finger == finger:
        return opening_m(gripper, dict(zip(robot.engine.joint_names, positions.tolist(), strict=True)))
    return None


def turn_rad(robot: Retargeter, side: str) -> float | None:
    """How far the axes that the robot's fingertips are in are turned against the operator's frame of this side, by
    where they are when its joints are at 0 or at rest, what is nearer. Of a hand of the other side it is about pi. None
    where nothing says where they are, and of less than three, which say too little."""
    limits = robot.limits
    person = _OPEN_TIPS * (1.0, 1.0 if side == "right" else -1.0, 1.0)
    turns = []
    for positions in (np.zeros(len(limits.lower)), robot.rest):
        tips = fingertips(robot, np.clip(positions, limits.lower, limits.upper))
        if tips is None or len(tips) < 3:
            return None
        lengths = np.linalg.norm(tips, axis=1, keepdims=True)
        if (lengths > _LEAST_M).all():
            left, _, right = np.linalg.svd(person[: len(tips)].T @ (tips / lengths))
            left[:, 2] *= np.sign(np.linalg.det(left @ right))
            turns.append(float(np.arccos(np.clip(0.5 * (np.trace(left @ right) - 1.0), -1.0, 1.0))))
    return min(turns, default=None)
