"""Crops that come again show the same hand: the truth moves with the picture; what was never there is not made up."""

from __future__ import annotations

from dataclasses import fields

import pytest
import torch

from hand_pose_ros.datasets.synthetic import SyntheticConfig, SyntheticHands
from hand_pose_ros.datasets.torch_batch import TorchBatch, to_torch
from hand_pose_ros.hand.kinematics import HandModelLayer
from hand_pose_ros.network.losses import Target
from research.replay import CropChanges, Replay, moved_crops, moved_truth, with_lost_patches

HALF_M = 0.15


@pytest.fixture(scope="module")
def batch() -> TorchBatch:
    source = SyntheticHands(SyntheticConfig(identities=2, noise=False, negative_fraction=0.25))
    return to_torch(source.batch(7, 24), torch.device("cpu"), mirrored=3)


def test_a_crop_rolled_and_moved_and_back_is_nearly_as_it_was(batch):
    count = len(batch.crop)
    roll, along = torch.linspace(-0.3, 0.3, count), torch.linspace(-0.008, 0.008, count)
    there = moved_crops(batch.crop, batch.distance, roll, along, HALF_M)
    back = moved_crops(there, batch.distance + along, -roll, -along, HALF_M)
    # Away from the corners, which are lost, and from outlines, which move by a pixel.
    inner = (slice(None), slice(None), slice(24, 72), slice(24, 72))
    close = (back[inner] - batch.crop[inner]).abs() < 0.04
    assert close.float().mean() > 0.93


def test_joints_stay_on_the_pixels_and_depths_that_they_were_on(batch):
    hands = len(batch.target.joints)
    roll, along = torch.full((hands,), 0.3), torch.full((hands,), 0.006)
    moved = moved_truth(batch.target, roll, along)
    distance = batch.distance[:hands]

    def pixels(joints: torch.Tensor, to: torch.Tensor) -> torch.Tensor:
        return joints[..., :2] / (HALF_M * (1 + joints[..., 2:] / to[:, None, None]))

    before, after = pixels(batch.target.joints, distance), pixels(moved.joints, distance + along)
    scale = ((distance + along) / distance)[:, None]
    cosine, sine = roll.cos()[:, None], roll.sin()[:, None]
    torch.testing.assert_close(after[..., 0], scale * (cosine * before[..., 0] - sine * before[..., 1]))
    torch.testing.assert_close(after[..., 1], scale * (sine * before[..., 0] + cosine * before[..., 1]))
    torch.testing.assert_close(moved.joints[..., 2], batch.target.joints[..., 2] - along[:, None])
    # A point's picture follows it: a mark at a joint's pixel is found where the moved joint is seen.
    marks = torch.ones((hands, 1, 96, 96))
    at = ((before[:, 12] + 1) * 48).long().clamp(1, 94)
    for n, (x, y) in enumerate(at.tolist()):
        marks[n, 0, y - 1 : y + 2, x - 1 : x + 2] = 0.0
    seen = moved_crops(marks, distance, roll, along, HALF_M)
    there = ((after[:, 12] + 1) * 48).long()
    inside = ((there >= 1) & (there < 95)).all(dim=1) & (before[:, 12].abs() < 0.95).all(dim=1)
    assert inside.any()
    for n in torch.nonzero(inside)[:, 0].tolist():
        x, y = there[n].tolist()
        assert seen[n, 0, y, x] < 0.5


def test_the_moved_parameters_give_the_moved_joints(batch):
    hands = len(batch.target.joints)
    moved = moved_truth(batch.target, torch.linspace(-0.35, 0.35, hands), torch.linspace(-0.01, 0.01, hands))
    layer = HandModelLayer("right")

    def error(target: Target) -> torch.Tensor:
        frames = layer.frames_from_rotation(target.rotation, target.translation, target.angles, target.shape)
        return (frames.joints - target.joints).norm(dim=-1)

    torch.testing.assert_close(error(moved), error(batch.target), atol=1e-5, rtol=1e-4)


def test_lost_patches_take_no_more_than_they_may_and_only_take(batch):
    generator = torch.Generator().manual_seed(3)
    full = torch.zeros((64, 1, 96, 96))
    lost = with_lost_patches(full, CropChanges(lost=0.5, lost_area=0.3), generator)
    share = (lost == 1.0).float().mean((1, 2, 3))
    assert 0.3 < (share > 0).float().mean() < 0.7
    assert share.max() < 0.33
    assert set(lost.unique().tolist()) <= {0.0, 1.0}


def test_batches_drawn_have_the_make_up_of_those_that_were_kept(batch):
    replay = Replay(1000, HALF_M, seed=1)
    with pytest.raises(ValueError, match="no batch is kept"):
        replay.draw()
    replay.add(batch)
    drawn = replay.draw()
    for name in ("crop", "distance"):
        assert getattr(drawn, name).shape == getattr(batch, name).shape
    for field in fields(Target):
        ours, theirs = getattr(drawn.target, field.name), getattr(batch.target, field.name)
        assert ours == theirs if field.name == "mirrored" else ours.shape == theirs.shape
    torch.testing.assert_close(drawn.crop[-3:], drawn.crop[:3].flip(-1))


def test_nothing_changed_comes_back_as_it_was_kept_and_the_oldest_goes_first(batch):
    still = CropChanges(roll_rad=0.0, along_m=0.0, lost=0.0)
    count = len(batch.crop) - 3
    replay = Replay(2 * count, HALF_M, seed=1, config=still)
    marked = [
        TorchBatch(torch.full_like(batch.crop, value), batch.distance, batch.target)
        for value in (-0.5, 0.0, 0.5)
    ]
    for one in marked:
        replay.add(one)
    assert len(replay) == 2
    assert set(replay.draw().crop.unique().tolist()) == {0.0, 0.5}
    alone = Replay(count, HALF_M, seed=1, config=still)
    alone.add(batch)
    kept = {tuple(joints.flatten().tolist()) for joints in batch.target.joints}
    assert {tuple(joints.flatten().tolist()) for joints in alone.draw().target.joints} <= kept


def test_a_batch_of_another_make_up_is_refused(batch):
    replay = Replay(1000, HALF_M, seed=1)
    replay.add(batch)
    target = batch.target
    fewer = Target(target.joints[:-1], target.translation[:-1], target.angles[:-1], target.rotation[:-1],
                   target.shape[:-1], target.mirrored)  # fmt: skip
    with pytest.raises(ValueError, match=r"want 18 in 24"):
        replay.add(TorchBatch(batch.crop, batch.distance, fewer))


@pytest.mark.parametrize(
    ("field", "value"), [("roll_rad", 4.0), ("along_m", -1.0), ("lost", 1.5), ("lost_area", 2.0)]
)
def test_a_change_that_makes_no_sense_is_named(field, value):
    with pytest.raises(ValueError, match=field):
        CropChanges(**{field: value})
