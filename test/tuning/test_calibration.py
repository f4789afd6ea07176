"""The calibration finds the weights that made the truth, and its confidence is better than chance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hand_pose_ros.datasets.synthetic import SyntheticHands
from hand_pose_ros.datasets.synthetic_config import SyntheticConfig
from hand_pose_ros.evaluation.reliability import roc_area
from hand_pose_ros.hand.skeleton import JOINT_COUNT
from hand_pose_ros.network.checkpoint import load_model
from hand_pose_ros.resources import resource
from hand_pose_ros.synthetic import scene_sampling
from hand_pose_ros.synthetic.negatives import KINDS
from hand_pose_ros.synthetic.splits import CHOICE_SPLIT
from hand_pose_ros.tracking.confidence import HAND_FEATURES, JOINT_FEATURES, Calibration, ConfidenceFeatures
from hand_pose_ros.tuning.calibration import fit_calibration, separation_table
from hand_pose_ros.tuning.calibration_cases import HAND, Cases, gather_cases, negative_kinds

SHIPPED = resource("models", "default.safetensors")


def made_up(count: int, seed: int) -> tuple[Cases, Calibration]:
    """Cases whose truth is drawn from a calibration."""
    rng = np.random.default_rng(seed)
    hand, joints = (
        rng.normal(size=(count, len(HAND_FEATURES))),
        rng.normal(size=(count, JOINT_COUNT, len(JOINT_FEATURES) - 1)),
    )
    weights = np.random.default_rng(0)
    truth = Calibration(
        weights.normal(0, 0.6, len(HAND_FEATURES)), 0.5, weights.normal(0, 0.6, len(JOINT_FEATURES)),
        np.linspace(-1, 1, 23),
    )  # fmt: skip
    stated = [truth.confidence(ConfidenceFeatures(h, j)) for h, j in zip(hand, joints, strict=True)]
    hand_right = rng.random(count) < np.array([h for h, _ in stated])
    joints_right = rng.random((count, JOINT_COUNT)) < np.stack([j for _, j in stated])
    return Cases(hand, joints, hand_right, joints_right, hand[:, 0], np.full(count, HAND)), truth


@pytest.mark.slow
def test_fit_finds_the_weights_that_made_the_truth() -> None:
    cases, truth = made_up(3000, 1)
    found = fit_calibration(cases)
    np.testing.assert_allclose(found.hand, truth.hand, atol=0.2)
    assert found.hand_bias == pytest.approx(truth.hand_bias, abs=0.2)
    np.testing.assert_allclose(found.joint, truth.joint, atol=0.1)
    np.testing.assert_allclose(found.joint_bias, truth.joint_bias, atol=0.25)


@pytest.mark.slow  # it compiles the renderer that training uses
def test_the_kinds_of_crops_without_a_hand_follow_from_the_seed(monkeypatch) -> None:
    drawn = []
    sample = scene_sampling.sample_negatives
    monkeypatch.setattr(
        scene_sampling, "sample_negatives", lambda *given: drawn.append(sample(*given)) or drawn[-1]
    )
    for seed, count in ((0, 40), (3, 7)):
        source = SyntheticHands(
            SyntheticConfig(split=CHOICE_SPLIT, identities=2, size=32, negative_fraction=0.5)
        )
        source.batch(seed, count)
        np.testing.assert_array_equal(negative_kinds(source, seed, count), drawn[-1][1])


def test_separation_counts_by_hand() -> None:
    cases, _ = made_up(8, 2)
    face, wall = KINDS.index("face"), KINDS.index("wall")
    cases = replace(
        cases,
        kind=np.array([HAND] * 4 + [face, face, wall, wall]),
        presence=np.array([5.0, 3.0, 1.0, -1.0, 4.5, -1.0, -3.0, 0.5]),
    )
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in separation_table(
        cases, np.array([0.9, 0.9, 0.9, 0.1, 0.2, 0.0, 0.0, 0.0])
    ).splitlines()[:8]]  # fmt: skip
    assert rows[0] == ["taken as a hand", "4 hands missed", "4 others taken", "2 face", "2 wall"]
    assert rows[2] == ["presence > 0", "25.00 %", "50.00 %", "50.00 %", "50.00 %"]
    assert rows[4] == ["presence > 4", "75.00 %", "25.00 %", "50.00 %", "0.00 %"]
    assert rows[6] == ["confidence > 0.15", "25.00 %", "25.00 %", "50.00 %", "0.00 %"]


@pytest.mark.slow
def test_confidence_of_the_shipped_network_beats_chance_on_other_crops() -> None:
    model = load_model(SHIPPED)
    cases = gather_cases(model, 2, 160)
    assert cases.is_hand.sum() == 65 + 39
    assert not cases.hand_right[~cases.is_hand].any()
    assert not cases.joints_right[~cases.is_hand].any()
    calibration, others = fit_calibration(cases), gather_cases(model, 3, 60)
    assert not np.isin(others.hand, cases.hand).all()
    hand, joints = others.confidence(calibration)
    assert roc_area(hand, others.hand_right) > 0.8
    assert roc_area(joints.ravel(), others.joints_right.ravel()) > 0.8
