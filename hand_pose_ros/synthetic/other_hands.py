"""A second hand in the picture: beside, behind or before the labelled one, as near as it goes without touching it.

In: a SubjectSet, the labelled hands' joints (N, 23, 3) m in crop-local frames, their subjects. Out: skinning
matrices of the other hands in the same frames.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.hand import skeleton
from hand_pose_ros.synthetic.poses import sample_angles, sample_view_rotations, sample_wrist_bends
from hand_pose_ros.synthetic.rotations import random_directions
from hand_pose_ros.synthetic.subjects import SubjectSet

Array = NDArray[np.float64]

_APART_M = (0.07, 0.085, 0.10, 0.12, 0.15)
"""Distances between the middles of two hands that are tried, the nearest first. Guessed: from a palm's width on."""
_GAP_M = 0.026
"""How near joints of the two hands may come. Guessed: the thickness of two fingers, so that no skin passes another."""


class OtherHands(NamedTuple):
    """M hands that stand beside the labelled ones of some samples."""

    beside: NDArray[np.intp]
    """(M,): the samples that they stand beside."""
    skinning: Array
    """(M, 17, 3, 4), in those samples' local frames."""


def sample_other_hands(
    subjects: SubjectSet, joints: Array, subject: NDArray[np.int64], share: float, rng: np.random.Generator
) -> OtherHands:
    """Hands of the same subjects (N,), mostly their left ones, beside a ``share`` of the hands (N, 23, 3) local m."""
    beside = np.flatnonzero(rng.random(len(joints)) < share)
    count = len(beside)
    posed = subjects.pose(
        subject[beside], sample_angles(count, rng) if count else np.empty((0, skeleton.ANGLE_COUNT)),
        sample_view_rotations(count, rng), np.zeros((count, 3)), sample_wrist_bends(count, rng),
    )  # fmt: skip
    mirror = np.where(rng.random(count) < 0.75, -1.0, 1.0)
    shape, skinning = posed.joints.copy(), posed.skinning.copy()
    shape[..., 0] *= mirror[:, None]
    skinning[:, :, 0] *= mirror[:, None, None]
    skinning[..., 3] -= shape.mean(axis=1)[:, None]
    shape -= shape.mean(axis=1, keepdims=True)
    way = random_directions(count, rng, (1.0, 1.0, 0.8))
    own = joints[beside] - joints[beside].mean(axis=1, keepdims=True)
    free = np.zeros(count, bool)
    place = np.zeros((count, 3))
    # As near as they go without passing through each other.
    for apart in _APART_M:
        moved = shape + apart * way[:, None]
        gap = np.linalg.norm(own[:, :, None] - moved[:, None], axis=-1).min(axis=(1, 2))
        fits = ~free & (gap > _GAP_M)
        place[fits] = apart * way[fits]
        free |= fits
    skinning[..., 3] += (place + joints[beside].mean(axis=1))[:, None]
    return OtherHands(beside[free], skinning[free])


def mirrored_hands(others: OtherHands, hand: NDArray[np.intp], skinning: Array, mirror: Array) -> OtherHands:
    """``others``, where mirror images of the hands (M,) with skinning (M, 17, 3, 4) stand instead: the other hand of a
    person who holds a thing with both. mirror (M, 6): a point (m) and the unit normal of the plane, local frames."""
    point, normal = mirror[:, :3], mirror[:, 3:]
    across = np.eye(3) - 2.0 * normal[:, :, None] * normal[:, None]
    image = np.einsum("mij,msjk->msik", across, skinning)
    image[..., 3] += 2.0 * (np.einsum("mi,mi->m", point, normal)[:, None] * normal)[:, None]
    stays = ~np.isin(others.beside, hand)
    return OtherHands(
        np.concatenate([others.beside[stays], hand]), np.concatenate([others.skinning[stays], image])
    )
