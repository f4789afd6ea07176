"""Where a robot's fingertips are, and how far apart in a pinch.

In: a robot ready to be driven, positions of its joints (K,). Out: points and distances in metres.
"""

from __future__ import annotations

import numpy as np

from hand_pose_ros.hand.skeleton import FINGERS
from hand_pose_ros.retarget.engine import Array
from hand_pose_ros.retarget.parallel_gripper import opening_m
from hand_pose_ros.retarget.retargeter import Retargeter


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
