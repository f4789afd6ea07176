"""Whole pictures to learn detection from: repeatable, the truth lies on the cells, the two sides mirror each other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hand_pose_ros.datasets.full_frames import FullFrames
from hand_pose_ros.datasets.full_scenes import FullFrameConfig
from hand_pose_ros.detection.detector_input import COLUMNS, OUT_COLUMNS, OUT_ROWS, ROWS, STRIDE
from hand_pose_ros.synthetic.splits import CHOICE_SPLIT, VALIDATION_SPLIT
from hand_pose_ros.synthetic.surroundings_config import SurroundingsConfig

# The renderer is compiled anew in every process.
pytestmark = pytest.mark.slow

BARE = SurroundingsConfig(**dict.fromkeys(SurroundingsConfig.__dataclass_fields__, 0.0))
CONFIG = FullFrameConfig(split=VALIDATION_SPLIT, identities=2)


@pytest.fixture(scope="module")
def clean():
    return FullFrames(replace(CONFIG, scene=BARE, noise=False, hands=(0.0, 1.0, 0.0))).batch(3, 48)


def test_a_batch_is_a_function_of_the_seed():
    a, b = FullFrames(CONFIG).batch(5, 6), FullFrames(CONFIG).batch(5, 6)
    assert np.array_equal(a.z, b.z)
    assert np.array_equal(a.centre, b.centre)
    assert not np.array_equal(a.z, FullFrames(CONFIG).batch(6, 6).z)
    assert not np.array_equal(a.z, FullFrames(replace(CONFIG, split=CHOICE_SPLIT)).batch(5, 6).z)


def test_shapes_and_what_lies_outside_the_image():
    batch = FullFrames(CONFIG).batch(0, 12)
    assert batch.z.shape == batch.cell.shape == (12, ROWS, COLUMNS)
    assert batch.rays.shape == (12, OUT_ROWS, OUT_COLUMNS, 3)
    assert (batch.z[batch.cell == 0] == 0).all()
    filled = (batch.cell > 0).any(axis=1).sum(axis=1)
    assert (filled <= COLUMNS).all()
    assert (filled > 0.8 * COLUMNS).all()


def test_the_middle_of_a_hand_lies_behind_its_surface(clean):
    whole = clean.inside[:, 0] & (clean.visible[:, 0] > 0.9)
    assert whole.sum() > 20
    near = []
    for n in np.flatnonzero(whole):
        focal = 1 / clean.cell[n].max()
        centre = clean.centre[n, 0]
        # The first output cell's ray goes through cell (STRIDE - 1) / 2.
        first = 0.5 * (STRIDE - 1) - focal * clean.rays[n, 0, 0, :2]
        column, row = np.rint(first + focal * centre[:2] / centre[2]).astype(int)
        if clean.z[n, row, column] > 0:
            near.append(centre[2] - clean.z[n, row, column])
    # Spread fingers leave gaps, but most middles have the palm or fingers right before them, some just behind.
    assert len(near) > 0.85 * whole.sum()
    assert 0.0 < np.median(near) < 0.04
    assert (np.abs(near) < 0.08).mean() > 0.9


def test_the_visible_share_falls_when_something_hides_a_hand():
    config = replace(CONFIG, noise=False, hands=(0.0, 1.0, 0.0))
    bare = FullFrames(replace(config, scene=BARE)).batch(2, 64)
    hidden = FullFrames(replace(config, scene=replace(BARE, before=1.0))).batch(2, 64)
    both = bare.inside[:, 0]
    assert bare.visible[both, 0].mean() > 0.85
    assert hidden.visible[both, 0].mean() < bare.visible[both, 0].mean() - 0.1


def test_pictures_without_hands_have_none():
    batch = FullFrames(replace(CONFIG, hands=(1.0, 0.0, 0.0))).batch(4, 16)
    assert not batch.present.any()
    assert (batch.visible == 0).all()
    assert (batch.z > 0).any(axis=(1, 2)).mean() > 0.7, "but things in them"


def test_left_and_right_are_equally_many_and_two_hands_keep_apart():
    batch = FullFrames(replace(CONFIG, hands=(0.0, 0.0, 1.0))).batch(7, 300)
    assert batch.left[:, 0].mean() == pytest.approx(0.5, abs=0.1)
    assert (batch.left[:, 0] != batch.left[:, 1]).mean() == pytest.approx(0.9 + 0.1 * 0.5, abs=0.05)
    assert np.linalg.norm(batch.centre[:, 0] - batch.centre[:, 1], axis=1).min() > 0.1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hands": (0.5, 0.4, 0.0)}, "hands"),
        ({"distance_m": (0.1, 0.5)}, "distance_m"),
        ({"families": ()}, "families"),
        ({"focal": (2.0, 1.0)}, "focal"),
    ],
)
def test_wrong_settings_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        replace(CONFIG, **change)
    with pytest.raises(ValueError, match="table is 1.5"):
        SurroundingsConfig(table=1.5)
    with pytest.raises(ValueError, match="count"):
        FullFrames(CONFIG).batch(0, 0)


def test_a_share_seen_by_stereo_leaves_the_other_pictures_and_the_truth_as_they_were() -> None:
    before = FullFrames(FullFrameConfig(split=VALIDATION_SPLIT, identities=2)).batch(4, 16)
    after = FullFrames(FullFrameConfig(split=VALIDATION_SPLIT, identities=2, stereo=0.5)).batch(4, 16)
    same = (before.z == after.z).all(axis=(1, 2))
    assert 3 <= same.sum() <= 13
    np.testing.assert_array_equal(before.centre, after.centre)
    np.testing.assert_array_equal(before.visible[same], after.visible[same])
    assert (after.visible <= before.visible).all(), "the right camera sees less of what is at the left edge"


def test_grasps_leave_pictures_without_hands_as_they_are():
    scene = replace(BARE, grasp=1.0)
    empty = replace(CONFIG, scene=BARE, noise=False, hands=(1.0, 0.0, 0.0))
    assert np.array_equal(
        FullFrames(empty).batch(4, 6).z, FullFrames(replace(empty, scene=scene)).batch(4, 6).z
    )
    full = replace(empty, hands=(0.0, 1.0, 0.0))
    assert not np.array_equal(
        FullFrames(full).batch(4, 6).z, FullFrames(replace(full, scene=scene)).batch(4, 6).z
    )
