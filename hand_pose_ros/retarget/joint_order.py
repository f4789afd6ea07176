"""Between an engine's joints, in its own order, and those that a robot is commanded by.

In: the names in the engine's order and the robot's description. Out: the joints that are driven, and the two ways
between positions of these and of all.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hand_pose_ros.retarget.engine import Array
from hand_pose_ros.retarget.robot_description import RobotDescription


class JointOrder:
    """``driven``: the names that the engine moves, without joints that only follow another, in the engine's order."""

    def __init__(
        self, names: Sequence[str], description: RobotDescription, targets: Sequence[str] | None
    ) -> None:
        self._names = tuple(names)
        moving = description.moving
        self.driven = tuple(name for name in names if name in moving and (targets is None or name in targets))
        self._indices = np.array([self._names.index(name) for name in self.driven], np.intp)
        self._followers = [
            (self._names.index(joint.name), self._names.index(joint.follows[0]), *joint.follows[1:])
            for joint in description.joints
            if joint.follows is not None and joint.name in names and joint.follows[0] in names
        ]

    def take(self, positions: Array) -> Array:
        """All positions in the engine's order -> the driven ones (K,)."""
        return np.asarray(positions.take(self._indices), np.float64)

    def complete(self, driven: Array) -> Array:
        """Driven positions (K,) -> all in the engine's order: what follows a joint with it, what stays at 0."""
        positions = np.zeros(len(self._names))
        positions[self._indices] = driven
        for follower, leader, multiplier, offset in self._followers:
            positions[follower] = multiplier * positions[leader] + offset
        return positions
