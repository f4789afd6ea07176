"""Work benches in scenes: the table of ``synthetic.workbench`` about the first hand of a crop or of a whole picture.

In: scenes (N), shares, seeds. Out: the same scenes, a share of them with a table whose edge the first arm comes over,
and things on it, instead of a wall. In pictures without a hand the table is there, and nobody at it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.hand.skeleton import WRIST_JOINTS
from hand_pose_ros.synthetic.crop_surroundings import HELD_SLOT
from hand_pose_ros.synthetic.scene import SceneHands, Scenes
from hand_pose_ros.synthetic.skinning import FOREARM
from hand_pose_ros.synthetic.solids import NOTHING, Solids, padded, put, take
from hand_pose_ros.synthetic.subjects import SubjectSet
from hand_pose_ros.synthetic.workbench import BENCH_SOLIDS, distances, sample_workbenches

Array = NDArray[np.float64]

_CLEAR_M = 0.015
"""Joints of the second hand are so far from table and things: a finger's half and a little more. Guessed."""


def crops_at_benches(
    subjects: SubjectSet, around: Scenes, posed: SceneHands, beside: NDArray[np.intp], share: float,
    stream: tuple[int, ...],
) -> Scenes:  # fmt: skip
    """What is around the first hands (N, 1), a share of them at a bench; none of those in ``beside``, where another
    hand would be in its way. stream: seeds."""
    rng = np.random.default_rng(stream)
    chosen = rng.random(len(around.planes)) < share
    chosen[beside] = False
    rows = np.flatnonzero(chosen)
    rest = subjects.rest_rotations[posed.subject[rows, 0], FOREARM]
    elbow = -(posed.skinning[rows, 0, FOREARM, :, :3] @ rest)[:, :, 0]
    kind, centre, axes = take(around.solids, rows)
    held = Solids(kind[:, HELD_SLOT:], centre[:, HELD_SLOT:], axes[:, HELD_SLOT:])
    return _with_benches(around, rows, sample_workbenches(posed.joints[rows, 0], elbow, held, rng))


def pictures_at_benches(scenes: Scenes, held: Solids, share: float, stream: tuple[int, ...]) -> Scenes:
    """held (N, K): what the first hands hold; stream: seeds. No bench stands where it would be in a second hand."""
    rng = np.random.default_rng(stream)
    hands = scenes.hands
    chosen = rng.random(len(hands.present)) < share
    joints = hands.joints[:, 0]
    elbow = hands.elbow[:, 0] - joints[:, list(WRIST_JOINTS)].mean(axis=1)
    elbow = elbow / np.maximum(np.linalg.norm(elbow, axis=1, keepdims=True), 1e-9)
    benches = sample_workbenches(joints, elbow, held, rng)
    for slot in range(1, hands.present.shape[1]):
        clear = (distances(benches, hands.joints[:, slot]) > _CLEAR_M).all(axis=1)
        chosen &= clear | ~hands.present[:, slot]
    rows = np.flatnonzero(chosen)
    return _with_benches(scenes, rows, take(benches, rows))


def _with_benches(scenes: Scenes, rows: NDArray[np.intp], benches: Solids) -> Scenes:
    """The scenes with benches (M) in those of ``rows`` (M,), which lose their walls where there is a bench."""
    planes, first = scenes.planes.copy(), scenes.solids.kind.shape[1]
    planes[rows[benches.kind[:, 0] != NOTHING]] = np.nan
    solids = padded(scenes.solids, first + BENCH_SOLIDS)
    put(solids, rows, benches, first)
    return replace(scenes, planes=planes, solids=solids)
