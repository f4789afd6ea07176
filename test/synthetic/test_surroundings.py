"""Surroundings of single pictures: nothing stands in a hand, walls are behind it, and shares are kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hand_pose_ros.synthetic.scene import SceneHands
from hand_pose_ros.synthetic.solids import BOX, NOTHING
from hand_pose_ros.synthetic.surroundings import sample_surroundings
from hand_pose_ros.synthetic.surroundings_config import SurroundingsConfig

COUNT = 400
NONE = dict.fromkeys(SurroundingsConfig.__dataclass_fields__, 0.0)
VIEW = np.tile([[0.67, 0.5]], (COUNT, 1))


def hands(present: bool = True) -> SceneHands:
    rng = np.random.default_rng(1)
    middle = rng.uniform([-0.2, -0.15, 0.4], [0.2, 0.15, 0.9], (COUNT, 2, 3))
    joints = middle[:, :, None] + rng.normal(0, 0.03, (COUNT, 2, 23, 3))
    there = np.tile([present, False], (COUNT, 1))
    none = SceneHands.none(COUNT)
    elbow, left = middle + [0.0, 0.25, 0.1], np.zeros((COUNT, 2), bool)
    return replace(none, present=there, joints=joints, elbow=elbow, left=left)


def size_of(solids, points: np.ndarray) -> np.ndarray:
    """(N, K): how far points (N, 3) are from each solid's middle in units of its half axes (largest coordinate)."""
    local = np.einsum("nkij,nkj->nki", solids.axes, points[:, None] - solids.centre)
    return np.where(solids.kind == NOTHING, np.inf, np.abs(local).max(axis=-1))


@pytest.mark.slow
def test_things_keep_clear_of_the_hand_and_the_table_lies_below():
    there = hands()
    rng = np.random.default_rng(2)
    for name in ("thing", "heap", "cup", "mug", "gripper", "elbow", "chair", "face", "body"):
        solids = sample_surroundings(there, VIEW, SurroundingsConfig(**{**NONE, name: 1.0}), rng).solids
        drawn = solids.kind != NOTHING
        assert drawn.any(axis=1).mean() > 0.4, name
        # The owner's body may touch the hand here and there, as bodies do.
        assert (size_of(solids, there.middle[:, 0]).min(axis=1) > 1.0).mean() > (
            0.98 if name == "body" else 0.9999
        )
    solids = sample_surroundings(there, VIEW, SurroundingsConfig(**{**NONE, "table": 1.0}), rng).solids
    assert ((solids.kind == BOX).sum(axis=1) == 1).all()
    assert (size_of(solids, there.middle[:, 0]).min(axis=1) > 1.0).mean() > 0.97


@pytest.mark.slow
def test_the_distance_to_a_segment_is_the_least_to_its_points():
    there = hands()
    rng = np.random.default_rng(5)
    start, end = rng.normal(0, 0.5, (2, COUNT, 3)) + [0.0, 0.0, 0.6]
    along = [there.apart(start + share * (end - start)) for share in np.linspace(0, 1, 401)]
    assert there.beside(start, end) == pytest.approx(np.min(along, axis=0), abs=2e-3)
    assert np.isinf(hands(False).beside(start, end)).all()


def test_walls_stand_behind_every_joint():
    there = hands()
    walls = sample_surroundings(
        there, VIEW, SurroundingsConfig(**{**NONE, "wall": 1.0}), np.random.default_rng(3)
    ).planes
    depth = np.einsum("njk,nk->nj", there.joints[:, 0], walls[:, :3])
    assert (depth.max(axis=1) < walls[:, 3]).all()
    assert np.linalg.norm(walls[:, :3], axis=1) == pytest.approx(1.0)


def test_what_belongs_to_hands_is_not_where_there_are_none():
    config = SurroundingsConfig(**{**NONE, "body": 1.0, "held": 1.0, "before": 1.0})
    solids = sample_surroundings(hands(False), VIEW, config, np.random.default_rng(4)).solids
    assert (solids.kind == NOTHING).all()
    solids = sample_surroundings(hands(), VIEW, config, np.random.default_rng(4)).solids
    assert (solids.kind != NOTHING).any(axis=1).all()


@pytest.mark.slow
def test_faces_alone_come_as_often_as_asked():
    config = SurroundingsConfig(**{**NONE, "face_alone": 0.5})
    solids = sample_surroundings(hands(False), VIEW, config, np.random.default_rng(5)).solids
    assert (solids.kind != NOTHING).any(axis=1).mean() == pytest.approx(0.5, abs=0.08)
    walls = sample_surroundings(hands(), VIEW, SurroundingsConfig(**NONE), np.random.default_rng(5)).planes
    assert np.isnan(walls).all()


@pytest.mark.parametrize("name", ["household", "robot", "furniture", "stump", "tube"])
def test_lookalikes_keep_clear_of_hands_and_leave_all_else_as_it_is(name):
    other = SurroundingsConfig()
    with_it = replace(other, **{name: 1.0})
    rng, again = np.random.default_rng(4), np.random.default_rng(4)
    before = sample_surroundings(hands(), VIEW, other, rng, np.random.default_rng(1))
    after = sample_surroundings(hands(), VIEW, with_it, again, np.random.default_rng(1))
    solids, more = before.solids, after.solids
    old = solids.kind.shape[1]
    assert np.array_equal(before.planes, after.planes, equal_nan=True)
    assert np.array_equal(solids.centre, more.centre[:, :old])
    assert more.kind.shape[1] > old
    there = more.kind[:, old:] != NOTHING
    assert there.any(axis=1).mean() > 0.2
    middle = hands().middle[:, :1]  # the second hands are not there
    gap = np.linalg.norm(more.centre[:, old:, None] - middle[:, None], axis=-1).min(axis=2)
    assert gap[there].min() > 0.11


def test_close_tables_lie_just_behind_every_joint():
    walls = sample_surroundings(
        hands(), VIEW, SurroundingsConfig(**{**NONE, "table_close": 1.0}), np.random.default_rng(4)
    ).planes
    there = hands()
    deep = np.einsum("nhji,ni->nhj", there.joints, walls[:, :3]).max(axis=2)
    gap = walls[:, 3] - np.where(there.present, deep, -np.inf).max(axis=1)
    assert (gap > 0.01).all()
