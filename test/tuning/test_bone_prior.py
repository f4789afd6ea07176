"""Training the prior of bone lengths finds the lengths again and refuses what are none."""

from __future__ import annotations

import numpy as np
import pytest

from hand_pose_ros.hand.skeleton import BONES
from hand_pose_ros.refine.bone_prior import COMPONENTS
from hand_pose_ros.tuning.bone_prior import train_bone_prior

SHAPE = (len(BONES), COMPONENTS)


@pytest.mark.slow
def test_training_finds_the_lengths_again_and_is_repeatable() -> None:
    rng = np.random.default_rng(0)
    means = np.linspace(0.02, 0.05, SHAPE[0])
    lengths = rng.normal(means, 0.003, (400, SHAPE[0]))
    prior, again = train_bone_prior(lengths, 5), train_bone_prior(lengths, 5)
    np.testing.assert_allclose((prior.weights * prior.means).sum(axis=1), lengths.mean(axis=0), atol=2e-5)
    np.testing.assert_array_equal(prior.means, again.means)
    # A usual length is more likely than one that nobody has.
    assert (prior.score(means) > 0.5).all()
    assert (prior.score(means + 0.03) < 1e-3).all()


@pytest.mark.parametrize(
    "lengths", [np.full((20, 22), 0.03), np.full((100, 21), 0.03), np.full((100, 22), np.nan)]
)
def test_training_refuses_what_is_no_set_of_lengths(lengths: np.ndarray) -> None:
    with pytest.raises(ValueError, match="lengths"):
        train_bone_prior(lengths)
