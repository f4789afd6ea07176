"""What an engine of retargeting is: a person's hand in, a robot's joint positions out.

In: :class:`OperatorHand`, one hand of one moment. Out: positions (K,) of the robot's joints by name, rad (m for
prismatic ones). Engines are stateful where they start from their last answer. The human vectors that dex-retargeting's
three kinds of objective are given are made here, for every engine that speaks its format.
"""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]


class OperatorHand(NamedTuple):
    """A person's hand as engines take it."""

    side: str
    """right or left."""
    points: Array
    """(21, 3) m in the operator's frame, see ``hand.joint_sets.operator_points``."""
    angles: Array
    """(20,) rad as ``hand.skeleton.ANGLE_NAMES``."""


class RetargetEngine(Protocol):
    """Maps a person's hand to a robot's joints."""

    name: str
    """As the parameter ``engine`` calls it."""
    joint_names: tuple[str, ...]
    """The K joints that it moves, in the order of its answers; no joint of the robot that only follows another."""

    def retarget(self, hand: OperatorHand) -> Array:
        """The robot's joints (K,) for this hand. ValueError where the hand cannot be used."""
        ...

    def start_from(self, positions: Array) -> None:
        """The next answer is looked for near these positions (K,)."""
        ...


def dexpilot_pairs(fingers: int) -> IntArray:
    """(2, V): origin and task of the vectors that DexPilot's objective compares, 0 the wrist, 1 the thumb's tip, 2 and
    on the other fingers': every pair of tips (from the later one to the earlier), then from the wrist to each tip.

    The order of ``generate_link_indices`` of dex-retargeting (after Handa et al., DexPilot, 2020), which is the order
    in which dexi-rs takes them too.
    """
    pairs = [(later, earlier) for earlier, later in combinations(range(1, fingers + 1), 2)]
    pairs += [(0, finger) for finger in range(1, fingers + 1)]
    return np.array(pairs, np.int64).T


def human_vectors(kind: str, indices: IntArray, points: Array) -> Array:
    """What an objective of a kind compares with the robot: points (21, 3) -> (V, 3), in the same unit and frame.

    ``indices``: (2, V) origin and task points for ``vector`` and ``dexpilot``, (V,) points for ``position``.
    """
    # By take: indexing with arrays takes three times as long.
    if kind == "position":
        return np.asarray(points.take(indices, 0), np.float64)
    return np.asarray(points.take(indices[1], 0) - points.take(indices[0], 0), np.float64)
