"""Seeds of training and evaluation never meet."""

from __future__ import annotations

from hand_pose_ros.datasets.seeds import training_seed, validation_seed


def test_training_and_validation_seeds_never_meet() -> None:
    largest = training_seed(2**20 - 1, 2**20 - 1)
    assert largest < validation_seed(0, 0)
    assert validation_seed(2**20 - 1, 2**20 - 1) < 2**63


def test_every_run_and_step_has_a_seed_of_its_own() -> None:
    assert training_seed(1, 0) == training_seed(0, 2**20 - 1) + 1
    assert validation_seed(1, 0) == validation_seed(0, 2**20 - 1) + 1
