"""The validation report against a network whose error is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from hand_pose_ros.evaluation.synthetic_report import evaluate_synthetic
from hand_pose_ros.hand.kinematics import HandModelLayer
from hand_pose_ros.network.model import HandNetOutput


class Oracle(nn.Module):
    """Knows the truth of the last batch, and is wrong by a given shift in metres and in radians."""

    def __init__(self, source, shift: float, bend: float = 0.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.layer = HandModelLayer()
        self.source, self.shift, self.bend = source, shift, bend

    def batch(self, seed: int, count: int):
        self.last = self.source.batch(seed, count)
        return self.last

    def forward(self, crop, distance):
        truth = torch.from_numpy(self.last.joints)
        joints = truth.clone()
        joints[:, 3:] += torch.tensor([0.0, self.shift, 0.0])
        raw = torch.from_numpy(self.last.angles) + self.bend
        sigma = (joints - truth).norm(dim=-1) + 1e-6
        return HandNetOutput(
            truth, joints, sigma, torch.from_numpy(self.last.rotation), torch.from_numpy(self.last.translation),
            self.layer.clamp_angles(raw), torch.from_numpy(self.last.shape), raw,
        )  # fmt: skip


def test_known_errors_are_reported(toy_hands):
    oracle = Oracle(toy_hands, shift=0.025)
    report = evaluate_synthetic(oracle, oracle, seed=3, count=50, batch=20)
    assert report.count == 50
    assert report.mean_mm == pytest.approx(25 * 20 / 23, rel=1e-3)
    assert report.median_mm == pytest.approx(25, rel=1e-3)
    assert report.coarse_mean_mm == pytest.approx(0, abs=1e-3)
    assert report.per_joint_mm["palm"] == 0
    assert report.per_joint_mm["pinky_tip"] == pytest.approx(25, rel=1e-3)
    assert report.worst_joint_below == {"20": 0.0, "30": 1.0, "40": 1.0}
    assert report.angle_error_deg == pytest.approx(0, abs=1e-3)
    assert report.out_of_range == 0


def test_angle_errors_are_of_clamped_angles_and_range_of_raw_ones(toy_hands):
    oracle = Oracle(toy_hands, shift=0.0, bend=0.05)
    report = evaluate_synthetic(oracle, oracle, seed=3, count=40)
    assert 0 < report.angle_error_deg < np.degrees(0.05)
    assert 0 < report.out_of_range <= 1


def test_the_same_seed_gives_the_same_report(toy_hands):
    oracle = Oracle(toy_hands, shift=0.01, bend=0.02)
    assert evaluate_synthetic(oracle, oracle, 1, 30) == evaluate_synthetic(oracle, oracle, 1, 30)
