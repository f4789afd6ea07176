"""A second hand in the picture: beside, behind or before the labelled one, as near as it goes without touching it.

In: a SubjectSet, the labelled hands' joints (N, 23, 3) m in crop-local frames, their subjects. Out: the other
hands in the same frames.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.hand import skeleton
from hand_pose_ros.synthetic.poses import sample_angles, sample_view_rotations, sample_wrist_bends
from hand_pose_ros.synthetic.rotations import random_directions
from hand_pose_ros.synthetic.scene import SceneHands, pose_hands
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
    hands: SceneHands
    """(M, 1), in those samples' local frames, their forearms unset."""

    def added_to(self, first: SceneHands) -> SceneHands:
        """Hands (N, 1) with these as second ones (N, 2), whose forearms are like the first ones'."""
        own = replace(self.hands, forearm=first.forearm[self.beside])
        columns = []
        for one in fields(SceneHands):
            values = getattr(first, one.name)
            second = np.zeros_like(values)
            second[self.beside] = getattr(own, one.name)
            columns.append(np.concatenate([values, second], axis=1))
        return SceneHands(*columns)


def sample_other_hands(
    subjects: SubjectSet, joints: Array, subject: NDArray[np.int64], share: float, rng: np.random.Generator
) -> OtherHands:
    """Hands of the same subjects (N,), mostly their left ones, beside a ``share`` of the hands (N, 23, 3) local m."""
    beside = np.flatnonzero(rng.random(len(joints)) < share)
    count = len(beside)
    angles = sample_angles(count, rng) if count else np.empty((0, skeleton.ANGLE_COUNT))
    rotation, bends = sample_view_rotations(count, rng), sample_wrist_bends(count, rng)
    others = pose_hands(
        subjects, subject[beside, None], angles[:, None], rotation[:, None], np.zeros((count, 1, 3)), bends[:, None],
        np.zeros((count, 1, 3)), rng.random((count, 1)) < 0.75,
    )  # fmt: skip
    others = others.shifted(-others.middle)
    way = random_directions(count, rng, (1.0, 1.0, 0.8))
    own = joints[beside] - joints[beside].mean(axis=1, keepdims=True)
    free = np.zeros(count, bool)
    place = np.zeros((count, 3))
    # As near as they go without passing through each other.
    for apart in _APART_M:
        moved = others.joints[:, 0] + apart * way[:, None]
        gap = np.linalg.norm(own[:, :, None] - moved[:, None], axis=-1).min(axis=(1, 2))
        fits = ~free & (gap > _GAP_M)
        place[fits] = apart * way[fits]
        free |= fits
    others = others.shifted((place + joints[beside].mean(axis=1))[:, None])
    return OtherHands(beside[free], others.of(free))


def mirrored_hands(
    others: OtherHands, hand: NDArray[np.intp], labelled: SceneHands, mirror: Array
) -> OtherHands:
    """``others``, where mirror images of the labelled (N, 1) hands (M,) stand instead: the other hand of a person who
    holds a thing with both. mirror (M, 6): a point (m) and the unit normal of the plane, local frames."""
    point, normal = mirror[:, :3], mirror[:, 3:]
    across = np.eye(3) - 2.0 * normal[:, :, None] * normal[:, None]
    shift = 2.0 * np.einsum("mi,mi->m", point, normal)[:, None] * normal
    own = labelled.of(hand)
    skinning = np.einsum("mij,mhsjk->mhsik", across, own.skinning)
    skinning[..., 3] += shift[:, None, None]
    image = replace(
        own,
        left=~own.left,
        rotation=np.einsum("mij,mhjk->mhik", across, own.rotation) * skeleton.PALM_MIRROR,
        joints=np.einsum("mij,mhkj->mhki", across, own.joints) + shift[:, None, None],
        elbow=np.einsum("mij,mhj->mhi", across, own.elbow) + shift[:, None],
        skinning=skinning,
    )
    stays = ~np.isin(others.beside, hand)
    kept = others.hands.of(stays)
    both = (np.concatenate([getattr(part, one.name) for part in (kept, image)]) for one in fields(SceneHands))
    return OtherHands(np.concatenate([others.beside[stays], hand]), SceneHands(*both))
