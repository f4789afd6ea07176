"""Second hands: beside the labelled ones, never through them."""

from __future__ import annotations

import numpy as np
import pytest

from hand_pose_ros.synthetic.other_hands import sample_other_hands
from hand_pose_ros.synthetic.poses import sample_angles, sample_view_rotations
from hand_pose_ros.synthetic.subjects import load_subjects


def drawn(share: float, count: int = 64):
    rng = np.random.default_rng(5)
    subjects = load_subjects(("makehuman",), 2, 9)
    subject = rng.integers(len(subjects), size=count)
    joints = subjects.pose(
        subject, sample_angles(count, rng), sample_view_rotations(count, rng), np.zeros((count, 3))
    ).joints
    return subjects, subject, joints, sample_other_hands(subjects, joints, subject, share, rng)


def test_no_share_no_hands():
    assert len(drawn(0.0)[3].beside) == 0


@pytest.mark.slow
def test_the_skin_of_a_second_hand_stays_out_of_the_first():
    subjects, subject, joints, others = drawn(1.0)
    assert len(others.beside) > 40
    apart = []
    for n, skinning in zip(others.beside, others.hands.skinning[:, 0], strict=True):
        first, last = subjects.vertex_range[subject[n]]
        hand = subjects.along_forearm[first:last] < -0.01
        rest = subjects.vertices[first:last][hand]
        weight, bone = subjects.bone_weight[first:last][hand], subjects.bone_index[first:last][hand]
        moved = np.einsum("vkij,vj->vki", skinning[bone][..., :3], rest) + skinning[bone][..., 3]
        skin = np.einsum("vk,vki->vi", weight, moved)
        apart.append(np.linalg.norm(skin[:, None] - joints[n], axis=-1).min())
    # A joint lies about a centimetre below its own skin; nothing of the other hand comes that near.
    assert (np.array(apart) > 0.006).mean() > 0.95


def test_three_of_four_are_mirrored():
    _, _, _, others = drawn(1.0, 128)
    turn = others.hands.skinning[:, 0, 0, :, :3]
    assert 0.55 < (np.linalg.det(turn) < 0).mean() < 0.92
    assert np.array_equal(np.linalg.det(turn) < 0, others.hands.left[:, 0])
