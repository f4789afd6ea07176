"""Tables that an arm comes over: nothing passes through the hand or its arm, things stand on them, hands are seen."""

from __future__ import annotations

import numpy as np
import pytest

from hand_pose_ros.datasets.synthetic import SyntheticConfig, SyntheticHands
from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.kinematics_numba import forward_joints
from hand_pose_ros.synthetic.crop_surroundings import SceneConfig
from hand_pose_ros.synthetic.household import OBJECT_PARTS, reach_along
from hand_pose_ros.synthetic.poses import sample_angles, sample_view_rotations
from hand_pose_ros.synthetic.solids import BOX, ELLIPSOID, NOTHING, Solids, nothing, take
from hand_pose_ros.synthetic.workbench import BENCH_SOLIDS, sample_workbenches

COUNT = 300


def drawn(seed: int = 5) -> tuple[np.ndarray, np.ndarray, Solids]:
    """-> joints (N, 23, 3), elbows' directions (N, 3), benches."""
    rng = np.random.default_rng(seed)
    rotation = sample_view_rotations(COUNT, rng)
    angles = sample_angles(COUNT, rng)
    at = np.zeros(3)
    joints = np.stack(
        [forward_joints("right", r, at, a, np.zeros(9))[0] for r, a in zip(rotation, angles, strict=True)]
    )
    joints -= joints.mean(axis=1, keepdims=True)
    elbow = -rotation[:, :, 0]
    return joints, elbow, sample_workbenches(joints, elbow, nothing(COUNT, 3), rng)


def unit_distance(solids: Solids, points: np.ndarray) -> np.ndarray:
    """(N, K, P): norm of the points in the solids' own units, 1 on their surfaces; inf where there is none."""
    local = np.einsum("nkij,nkpj->nkpi", solids.axes, points[:, None] - solids.centre[:, :, None])
    norm = np.where(
        (solids.kind == BOX)[..., None], np.abs(local).max(axis=-1),
        np.where((solids.kind == ELLIPSOID)[..., None], np.linalg.norm(local, axis=-1),
                 np.maximum(np.linalg.norm(local[..., :2], axis=-1), np.abs(local[..., 2]))),
    )  # fmt: skip
    return np.where((solids.kind == NOTHING)[..., None], np.inf, norm)


def test_no_joint_and_no_point_of_the_arm_lies_in_a_table_or_in_what_stands_on_it():
    joints, elbow, benches = drawn()
    wrist = joints[:, list(skeleton.WRIST_JOINTS)].mean(axis=1)
    arm = wrist[:, None] + np.linspace(0.0, 0.2, 9)[:, None] * elbow[:, None]
    assert unit_distance(benches, np.concatenate([joints, arm], axis=1)).min() > 1.0


def test_things_stand_on_their_table():
    _, _, benches = drawn()
    down = benches.axes[:, 0, 2] / np.linalg.norm(benches.axes[:, 0, 2], axis=1, keepdims=True)
    there = benches.kind[:, 0] != NOTHING
    thick = 1.0 / np.linalg.norm(benches.axes[there, 0, 2], axis=1)
    top = np.einsum("ni,ni->n", benches.centre[there, 0], down[there]) - thick
    some = 0
    for first in range(1, BENCH_SOLIDS, OBJECT_PARTS):
        thing = Solids(*(values[there, first : first + OBJECT_PARTS] for values in benches))
        seen = (thing.kind != NOTHING).any(axis=1)
        some += seen.sum()
        np.testing.assert_allclose(reach_along(take(thing, seen), down[there][seen]), top[seen], atol=1e-9)
    assert some > 0.5 * there.sum()


def test_most_hands_are_at_a_table_and_seen():
    joints, _, benches = drawn()
    assert (benches.kind[:, 0] != NOTHING).mean() > 0.7
    # Rays from far away: those to a joint that meet a solid before it.
    steps = np.linspace(0.0, 0.5, 60)
    rays = joints[:, :, None] - steps[:, None] * [0.0, 0.0, 1.0]
    met = unit_distance(benches, rays.reshape(COUNT, -1, 3)) < 1.0
    hidden = met.any(axis=1).reshape(COUNT, joints.shape[1], -1).any(axis=2).mean(axis=1)
    assert hidden.mean() < 0.15
    assert np.quantile(hidden, 0.95) < 0.6


def test_a_table_is_seen_from_above():
    _, _, benches = drawn()
    there = benches.kind[:, 0] != NOTHING
    assert (benches.axes[there, 0, 2, 2] > 0).all()


def test_the_same_seed_draws_the_same():
    for one, other in zip(drawn(3)[2], drawn(3)[2], strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_crops_without_a_bench_are_as_they_were_and_those_with_one_show_the_same_hands():
    plain = SyntheticHands(SyntheticConfig(identities=2, noise=False, scene=SceneConfig(bench=0.0)))
    benched = SyntheticHands(SyntheticConfig(identities=2, noise=False, scene=SceneConfig(bench=0.5)))
    without, with_ = plain.batch(11, 32), benched.batch(11, 32)
    np.testing.assert_array_equal(without.joints, with_.joints)
    changed = (without.crop != with_.crop).any(axis=(1, 2, 3))
    assert 0.25 < changed.mean() < 0.75
