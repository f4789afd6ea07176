"""Crops without a hand: of every kind, repeatable, something in the middle to be mistaken for one."""

from __future__ import annotations

import numpy as np
import pytest

from hand_pose_ros.datasets.synthetic import SyntheticHands
from hand_pose_ros.datasets.synthetic_config import SyntheticConfig
from hand_pose_ros.synthetic.negatives import KINDS, sample_negatives
from hand_pose_ros.synthetic.solids import NOTHING, Solids


def test_every_kind_is_drawn_and_the_same_generator_draws_the_same():
    scenes, kind = sample_negatives(400, np.random.default_rng(1))
    again, same = sample_negatives(400, np.random.default_rng(1))
    assert set(kind) == set(range(len(KINDS)))
    assert np.array_equal(kind, same)
    assert all(np.array_equal(a, b) for a, b in zip(scenes.solids, again.solids, strict=True))


def test_a_face_has_all_its_parts_and_an_empty_scene_none():
    scenes, kind = sample_negatives(400, np.random.default_rng(2))
    drawn = (scenes.solids.kind != NOTHING).sum(axis=1)
    assert set(drawn[kind == KINDS.index("face")]) == {6, 7}  # with something before it now and then
    empty = kind == KINDS.index("empty")
    assert (drawn[empty] == 0).all()
    assert np.isnan(scenes.planes[empty]).all()


def test_a_nose_stands_out_of_its_face():
    scenes, kind = sample_negatives(600, np.random.default_rng(3))
    face = kind == KINDS.index("face")
    skull, nose = scenes.solids.centre[face, 0], scenes.solids.centre[face, 2]
    distance = np.linalg.norm(np.einsum("nij,nj->ni", scenes.solids.axes[face, 0], nose - skull), axis=1)
    assert (distance > 0.8).mean() > 0.9
    assert (nose[:, 2] < skull[:, 2]).mean() > 0.9


def test_a_cup_rests_upright_on_its_table_and_nothing_of_it_is_below():
    scenes, kind = sample_negatives(3000, np.random.default_rng(6))
    cups = kind == KINDS.index("cup")
    solids = Solids(*(values[cups, :4] for values in scenes.solids))
    normal, offset = scenes.planes[cups, :3], scenes.planes[cups, 3]
    mouth = solids.axes[:, 0, 2] / np.linalg.norm(solids.axes[:, 0, 2], axis=1, keepdims=True)
    stands = np.einsum("ni,ni->n", mouth, -normal) > 0.9999
    assert stands.mean() > 0.25
    half = (np.abs(np.einsum("nkij,nj->nki", solids.axes, normal)) / (solids.axes**2).sum(axis=-1)).sum(
        axis=-1
    )
    lowest = (np.einsum("nki,ni->nk", solids.centre, normal) + half)[stands]
    assert lowest.max(axis=1) == pytest.approx(offset[stands], abs=1e-6)


def test_solids_have_orthogonal_axes():
    scenes, _ = sample_negatives(300, np.random.default_rng(4))
    axes = scenes.solids.axes[scenes.solids.kind != NOTHING]
    product = axes @ axes.swapaxes(1, 2)
    off = product - np.einsum("nii->ni", product)[:, :, None] * np.eye(3)
    assert np.abs(off).max() < 1e-6 * product.max()


@pytest.mark.slow  # the first time it compiles the renderer that training uses
def test_the_last_crops_of_a_batch_show_no_hand_and_have_no_label():
    config = SyntheticConfig(identities=2, negative_fraction=0.5)
    batch = SyntheticHands(config).batch(1, 32)
    assert batch.crop.shape[0] == batch.distance.shape[0] == 32
    for name in ("joints", "angles", "rotation", "translation", "shape", "family"):
        assert len(getattr(batch, name)) == 16, name
    # Most of them show something in the middle of the crop.
    middle = batch.crop[16:, 0, 24:72, 24:72]
    assert ((middle < 1.0).mean(axis=(1, 2)) > 0.02).mean() > 0.6
