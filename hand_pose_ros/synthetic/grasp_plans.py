"""How hands reach for things before their fingers close.

In: hands (their links, metres), things. Out: :class:`GraspPlans` for ``synthetic.grasps`` to close. Palm frame of a
right hand: x to the fingers, y to the thumb, z out of the back of the hand. All numbers are guessed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hand_pose_ros.hand.kinematics_numba import REST_ROTATIONS
from hand_pose_ros.hand.skeleton import FINGERS, PALM_JOINT_POSITIONS
from hand_pose_ros.synthetic.grasps import HandLinks
from hand_pose_ros.synthetic.rotations import axes_with_third, rotation_x, rotation_y, rotation_z
from hand_pose_ros.synthetic.solids import NOTHING, Solids, gather, solid

Array = NDArray[np.float64]

GRASP_SOLIDS = 4
"""Solids of which a held thing is composed at most."""
INDEX, MIDDLE, RING, PINKY = (FINGERS.index(name) for name in ("index", "middle", "ring", "pinky"))


@dataclass(eq=False)
class GraspPlans:
    """N grasps before the fingers close."""

    solids: Solids
    """(N, GRASP_SOLIDS), in the palm frame."""
    way: Array
    """(N, 3): the direction in which the thing is moved until it is ``room`` off the palm; 0 where it stays."""
    room: Array
    """(N,) m."""
    start: Array
    """(N, 5, 4) rad: the fingers' angles before."""
    rate: Array
    """(N, 5, 3): how fast the flexions close, relative to each other; 0 for a finger that stays."""
    stop: Array
    """(N, 5, 3) rad: where flexions end that meet nothing."""
    fingers: NDArray[np.int64]
    """(N,): how many fingers besides the thumb touch at least."""
    thumb: NDArray[np.bool_]
    """(N,): whether the thumb touches."""
    preferred: Array
    """(N,) rad: the thumb's abduction that is preferred."""
    mirror: Array
    """(N, 6): a point (m) and the unit normal of the plane across which the other hand holds the same thing, NaN
    where there is none."""

    @classmethod
    def closing(
        cls,
        solids: Solids,
        rng: np.random.Generator,
        *,
        opened: float = -0.25,
        pip: tuple[float, float] = (0.7, 1.4),
        fan: tuple[float, float] = (0.15, 0.35),
    ) -> GraspPlans:
        """All fingers close round things (N, K) that come from before the palm; ``opened`` rad at the knuckles at
        first, the pips ``pip`` as fast, spread by a normal ``fan``: mean and deviation."""
        count = len(solids.kind)
        start = np.zeros((count, 5, 4))
        spread = np.array([0.0, 0.22, 0.03, -0.14, -0.32])
        start[..., 0] = rng.normal(*fan, (count, 1)) * spread + rng.normal(0, 0.03, (count, 5))
        start[:, 1:, 1] = opened
        rate = np.ones((count, 5, 3))
        rate[:, 1:, 1] = rng.uniform(*pip, (count, 1)) * rng.uniform(0.9, 1.1, (count, 4))
        rate[:, 1:, 2] = 0.62 * rate[:, 1:, 1] * rng.uniform(0.8, 1.2, (count, 4))
        stop = np.tile([1.45, 1.7, 1.05], (count, 5, 1))
        stop[:, 0] = [0.85, 1.0, 1.2]
        way = np.tile([0.0, 0.0, -1.0], (count, 1))
        return cls(
            held_in_hand(solids), way, np.zeros(count), start, rate, stop, np.full(count, 2), np.full(count, True),
            rng.uniform(-0.2, 0.75, count), np.full((count, 6), np.nan),
        )  # fmt: skip

    def keep(self, finger: int, abduction: ArrayLike, flexions: Array) -> None:
        """A finger that does not move: abduction (N,), flexions (N, 3) rad."""
        self.start[:, finger, 0] = abduction
        self.start[:, finger, 1:] = flexions
        self.rate[:, finger] = 0.0


def held_in_hand(thing: Solids) -> Solids:
    """A thing (N, K) with GRASP_SOLIDS solids: those that are not there have lengths, too, for the closing."""
    count, extra = len(thing.kind), GRASP_SOLIDS - thing.kind.shape[-1]
    return gather(thing, *[solid(NOTHING, np.zeros((count, 3)), np.ones((count, 3)))] * extra)


def pad(links: HandLinks, finger: int, angles: Array, share: float) -> tuple[Array, Array, Array]:
    """Fingers with angles (N, 4) -> of the last link, at this share of it: the skin of its pad (N, 3) m, where the pad
    faces (N, 3), and the side that faces the thumb (N, 3)."""
    return skin(links, finger, angles, 2, share)


def skin(links: HandLinks, finger: int, angles: Array, link: int, share: float) -> tuple[Array, Array, Array]:
    rest = REST_ROTATIONS["right"][finger]
    splay = rest @ rotation_z(angles[:, 0])
    place = links.bases[:, finger].copy()
    for i in range(link + 1):
        frame = splay @ rotation_y(angles[:, 1 : i + 2].sum(axis=1))
        along = links.lengths[:, finger, i, None] * (share if i == link else 1.0)
        place = place + along * frame[..., 0]
    radius = links.radii[:, finger, link, 1, None]
    return place - radius * frame[..., 2], -frame[..., 2], frame[..., 1]


def columns(*parts: ArrayLike) -> Array:
    return np.stack(np.broadcast_arrays(*parts), axis=-1).astype(np.float64)


def across_palm(tilt: Array, lift: Array) -> Array:
    """(N, 3, 3): axes, as rows, of things that lie across the palm, their third along the knuckles to the thumb's side:
    tilted by ``tilt`` to the fingers and lifted by ``lift`` off the palm."""
    turn = rotation_z(-tilt) @ rotation_x(-lift)
    return axes_with_third(turn[..., 1])


def in_hand_size(links: HandLinks, x: Array | float, y: Array | float, z: Array | float) -> Array:
    """Places (N, 3) in units of the hand's size: the distance from the palm to the knuckle of the middle finger."""
    size = links.bases[:, MIDDLE, 0] / PALM_JOINT_POSITIONS["middle_mcp"][0]
    return columns(x * size, y * size, z)
