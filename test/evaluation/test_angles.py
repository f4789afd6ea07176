"""Angles that are fitted to a benchmark's joints are those that the joints came from."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hand_pose_ros.datasets.benchmarks import BENCHMARKS
from hand_pose_ros.evaluation.angles import fit_angles
from hand_pose_ros.evaluation.metrics import angle_errors_deg, out_of_range_fraction
from hand_pose_ros.hand.joint_sets import convert_joints
from hand_pose_ros.hand.kinematics import HandModelLayer
from hand_pose_ros.hand.skeleton import ANGLE_LIMITS


@pytest.mark.slow
@pytest.mark.parametrize("name", ["icvl", "msra"])
def test_joints_of_valid_hands_give_their_angles_back(name):
    benchmark = BENCHMARKS[name]
    rng = np.random.default_rng(0)
    lower, upper = ANGLE_LIMITS.T
    angles = rng.uniform(0.7 * lower, 0.7 * upper, (16, 20))
    pose = np.column_stack([rng.normal(0, 0.03, (16, 3)) + [0, 0, 0.4], rng.normal(0, 0.8, (16, 3)), angles])
    joints = HandModelLayer(benchmark.side).double()(torch.from_numpy(pose)).numpy()
    found = fit_angles(convert_joints(joints, benchmark.joint_set), benchmark, [slice(0, 8), slice(8, 16)])
    assert found.residual_mm < 0.5
    assert out_of_range_fraction(found.angles) == 0.0
    assert np.median(angle_errors_deg(found.angles, angles)) < 3.0
