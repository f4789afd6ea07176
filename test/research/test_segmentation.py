"""The auxiliary task's truth follows from crop and joints, and its head leaves nothing in the network."""

from __future__ import annotations

import pytest
import torch

from hand_pose_ros.datasets.synthetic import SyntheticConfig, SyntheticHands
from hand_pose_ros.datasets.torch_batch import TorchBatch, to_torch
from hand_pose_ros.network.checkpoint import load_model
from hand_pose_ros.synthetic.crop_surroundings import SceneConfig
from hand_pose_ros.training.config import config_from_dict
from hand_pose_ros.training.trainer import Trainer
from research.segmentation import SegmentationTask, hand_cells

HALF_M = 0.15


@pytest.fixture(scope="module")
def batch() -> TorchBatch:
    config = SyntheticConfig(
        identities=2, noise=False, negative_fraction=0.25, scene=SceneConfig(held=0.0, table=0.0)
    )
    return to_torch(SyntheticHands(config).batch(7, 24), torch.device("cpu"))


def test_cells_that_show_the_hand_lie_about_its_joints_and_crops_without_one_have_none(batch):
    hand, seen = hand_cells(batch.crop, batch.distance, batch.target.joints, HALF_M)
    hands = len(batch.target.joints)
    assert (hand[hands:] == 0).all()
    assert ((hand == 0) | (seen == 1)).all()
    share = hand[:hands].sum() / seen[:hands].sum()
    assert 0.2 < share < 0.95
    centres = (2 * torch.arange(24) + 1) / 24 - 1
    x = (hand[:hands] * centres).sum((1, 2)) / hand[:hands].sum((1, 2)).clamp_min(1)
    joints = batch.target.joints
    where = (joints[..., 0] / (HALF_M * (1 + joints[..., 2] / batch.distance[:hands, None]))).mean(1)
    assert (x - where).abs().median() < 0.08


def test_a_hand_a_decimetre_beside_its_truth_is_something_else(batch):
    beside = batch.target.joints + torch.tensor([0.0, 0.0, 0.1])
    hand, _ = hand_cells(batch.crop, batch.distance, beside, HALF_M)
    there, _ = hand_cells(batch.crop, batch.distance, batch.target.joints, HALF_M)
    assert hand.sum() < 0.1 * there.sum()


def test_a_run_learns_the_cells_and_leaves_a_network_without_the_head(tmp_path):
    config = config_from_dict(
        {
            "samples": 48, "minutes": 0, "batch": 16, "validation_samples": 16, "workers": 0, "threads": 1,
            "mirrored": 0.1,
            "network": {"architecture": "dense", "widths": [8, 8, 8, 8], "blocks": [0, 0, 0], "up_blocks": [0, 0],
                        "ik_hidden": 16, "ik_steps": 1, "presence": True},
            "data": {"identities": 2, "negative_fraction": 0.25},
        }
    )  # fmt: skip
    source = SyntheticHands(SyntheticConfig(identities=2, negative_fraction=0.25))
    task = SegmentationTask(config, source, source, 0.3)
    before = task.head.weight.detach().clone()
    Trainer(task, tmp_path).run()
    assert not torch.equal(before, task.head.weight)
    assert load_model(tmp_path / "model.safetensors") is not None
