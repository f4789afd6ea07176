"""An engine's joints without those that only follow others (``mimic``), which no driver is sent.

In: an engine whose joints a robot's file names, and the robot's description. Out: an engine of the driven ones among
them. The Panda's file, say, names both fingers; its URDF has the second follow the first, and controllers refuse a
command for it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hand_pose_ros.retarget.engine import Array, OperatorHand, RetargetEngine
from hand_pose_ros.retarget.robot_description import RobotDescription
from hand_pose_ros.validation import shown


class DrivenJoints:
    """The joints of these names of another engine."""

    def __init__(self, engine: RetargetEngine, names: Sequence[str]) -> None:
        self.name, self.joint_names = engine.name, tuple(names)
        self._engine = engine
        self._kept = np.array([engine.joint_names.index(name) for name in names], np.intp)
        self._positions = np.zeros(len(engine.joint_names))

    def retarget(self, hand: OperatorHand) -> Array:
        """The robot's joints (K,)."""
        return np.asarray(self._engine.retarget(hand).take(self._kept))

    def start_from(self, positions: Array) -> None:
        """The next answer is looked for near these positions (K,)."""
        self._positions[self._kept] = positions
        self._engine.start_from(self._positions.copy())


def driven_joints(engine: RetargetEngine, description: RobotDescription) -> RetargetEngine:
    """The engine without the joints that follow another one of its own."""
    follow = leaders(description)
    names = [name for name in engine.joint_names if follow.get(name) not in engine.joint_names]
    return engine if len(names) == len(engine.joint_names) else DrivenJoints(engine, names)


def require_driven(names: Sequence[str], description: RobotDescription) -> None:
    """ValueError names those that are no driven joints, one that only follows another with that one."""
    follow = leaders(description)
    for name in names:
        if name in follow:
            raise ValueError(
                f"{description.source}: joint {shown(name)} only follows {shown(follow[name])} (mimic), which is not"
                f" named: name {shown(follow[name])}"
            )
    description.require_joints(names)


def leaders(description: RobotDescription | None) -> dict[str, str]:
    """By each joint that follows another, the one that is driven; none where there is no description."""
    if description is None:
        return {}
    return {joint.name: joint.follows[0] for joint in description.joints if joint.follows is not None}
