"""Synthetic crops: repeatable, labelled where the pixels are, splits apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from hand_pose_ros.datasets.synthetic import Recrop, SyntheticHands
from hand_pose_ros.datasets.synthetic_config import SyntheticConfig
from hand_pose_ros.depth.crop import CropFrame
from hand_pose_ros.hand.kinematics import HandModelLayer
from hand_pose_ros.synthetic.crop_surroundings import SceneConfig
from hand_pose_ros.synthetic.splits import VALIDATION_SPLIT

# The renderer is compiled anew in every process.
pytestmark = pytest.mark.slow

BARE = SyntheticConfig(identities=2, noise=False, scene=SceneConfig(0, 0, 0, 0))


@pytest.fixture(scope="module")
def hands() -> SyntheticHands:
    return SyntheticHands(BARE)


def test_a_seed_gives_the_same_batch_always_and_another_seed_another(hands):
    first, again, other = hands.batch(1, 8), SyntheticHands(BARE).batch(1, 8), hands.batch(2, 8)
    for name, value in vars(first).items():
        assert np.array_equal(value, getattr(again, name)), name
    assert not np.array_equal(first.crop, other.crop)


def test_the_same_seed_in_another_split_shows_other_hands(hands):
    other = SyntheticHands(replace(BARE, split=VALIDATION_SPLIT)).batch(1, 8)
    assert not np.allclose(other.angles, hands.batch(1, 8).angles)


def test_crops_and_labels_have_the_promised_ranges(hands):
    batch = hands.batch(3, 64)
    assert batch.crop.shape == (64, 1, 96, 96)
    assert batch.crop.dtype == np.float32
    assert np.abs(batch.crop).max() <= 1.0
    assert ((batch.distance >= BARE.distance_m[0]) & (batch.distance <= BARE.distance_m[1])).all()
    assert set(batch.family) == {0, 1}
    centre = batch.joints.mean(axis=1)
    assert np.abs(centre.mean()) < 0.006
    assert centre.std() == pytest.approx(BARE.centre_jitter_m, rel=0.25)


def test_joints_lie_under_the_surface_that_the_crop_shows(hands):
    batch = hands.batch(4, 96)
    # An arm that comes from the camera reaches before the cube and hides the hand: those hands are left out here.
    facing = np.flatnonzero(batch.rotation[:, 2, 0] < 0.4)
    assert len(facing) > 48
    below = []
    for n in facing:
        frame = CropFrame(np.array([0.0, 0.0, batch.distance[n]]))
        joints, crop = batch.joints[n].astype(float), batch.crop[n, 0]
        pixel = np.rint(frame.crop_to_pixel(frame.local_to_crop(joints)[:, :2])).astype(int)
        inside = ((pixel >= 2) & (pixel < 94)).all(axis=1)
        column, row = pixel[inside].T
        near = (
            np.min([crop[row + r, column + c] for r in (-1, 0, 1) for c in (-1, 0, 1)], axis=0) * frame.half
        )
        below.append(joints[inside, 2] - near)
    depth = np.concatenate(below)
    # A joint may be hidden far below something nearer, but never floats before the skin or beside the hand.
    assert (depth > -0.012).mean() > 0.995
    assert 0.003 < np.median(depth) < 0.03


def test_another_crop_of_the_same_picture_shows_the_same_hand_upright_in_its_middle():
    config = SyntheticConfig(identities=2, margin_m=0.125)
    first = SyntheticHands(config).batch(4, 16)
    same = Recrop(np.zeros((16, 3)), np.zeros(16))
    assert np.array_equal(SyntheticHands(config).batch(4, 16, same).crop, first.crop)
    second = SyntheticHands(config).batch(4, 16, Recrop.about(first.joints))
    assert np.abs(second.joints.mean(axis=1)).max() < 1e-5
    along = second.joints[:, 7:23:4].mean(axis=1) - second.joints[:, 1:3].mean(axis=1)
    seen = np.hypot(along[:, 0], along[:, 1]) > 0.03
    assert seen.sum() > 8
    # The view turns a little with the centre that is looked at, so "up" is up to that.
    assert np.degrees(np.abs(np.arctan2(along[seen, 0], -along[seen, 1]))).max() < 15
    # The same points of the camera frame: their ranges from the camera agree.
    ranges = []
    for batch in (first, second):
        camera = np.array([0.0, 0.0, 1.0], np.float32) * batch.distance[:, None]
        ranges.append(np.linalg.norm(batch.joints + camera[:, None], axis=-1))
    assert np.allclose(*ranges, atol=1e-5)
    _assert_labels_agree(second)
    with pytest.raises(ValueError, match="recrop has shapes"):
        SyntheticHands(config).batch(4, 16, Recrop(np.zeros((4, 3)), np.zeros(4)))


def test_a_tracked_hand_is_upright_and_nearer_to_the_middle():
    tracked = SyntheticHands(replace(BARE, tracked=1.0)).batch(3, 256)
    some = SyntheticHands(replace(BARE, tracked=0.5)).batch(3, 256)
    assert tracked.joints.mean(axis=1).std() == pytest.approx(BARE.centre_jitter_m / 3, rel=0.25)
    assert tracked.joints.mean(axis=1).std() < some.joints.mean(axis=1).std() < BARE.centre_jitter_m
    along = tracked.rotation[:, :2, 0]
    seen = np.linalg.norm(along, axis=1) > 0.5
    off = np.degrees(np.arctan2(along[seen, 0], -along[seen, 1]))
    assert abs(off.mean()) < 3
    assert 5 < off.std() < 25
    _assert_labels_agree(tracked)


def _assert_labels_agree(batch):
    parts = {name: torch.from_numpy(value) for name, value in vars(batch).items()}
    frames = HandModelLayer().frames_from_rotation(
        parts["rotation"], parts["translation"], parts["angles"], parts["shape"]
    )
    error = (frames.joints - parts["joints"]).norm(dim=-1)
    assert error.mean() < 0.006
    assert torch.allclose(frames.joints[:, 0], parts["joints"][:, 0], atol=1e-5)


def test_an_edge_of_the_picture_takes_away_what_lies_beyond_and_changes_nothing_else():
    whole = SyntheticHands(replace(BARE, tracked=1.0)).batch(4, 64)
    cut = SyntheticHands(replace(BARE, tracked=1.0, border=0.5)).batch(4, 64)
    assert np.array_equal(cut.joints, whole.joints)
    changed = cut.crop != whole.crop
    assert 0.3 < changed.any(axis=(1, 2, 3)).mean() < 0.6
    assert (cut.crop[changed] == 1.0).mean() > 0.99  # pixels on the edge itself take medians of fewer


def test_a_hand_found_by_what_an_edge_left_of_it_lies_outwards_of_the_crops_middle():
    whole = SyntheticHands(BARE).batch(4, 256)
    cut = SyntheticHands(replace(BARE, border=1.0)).batch(4, 256)
    moved = (cut.joints - whole.joints)[:, 0]
    assert np.abs(moved).max() < 0.07
    assert 0.005 < np.linalg.norm(moved, axis=1).mean() < 0.05
    blank = (cut.crop == 1.0).mean(axis=(1, 2, 3)) - (whole.crop == 1.0).mean(axis=(1, 2, 3))
    assert (blank > -0.01).mean() > 0.9


def test_angles_pose_and_shape_explain_the_joints(hands):
    _assert_labels_agree(hands.batch(5, 32))


def test_noise_and_scenes_change_the_picture_and_not_the_truth(hands):
    bare, noisy = hands.batch(6, 16), SyntheticHands(SyntheticConfig(identities=2)).batch(6, 16)
    assert np.array_equal(bare.angles, noisy.angles)
    assert not np.array_equal(bare.crop, noisy.crop)


def test_one_family_alone_can_be_asked_for():
    only = SyntheticHands(replace(BARE, families=("webxr",)))
    assert set(only.batch(0, 8).family) == {0}


@pytest.mark.parametrize(
    "field, value",
    [
        ("families", ()), ("identities", 0), ("distance_m", (0.1, 0.5)), ("patch_px", (8, 100)),
        ("centre_jitter_m", -0.1), ("tracked", 1.5), ("margin_m", 0.5),
    ],
)  # fmt: skip
def test_settings_that_make_no_sense_are_named(field, value):
    with pytest.raises(ValueError, match=field):
        replace(BARE, **{field: value})


def test_an_empty_batch_and_an_unknown_family_are_refused():
    with pytest.raises(ValueError, match="count is 0"):
        SyntheticHands(BARE).batch(0, 0)
    with pytest.raises(ValueError, match="mano"):
        SyntheticHands(replace(BARE, families=("mano",))).batch(0, 1)


def test_a_share_seen_by_stereo_leaves_the_other_crops_as_they_were() -> None:
    before = SyntheticHands(SyntheticConfig(identities=2, negative_fraction=0.25)).batch(11, 32)
    config = SyntheticConfig(identities=2, negative_fraction=0.25, stereo=0.5)
    after = SyntheticHands(config).batch(11, 32)
    same = (before.crop == after.crop).all(axis=(1, 2, 3))
    np.testing.assert_array_equal(before.angles, after.angles)
    np.testing.assert_array_equal(before.distance[same], after.distance[same])
    assert 8 <= same.sum() <= 24
    assert not same[24:].all(), "negatives are seen by stereo, too"


def test_a_picture_matched_by_stereo_is_the_same_when_it_is_cropped_again() -> None:
    hands = SyntheticHands(SyntheticConfig(identities=2, margin_m=0.125, stereo=1.0, border=0.5))
    first = hands.batch(12, 16)
    again = hands.batch(12, 16, Recrop(np.zeros((16, 3)), np.zeros(16)))
    np.testing.assert_allclose(again.crop, first.crop, atol=1e-5)
    turned = hands.batch(12, 16, Recrop(np.zeros((16, 3)), np.full(16, np.pi / 2)))
    quarter = np.rot90(first.crop, axes=(2, 3))
    other = np.rot90(first.crop, -1, axes=(2, 3))
    alike = min(np.abs(turned.crop - picture).mean() for picture in (quarter, other))
    assert alike < 0.01


def test_without_noise_there_is_no_stereo_either() -> None:
    exact = SyntheticHands(SyntheticConfig(identities=2, noise=False)).batch(13, 4)
    asked = SyntheticHands(SyntheticConfig(identities=2, noise=False, stereo=1.0)).batch(13, 4)
    np.testing.assert_array_equal(exact.crop, asked.crop)


def test_grasps_change_the_hands_that_hold_something_and_no_other():
    scene = replace(BARE.scene, grasp=0.5)
    config = replace(BARE, scene=scene)
    without, with_things = SyntheticHands(BARE).batch(6, 64), SyntheticHands(config).batch(6, 64)
    changed = (without.angles != with_things.angles).any(axis=1)
    assert 16 < changed.sum() < 48
    for name in ("crop", "joints", "rotation", "translation", "distance", "shape", "family"):
        assert np.array_equal(getattr(without, name)[~changed], getattr(with_things, name)[~changed]), name


def test_a_held_thing_is_seen_in_the_crop():
    """Beside the hand's own pixels many others are filled, and the joints still lie under the hand's surface."""
    config = replace(BARE, scene=replace(BARE.scene, grasp=1.0))
    held, empty = SyntheticHands(config).batch(7, 64), SyntheticHands(BARE).batch(7, 64)
    assert np.abs(held.joints.mean(axis=1)).max() < 5 * BARE.centre_jitter_m
    assert (held.crop < 1.0).mean() > 1.15 * (empty.crop < 1.0).mean()
