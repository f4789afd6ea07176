"""The search of the surface fit's weights takes what lowers the error and only that; the table names what it fitted."""

from __future__ import annotations

import numpy as np
import pytest

from hand_pose_ros.datasets.synthetic import SyntheticHands
from hand_pose_ros.datasets.synthetic_config import SyntheticConfig
from hand_pose_ros.hand.solver import PoseSolver
from hand_pose_ros.refine.surface_config import SurfaceFitConfig
from hand_pose_ros.synthetic.splits import VALIDATION_SPLIT
from hand_pose_ros.tuning.surface_weights import SHAPES, SurfaceCases, choose_weights, report


@pytest.fixture(scope="module")
def cases() -> SurfaceCases:
    """Twelve hands whose network is off by 8 mm, all joints alike."""
    batch = SyntheticHands(SyntheticConfig(split=VALIDATION_SPLIT, identities=3)).batch(1, 12)
    rng = np.random.default_rng(0)
    shift = rng.standard_normal((12, 1, 3))
    joints = batch.joints + 0.008 * shift / np.linalg.norm(shift, axis=-1, keepdims=True)
    solved = [PoseSolver().solve(j, shape=s) for j, s in zip(joints, batch.shape, strict=True)]
    return SurfaceCases(
        batch,
        np.stack([hand.joints for hand in solved]).astype(np.float32),
        np.full((12, 23), 0.01, np.float32),
        np.stack([hand.parameters for hand in solved]).astype(np.float32),
        batch.shape,
    )


@pytest.mark.slow
def test_search_takes_what_helps_and_leaves_what_harms(cases):
    blind = SurfaceFitConfig(surface_weight=0.0, free_space_weight=0.0)
    chosen = choose_weights(cases, blind, {"surface_weight": (0.1,)})
    assert chosen.surface_weight == 0.1
    again = choose_weights(cases, chosen, {"surface_weight": (0.0,), "iterations": (8,)})
    assert again == chosen


@pytest.mark.slow
def test_report_measures_every_shape_and_every_term_left_out(cases, capsys):
    report(cases, SurfaceFitConfig())
    lines = capsys.readouterr().out.splitlines()
    for shape in SHAPES:
        assert any(line.startswith(f"fitted, {shape} shape") for line in lines)
    assert sum(line.startswith("without") for line in lines) == 4
    network = next(line for line in lines if line.startswith("network"))
    assert 6.0 < float(network.split()[1]) < 10.0
