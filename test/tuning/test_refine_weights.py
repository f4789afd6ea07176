"""The search for the refinement's weights: it finds what helps, repeats itself, and says what each term is worth."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from hand_pose_ros.depth.crop import CropFrame
from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.kinematics import HandModelLayer
from hand_pose_ros.hand.skeleton import bone_lengths
from hand_pose_ros.refine.bone_prior import BonePrior
from hand_pose_ros.refine.regressor import RegressorConfig
from hand_pose_ros.tuning.labelled_views import Errors, Views, errors_of, regress_views
from hand_pose_ros.tuning.refine_weights import (
    GRID,
    TERMS,
    choose_weights,
    contribution_table,
    read_config,
    to_yaml,
)

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def hand() -> np.ndarray:
    """Joints (23, 3) m of the template hand, its back to the camera."""
    joints = HandModelLayer("right")(torch.zeros(1, skeleton.PARAMETER_COUNT))[0].double().numpy()
    return joints * [1.0, 1.0, -1.0] - joints.mean(axis=0)


@pytest.fixture(scope="module")
def prior(hand: np.ndarray) -> BonePrior:
    means = bone_lengths(hand)[:, None] + np.linspace(-0.001, 0.001, 5)
    return BonePrior(np.full((22, 5), 0.2), means, np.full((22, 5), 0.003))


@pytest.fixture(scope="module")
def views(hand: np.ndarray) -> Views:
    """Four frames of one sequence: a wall 20 mm before the joints, of which the network puts some before the wall."""
    frames = [CropFrame(np.array([0.0, 0.0, 0.5 + 0.1 * n]), 0.3, 48) for n in range(4)]
    wall = np.full((4, 48, 48), (hand[:, 2].min() - 0.02) / 0.15, np.float32)
    rng = np.random.default_rng(0)
    network = hand + rng.normal(0.0, 0.002, (4, 23, 3))
    network[:, list(skeleton.TIP_JOINTS), 2] -= 0.035
    truth = np.repeat(hand[None], 4, axis=0)
    sigma = np.full((4, 23), 0.012)
    return Views("toy", frames, wall, network, sigma, truth, np.array([-1, 0, 1, 2]), np.full(4, 0.033))


def silent(_: str) -> None:
    pass


START = RegressorConfig(background=0.0, free_space=0.0, occluded=0.0, free_space_most=20.0)


@pytest.mark.slow
def test_search_switches_on_the_term_that_helps(views: Views, prior: BonePrior) -> None:
    grid = {"free_space": (0.0, 2.0), "tip_order": (0.0, 0.5)}
    best = choose_weights([views], prior, START, 20, 0, silent, grid)
    assert best.free_space == 2.0
    before, after = (errors_of(views, regress_views(views, prior, c)) for c in (START, best))
    assert after.tips < 0.9 * before.tips
    assert best == choose_weights([views], prior, START, 20, 0, silent, grid)


def test_search_stops_when_its_evaluations_are_spent(views: Views, prior: BonePrior) -> None:
    reported: list[str] = []
    assert choose_weights([views], prior, START, 1, 0, reported.append) == START
    assert len(reported) == 1


def test_frames_of_a_sequence_see_the_frame_before(views: Views, prior: BonePrior) -> None:
    config = replace(START, prediction=2.0)
    with_past, without = regress_views(views, prior, config), regress_views(views, prior, START)
    np.testing.assert_array_equal(with_past[0], without[0])
    assert np.abs(with_past[1:] - without[1:]).max(axis=(1, 2)).min() > 1e-4


def test_score_is_the_mean_of_both_gains() -> None:
    assert Errors(9.0, 12.0).score(Errors(10.0, 15.0)) == pytest.approx(0.5 * (0.9 + 0.8))


@pytest.mark.slow
def test_table_tries_every_term_without_and_alone(views: Views, prior: BonePrior) -> None:
    console = Console(width=200)
    with console.capture() as capture:
        console.print(contribution_table([views], prior, replace(START, free_space=2.0)))
    text = capture.get()
    assert "without free_space" in text
    assert all(f"{term} alone" in text for term in TERMS)
    assert all(
        f"with {term}" in text for term in TERMS if getattr(START, term) == 0.0 and term != "free_space"
    )


def test_every_value_that_the_search_tries_is_allowed() -> None:
    for name, values in GRID.items():
        for value in values:
            assert getattr(replace(RegressorConfig(), **{name: value}), name) == value


def test_written_values_read_back(tmp_path: Path) -> None:
    config, path = RegressorConfig(free_space=1.25, kernel_px=3), tmp_path / "weights.yaml"
    path.write_text(to_yaml(config))
    assert read_config(path) == config


@pytest.mark.parametrize(
    "text", ["[1, 2]", "colour: 3", "free_space: -1", "free_space: {", "free_space: high"]
)
def test_bad_values_are_refused_by_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "weights.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match="weights.yaml"):
        read_config(path)
