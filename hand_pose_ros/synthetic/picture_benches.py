"""Work benches in whole pictures: the table of ``synthetic.workbench`` about the first hand of a picture.

In: scenes (N) of whole pictures, what their first hands hold, a share. Out: the same scenes, a share of them with a
table whose edge the first arm comes over, and things on it, instead of a wall. In pictures without a hand the table is
there, and nobody at it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.hand.skeleton import WRIST_JOINTS
from hand_pose_ros.synthetic.scene import Scenes
from hand_pose_ros.synthetic.solids import NOTHING, Solids, padded, put, take
from hand_pose_ros.synthetic.workbench import BENCH_SOLIDS, distances, sample_workbenches

Array = NDArray[np.float64]

_CLEAR_M = 0.015
"""Joints of the second hand are so far from table and things: a finger's half and a little more. Guessed."""


def with_benches(scenes: Scenes, held: Solids, share: float, stream: tuple[int, ...]) -> Scenes:
    """held (N, K): what the first hands hold; stream: seeds. No bench stands where it would be in a second hand."""
    rng = np.random.default_rng(stream)
    hands = scenes.hands
    chosen = rng.random(len(hands.present)) < share
    joints = hands.joints[:, 0]
    elbow = hands.elbow[:, 0] - joints[:, list(WRIST_JOINTS)].mean(axis=1)
    elbow = elbow / np.maximum(np.linalg.norm(elbow, axis=1, keepdims=True), 1e-9)
    benches = sample_workbenches(joints, elbow, held, rng)
    there = benches.kind[:, 0] != NOTHING
    for slot in range(1, hands.present.shape[1]):
        clear = (distances(benches, hands.joints[:, slot]) > _CLEAR_M).all(axis=1)
        there &= clear | ~hands.present[:, slot]
    rows = np.flatnonzero(chosen & there)
    planes = scenes.planes.copy()
    planes[rows] = np.nan
    first = scenes.solids.kind.shape[1]
    solids = padded(scenes.solids, first + BENCH_SOLIDS)
    put(solids, rows, take(benches, rows), first)
    return replace(scenes, planes=planes, solids=solids)
