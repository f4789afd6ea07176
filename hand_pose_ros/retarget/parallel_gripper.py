"""The engine ``gripper``: two parallel fingers as wide apart as the person's thumb and finger.

In: a hand's 21 points. Out: the gripper's joints. It needs no other package and no URDF.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hand_pose_ros.hand.joint_sets import JOINT_SETS, OPERATOR_SET
from hand_pose_ros.retarget.engine import Array, OperatorHand
from hand_pose_ros.retarget.robot_config import GripperConfig

_WIDEST_M = 0.3
"""Guessed: no gripper opens further, and one whose joints turn goes through more radians."""


class ParallelGripper:
    """Linear between the closed and the open end, and at rest beyond them."""

    name = "gripper"

    def __init__(self, config: GripperConfig) -> None:
        self.joint_names = tuple(str(name) for name in config.joints)
        self._config = config
        self._closed, self._open = np.array(list(config.joints.values()), np.float64).T
        names = JOINT_SETS[OPERATOR_SET].names
        self._tips = [names.index("thumb_tip"), names.index(f"{config.finger}_tip")]

    def width(self, hand: OperatorHand) -> float:
        """How far the gripper is open: 0 closed, 1 open."""
        thumb, finger = hand.points[self._tips]
        gap = float(np.linalg.norm(thumb - finger))
        return float(
            np.clip((gap - self._config.closed_m) / (self._config.open_m - self._config.closed_m), 0.0, 1.0)
        )

    def retarget(self, hand: OperatorHand) -> Array:
        """The gripper's joints (K,)."""
        return np.asarray(self._closed + self.width(hand) * (self._open - self._closed))

    def start_from(self, positions: Array) -> None:
        """Nothing: each answer depends on its hand alone."""


def opening_share(config: GripperConfig, positions: Mapping[str, float]) -> float:
    """How far a gripper with these positions of its joints, or of those that others follow, is open: 0 closed, 1
    open."""
    ends = {str(name): at for name, at in config.joints.items()}
    closed, opened = np.array([ends[name] for name in positions], np.float64).T
    ranges = np.abs(opened - closed)
    if not ranges.any():
        return 0.0
    return float((np.abs(np.array(list(positions.values())) - closed)).sum() / ranges.sum())


def whole_opening_m(config: GripperConfig) -> float | None:
    """How far apart (m) the fingers of a gripper go; None where its joints turn, which is taken of those that go
    further than _WIDEST_M together: nothing else says so without a URDF."""
    closed, opened = np.array(list(config.joints.values()), np.float64).T
    whole = float(np.abs(opened - closed).sum())
    return None if whole > _WIDEST_M else whole


def opening_m(config: GripperConfig, positions: Mapping[str, float]) -> float | None:
    """How far apart (m) the fingers of a gripper with these positions, as ``opening_share`` takes them, are; None where
    its joints turn."""
    whole = whole_opening_m(config)
    return None if whole is None else whole * opening_share(config, positions)
