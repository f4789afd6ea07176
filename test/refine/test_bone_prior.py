"""The prior of bone lengths: scikit-learn's numbers, its own file, and what a damaged file says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.mixture import GaussianMixture

from hand_pose_ros.hand.kinematics import HandModelLayer
from hand_pose_ros.hand.skeleton import BONES, bone_lengths
from hand_pose_ros.refine.bone_prior import (
    COMPONENTS,
    BonePrior,
    load_bone_prior,
    save_bone_prior,
)

SHAPE = (len(BONES), COMPONENTS)


def random_prior(seed: int) -> BonePrior:
    rng = np.random.default_rng(seed)
    return BonePrior(
        rng.dirichlet(np.ones(COMPONENTS), SHAPE[0]),
        rng.uniform(0.015, 0.06, SHAPE),
        rng.uniform(0.0005, 0.008, SHAPE),
        {"people": 3},
    )


def of_scikit_learn(prior: BonePrior, bone: int) -> GaussianMixture:
    mixture = GaussianMixture(COMPONENTS)
    mixture.weights_ = prior.weights[bone]
    mixture.means_ = prior.means[bone][:, None]
    mixture.covariances_ = prior.deviations[bone][:, None, None] ** 2
    mixture.precisions_cholesky_ = 1.0 / prior.deviations[bone][:, None, None]
    return mixture


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**16), st.floats(0.005, 0.09))
def test_density_is_that_of_scikit_learn(seed: int, length: float) -> None:
    prior = random_prior(seed)
    lengths = np.array([[length], [0.03]]) * np.linspace(0.9, 1.1, SHAPE[0])
    for bone in range(SHAPE[0]):
        theirs = of_scikit_learn(prior, bone).score_samples(lengths[:, bone, None])
        np.testing.assert_allclose(prior.density(lengths)[:, bone], np.exp(theirs), rtol=1e-6, atol=1e-300)


def test_density_of_hands_in_any_shape_is_that_of_each_and_0_far_out() -> None:
    prior, lengths = random_prior(1), np.random.default_rng(1).uniform(0.01, 0.07, (4, 3, SHAPE[0]))
    densities = prior.density(lengths.transpose(1, 0, 2))
    for i in range(4):
        for k in range(3):
            np.testing.assert_array_equal(densities[k, i], prior.density(lengths[i, k]))
    assert (prior.density(np.full(SHAPE[0], 10.0)) == 0.0).all()
    with pytest.raises(ValueError, match=r"lengths have shape \(44,\), want \(..., 22\)"):
        prior.density(np.ones(44))


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**16))
def test_best_length_scores_one(seed: int) -> None:
    prior = random_prior(seed)
    fine = np.repeat(np.linspace(0.0, 0.09, 9001)[:, None], SHAPE[0], axis=1)
    best = prior.score(fine).max(axis=0)
    np.testing.assert_allclose(best, 1.0, rtol=2e-3)
    assert best.max() < 1.0 + 1e-4


def test_score_does_not_depend_on_the_unit() -> None:
    prior = random_prior(4)
    doubled = BonePrior(prior.weights, 2 * prior.means, 2 * prior.deviations)
    lengths = np.linspace(0.01, 0.07, SHAPE[0])
    np.testing.assert_allclose(doubled.score(2 * lengths), prior.score(lengths), rtol=1e-9)


def test_file_gives_the_same_prior_back(tmp_path: Path) -> None:
    path, prior = tmp_path / "prior.json", random_prior(2)
    save_bone_prior(path, prior)
    read = load_bone_prior(path)
    for name in ("weights", "means", "deviations"):
        np.testing.assert_array_equal(getattr(read, name), getattr(prior, name))
    assert read.trained_on == {"people": 3}
    assert [entry.name for entry in tmp_path.iterdir()] == ["prior.json"]


def damage(content: dict, how: str) -> object:
    bone = content["bones"]["index_pip"]
    if how == "list":
        return [1]
    if how == "format":
        content["format"] = "something-else"
    elif how == "missing bone":
        del content["bones"]["index_pip"]
    elif how == "missing part":
        del bone["means_m"]
    elif how == "negative":
        bone["deviations_m"][0] = -0.001
    elif how == "weights":
        bone["weights"][0] += 0.1
    elif how == "short":
        bone["means_m"] = [0.03]
    elif how == "text":
        bone["means_m"][0] = "long"
    return content


@pytest.mark.parametrize(
    "how", ["list", "format", "missing bone", "missing part", "negative", "weights", "short", "text"]
)
def test_damaged_file_is_named(tmp_path: Path, how: str) -> None:
    path = tmp_path / "prior.json"
    save_bone_prior(path, random_prior(3))
    path.write_text(json.dumps(damage(json.loads(path.read_text()), how)))
    with pytest.raises(ValueError, match="prior.json"):
        load_bone_prior(path)


def test_torn_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "prior.json"
    save_bone_prior(path, random_prior(3))
    path.write_text(path.read_text()[:500])
    with pytest.raises(ValueError, match="prior.json: not a JSON file"):
        load_bone_prior(path)


def test_the_shipped_prior_scores_an_adult_hand_high() -> None:
    prior = load_bone_prior()
    assert prior.trained_on["split"] == 0
    template = HandModelLayer("right")(torch.zeros(1, 26))[0].numpy()
    assert (prior.score(bone_lengths(template)) > 0.1).all()
    assert (prior.score(3.0 * bone_lengths(template)) < 0.01).all()


@pytest.mark.slow
def test_reading_a_prior_needs_no_scikit_learn() -> None:
    program = (
        "import sys; sys.modules['sklearn'] = None; "
        "from hand_pose_ros.refine.bone_prior import load_bone_prior; load_bone_prior().peak"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[2])
