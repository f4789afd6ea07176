"""Where synthetic crops look: local frames of crops and of hands, and edges of pictures."""

from __future__ import annotations

import numpy as np
import pytest

from hand_pose_ros.datasets.crop_views import Borders, Crops, directions, rolls_upright
from hand_pose_ros.depth.crop import CropFrame
from hand_pose_ros.hand.hand_state import random_hands

CENTRES = np.array([[0.1, -0.05, 0.5], [-0.2, 0.1, 0.8], [0.0, 0.0, 0.4]])
VIEW = np.stack([CropFrame(centre, 0.3, 96).view for centre in CENTRES])
POINTS = np.random.default_rng(0).uniform(-0.1, 0.1, (3, 5, 3))


def test_crop_about_the_hand_itself_changes_no_point() -> None:
    crops = Crops.about(CENTRES, VIEW, None, np.zeros(3), 0.3, 96)
    np.testing.assert_array_equal(crops.local(POINTS), POINTS)
    np.testing.assert_allclose(crops.distance, np.linalg.norm(CENTRES, axis=1))


def test_points_keep_their_place_before_the_camera_in_a_moved_and_turned_crop() -> None:
    offset = np.array([[0.02, 0.0, -0.01], [0.0, 0.03, 0.0], [-0.01, -0.02, 0.02]])
    roll = np.array([0.3, -1.2, 2.5])
    crops = Crops.about(CENTRES, VIEW, offset, roll, 0.3, 96)
    before = np.einsum("nji,nkj->nki", VIEW, POINTS) + CENTRES[:, None]
    moved = CENTRES + np.einsum("nji,nj->ni", VIEW, offset)
    after = np.einsum("nji,nkj->nki", crops.view, crops.local(POINTS)) + moved[:, None]
    np.testing.assert_allclose(after, before, atol=1e-12)


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_share_of_the_crops_has_a_border(share: float) -> None:
    borders = Borders.sample(share, (0, 1), 2000)
    cut = borders.side >= 0
    assert cut.mean() == pytest.approx(share, abs=0.05)
    assert not borders.outward[~cut].any()
    bounds = borders.tangents(np.tile([0.0, 0.0, 0.5], (2000, 1)))
    assert (np.isfinite(bounds).sum(axis=1) == cut).all()


def test_crop_of_a_cut_hand_moves_away_from_the_edge() -> None:
    borders = Borders.sample(1.0, (0, 2), 500)
    towards_most = borders.side % 2 == 1
    along = borders.outward[np.arange(500), borders.side // 2]
    assert (along[towards_most] >= 0).all()
    assert (along[~towards_most] <= 0).all()


def test_directions_stay_within_the_spread() -> None:
    rays = directions(500, 0.4, np.random.default_rng(1))
    np.testing.assert_allclose(np.linalg.norm(rays, axis=1), 1.0)
    assert np.abs(np.arctan2(rays[:, :2], rays[:, 2:])).max() <= 0.4


def test_rolls_turn_hands_upright() -> None:
    rotation = random_hands(300, seed=1).rotation.numpy()
    across = np.linalg.norm(rotation[:, :2, 0], axis=1) > 0.7
    along, roll = rotation[:, :2, 0], rolls_upright(rotation, np.random.default_rng(2))
    upright = np.array(
        [CropFrame(np.array([0.0, 0.0, 0.5]), 0.3, 96, roll_rad=r).view for r in roll.tolist()]
    )
    turned = np.einsum("nij,nj->ni", upright[:, :2, :2], along)
    # The fingers point up, to -y, within some standard deviations of 0.15 rad / 0.7.
    assert (turned[across, 1] / np.linalg.norm(turned[across], axis=1)).max() < -0.6
