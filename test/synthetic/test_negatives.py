"""Crops without a hand: of every kind, repeatable, something in the middle to be mistaken for one."""

from __future__ import annotations

import numpy as np

from hand_pose_ros.datasets.synthetic import SyntheticConfig, SyntheticHands
from hand_pose_ros.synthetic.negatives import KINDS, sample_negatives


def test_every_kind_is_drawn_and_the_same_generator_draws_the_same():
    scenes, kind = sample_negatives(400, np.random.default_rng(1))
    again, same = sample_negatives(400, np.random.default_rng(1))
    assert set(kind) == set(range(len(KINDS)))
    assert np.array_equal(kind, same)
    assert np.array_equal(scenes.centres, again.centres, equal_nan=True)


def test_a_face_has_all_its_parts_and_an_empty_scene_none():
    scenes, kind = sample_negatives(400, np.random.default_rng(2))
    drawn = np.isfinite(scenes.centres[..., 0]).sum(axis=1)
    assert (drawn[kind == KINDS.index("face")] == 6).all()
    empty = kind == KINDS.index("empty")
    assert (drawn[empty] == 0).all()
    assert np.isnan(scenes.planes[empty]).all()


def test_a_nose_stands_out_of_its_face():
    scenes, kind = sample_negatives(600, np.random.default_rng(3))
    face = kind == KINDS.index("face")
    skull, nose = scenes.centres[face, 0], scenes.centres[face, 2]
    distance = np.linalg.norm(np.einsum("nij,nj->ni", scenes.axes[face, 0], nose - skull), axis=1)
    assert (distance > 0.8).mean() > 0.9
    assert (nose[:, 2] < skull[:, 2]).mean() > 0.9


def test_bodies_are_ellipsoids_or_boxes_with_orthogonal_axes():
    scenes, _ = sample_negatives(300, np.random.default_rng(4))
    axes = scenes.axes[np.isfinite(scenes.centres[..., 0])]
    product = axes @ axes.swapaxes(1, 2)
    off = product - np.einsum("nii->ni", product)[:, :, None] * np.eye(3)
    assert np.abs(off).max() < 1e-6 * product.max()


def test_the_last_crops_of_a_batch_show_no_hand_and_have_no_label():
    config = SyntheticConfig(identities=2, nothing=0.5)
    batch = SyntheticHands(config).batch(1, 32)
    assert batch.crop.shape[0] == batch.distance.shape[0] == 32
    for name in ("joints", "angles", "rotation", "translation", "shape", "family"):
        assert len(getattr(batch, name)) == 16, name
    # Most of them show something in the middle of the crop.
    middle = batch.crop[16:, 0, 24:72, 24:72]
    assert ((middle < 1.0).mean(axis=(1, 2)) > 0.02).mean() > 0.6
