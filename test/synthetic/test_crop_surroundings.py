"""What surrounds a hand in a crop: nothing passes through it."""

from __future__ import annotations

import numpy as np

from hand_pose_ros.synthetic.crop_surroundings import SceneConfig, sample_crop_surroundings
from hand_pose_ros.synthetic.solids import BOX, NOTHING


def hands(count: int = 200) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.04, (count, 23, 3)).clip(-0.1, 0.1)


def test_no_joint_lies_behind_the_wall_or_inside_an_object():
    joints = hands()
    scenes = sample_crop_surroundings(joints, SceneConfig(1.0, 1.0, 1.0, 1.0), np.random.default_rng(1))
    gap = scenes.planes[:, 3:] - np.einsum("nji,ni->nj", joints, scenes.planes[:, :3])
    assert (gap > 0.02).all()
    there = scenes.solids.kind != NOTHING
    offset = joints[:, :, None] - scenes.solids.centre[:, None]
    inside = np.linalg.norm(np.einsum("nkij,npkj->npki", scenes.solids.axes, offset), axis=-1)
    assert (inside > 1.0)[np.broadcast_to(there[:, None], inside.shape)].all()
    assert there.all(axis=0).sum() == 4


def test_shares_of_zero_leave_the_hand_alone():
    scenes = sample_crop_surroundings(hands(), SceneConfig(0, 0, 0, 0), np.random.default_rng(1))
    assert np.isnan(scenes.planes).all()
    assert (scenes.solids.kind == NOTHING).all()


def test_what_is_held_lies_between_the_fingers_and_touches_no_joint():
    joints = hands()
    config = SceneConfig(0, 0, 0, 0, held=1.0)
    scenes = sample_crop_surroundings(joints, config, np.random.default_rng(3))
    held = scenes.solids.kind != NOTHING
    assert held.sum() == len(joints)
    slot = held.argmax(axis=1)
    rows = np.arange(len(joints))
    offset = joints - scenes.solids.centre[rows, slot][:, None]
    inside = np.einsum("nij,nkj->nki", scenes.solids.axes[rows, slot], offset)
    assert (np.linalg.norm(inside, axis=-1) > 1.0).all()
    assert 0.2 < (scenes.solids.kind[rows, slot] == BOX).mean() < 0.6
