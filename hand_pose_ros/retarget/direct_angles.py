"""The engine ``direct``: a robot's joints as sums of the person's angles, with gains, offsets and couplings.

In: a hand's 20 angles. Out: the robot's joints in the order of its configuration. It needs no other package, no URDF
and no search; what it cannot do is bring the robot's fingertips together where the person's are.
"""

from __future__ import annotations

import numpy as np

from hand_pose_ros.hand.skeleton import ANGLE_NAMES
from hand_pose_ros.retarget.engine import Array, OperatorHand
from hand_pose_ros.retarget.robot_config import DirectJoint


class DirectAngles:
    """positions = matrix @ angles + offsets, with what joints add to those after them worked in."""

    name = "direct"

    def __init__(self, joints: tuple[DirectJoint, ...]) -> None:
        self.joint_names = tuple(joint.name for joint in joints)
        self._matrix = np.zeros((len(joints), len(ANGLE_NAMES)))
        self._offsets = np.array([float(joint.offset) for joint in joints])
        for row, joint in enumerate(joints):
            for angle, gain in joint.angles.items():
                self._matrix[row, ANGLE_NAMES.index(angle)] += gain
            for leader, gain in (joint.coupled or {}).items():
                before = self.joint_names.index(leader)
                self._matrix[row] += gain * self._matrix[before]
                self._offsets[row] += gain * self._offsets[before]

    def retarget(self, hand: OperatorHand) -> Array:
        """The robot's joints (K,)."""
        return np.asarray(self._matrix @ hand.angles + self._offsets)

    def start_from(self, positions: Array) -> None:
        """Nothing: each answer depends on its hand alone."""
