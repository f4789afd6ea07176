"""Egocentric views and views from above: shares, rotations, directions, the tables behind them."""

from __future__ import annotations

import numpy as np
import pytest

from hand_pose_ros.datasets.synthetic import SyntheticHands, synthetic_source
from hand_pose_ros.datasets.synthetic_config import SyntheticConfig
from hand_pose_ros.hand import skeleton
from hand_pose_ros.synthetic.crop_surroundings import SceneConfig
from hand_pose_ros.synthetic.poses import (
    sample_angles,
    sample_fists,
    sample_view_rotations,
    sample_wrist_bends,
    template_joints,
)
from hand_pose_ros.synthetic.skinning import skin_vertices
from hand_pose_ros.synthetic.subjects import load_subjects
from hand_pose_ros.synthetic.table_contact import TABLE_GAP_M, sample_tables
from hand_pose_ros.synthetic.view_families import FAMILIES, ViewConfig, with_view_families

COUNT = 2000


def views(**shares: float):
    rotation = sample_view_rotations(COUNT, np.random.default_rng(1))
    return rotation, with_view_families(rotation, ViewConfig(**shares), (0, 7))


def test_without_shares_nothing_changes_and_with_them_only_the_share():
    rotation, same = views()
    assert np.array_equal(rotation, same.rotation)
    rotation, some = views(egocentric=0.2, above=0.3)
    share = np.bincount(some.family, minlength=len(FAMILIES)) / COUNT
    assert share == pytest.approx([0.5, 0.2, 0.3], abs=0.04)
    assert np.array_equal(rotation[some.family == 0], some.rotation[some.family == 0])


@pytest.mark.parametrize("name", FAMILIES[1:])
def test_families_are_rotations_and_no_arm_comes_straight_from_the_camera(name):
    _, some = views(**{name: 1.0})
    product = some.rotation @ some.rotation.swapaxes(1, 2)
    assert np.abs(product - np.eye(3)).max() < 1e-9
    assert np.linalg.det(some.rotation) == pytest.approx(1.0)
    assert some.rotation[:, 2, 0].max() < 0.85


def test_egocentric_hands_point_up_in_the_picture_and_mostly_away():
    _, some = views(egocentric=1.0)
    along = some.rotation[:, :, 0]
    assert (along[:, 1] < 0).mean() > 0.95
    assert (along[:, 2] > 0).mean() > 0.8


def test_hands_from_above_lie_flat_with_the_back_up_in_every_direction():
    _, some = views(above=1.0)
    along, back = some.rotation[:, :, 0], some.rotation[:, :, 2]
    assert (np.abs(along[:, 2]) < 0.75).mean() > 0.9
    assert (back[:, 2] < -0.5).mean() > 0.5
    assert np.abs(along[:, :2].mean(axis=0)).max() < 0.06


def test_tables_lie_2_to_25_mm_behind_all_of_a_hand_and_its_arm():
    subjects = load_subjects(("makehuman", "webxr"), 2, 9)
    count, rng = 80, np.random.default_rng(3)
    subject = rng.integers(len(subjects), size=count)
    rotation = with_view_families(np.tile(np.eye(3), (count, 1, 1)), ViewConfig(above=1.0), (0, 1)).rotation
    posed = subjects.pose(
        subject, sample_angles(count, rng), rotation, np.zeros((count, 3)), sample_wrist_bends(count, rng)
    )
    forearm = np.tile([0.2, np.inf, 1.0], (count, 1))
    planes = sample_tables(subjects, subject, posed.skinning, forearm, np.arange(count) < 60, rng)
    there = np.isfinite(planes[:, 3])
    assert there[:60].mean() > 0.6
    assert not there[60:].any()
    for n in np.flatnonzero(there):
        first, last = subjects.vertex_range[subject[n]]
        out = np.empty((last - first, 3), np.float32)
        skin_vertices(
            subjects.vertices[first:last], subjects.bone_index[first:last], subjects.bone_weight[first:last],
            posed.skinning[n].astype(np.float32), out,
        )  # fmt: skip
        seen = subjects.along_forearm[first:last] <= 0.2
        gap = planes[n, 3] - (out[seen] @ planes[n, :3]).max()
        assert TABLE_GAP_M[0] - 1e-5 <= gap <= TABLE_GAP_M[1] + 1e-5
        assert planes[n, 2] > 0.3
    assert np.linalg.norm(planes[there, :3], axis=1) == pytest.approx(1.0)


@pytest.mark.slow  # it compiles the renderer that training uses
def test_tables_change_the_crops_and_not_the_labels():
    plain = SyntheticHands(SyntheticConfig(identities=2, noise=False)).batch(3, 16)
    table = SyntheticHands(SyntheticConfig(identities=2, noise=False, scene=SceneConfig(table=1.0))).batch(
        3, 16
    )
    assert np.array_equal(plain.joints, table.joints)
    filled = [(batch.crop < 1).mean() for batch in (plain, table)]
    assert filled[1] > filled[0] + 0.1
    # Only what is not hand is covered: the tables are behind.
    assert (table.crop <= plain.crop + 1e-6).mean() > 0.97


def test_fists_are_closed():
    angles = sample_fists(200, np.random.default_rng(1))
    assert (angles >= skeleton.ANGLE_LIMITS[:, 0]).all()
    assert (angles <= skeleton.ANGLE_LIMITS[:, 1]).all()
    joints = template_joints(angles)
    tips = joints[:, list(skeleton.TIP_JOINTS)[1:]]
    assert np.linalg.norm(tips - joints[:, :1], axis=-1).max() < 0.07


def test_sections_of_a_recipe_reach_the_configuration():
    data = {"negatives": {"objects": 0.3}, "views": {"above": 0.2}, "scene": {"table": 0.1}}
    config = synthetic_source(data, 0).config
    assert (config.negatives.objects, config.views.above, config.scene.table) == (0.3, 0.2, 0.1)
    with pytest.raises(ValueError, match=r"views.sum of shares is 1.2, want at most 1"):
        ViewConfig(egocentric=0.6, above=0.6)
