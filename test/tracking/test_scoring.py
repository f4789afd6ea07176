"""Scores grow with the evidence for a hand, within limits, and thresholds are those of the configuration."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hand_pose_ros.depth.crop import CropFrame
from hand_pose_ros.tracking.config import TrackerConfig
from hand_pose_ros.tracking.estimate import Estimate
from hand_pose_ros.tracking.scoring import (
    best_hypothesis,
    evidence_log_odds,
    fit_score,
    hypothesis_score,
    is_hand,
    is_surely_hand,
    presence_log_odds,
)
from hand_pose_ros.tracking.scoring_config import ScoringConfig

CONFIG = ScoringConfig()
SIGMA = np.full(23, 0.01)


def estimate(
    presence: float | None, fit: float = 4.0, visibility: float = 1.0, sigma_m: float = 0.01
) -> Estimate:
    return Estimate(
        CropFrame(np.array([0.0, 0.0, 0.5])), np.ones((96, 96), np.float32), np.zeros((23, 3)), np.zeros((23, 3)),
        np.full(23, sigma_m), np.eye(3), np.zeros(3), np.zeros(20), np.zeros(9), presence, None, visibility, fit,
    )  # fmt: skip


def test_fit_by_hand() -> None:
    assert fit_score(SIGMA, 0.5, None, CONFIG) == pytest.approx(-np.log(0.01) + 0.15 * 0.5)
    assert fit_score(SIGMA, 0.5, -2.0, CONFIG) == pytest.approx(-np.log(0.01) + 0.15 * 0.5 - 0.6 * 2.0)


def test_the_side_counts_only_up_to_its_limit() -> None:
    assert fit_score(SIGMA, 0.5, 50.0, CONFIG) == fit_score(SIGMA, 0.5, CONFIG.most_handedness, CONFIG)


def test_presence_is_the_networks_own_where_it_has_one() -> None:
    assert presence_log_odds(estimate(-1.25), CONFIG) == -1.25


def test_without_a_presence_head_small_expected_errors_of_visible_joints_speak_for_a_hand() -> None:
    sure, vague = estimate(None, sigma_m=0.004), estimate(None, sigma_m=0.05)
    assert presence_log_odds(sure, CONFIG) > CONFIG.seen_log_odds > presence_log_odds(vague, CONFIG)
    beside = replace(sure, visibility=0.0)
    assert presence_log_odds(beside, CONFIG) == pytest.approx(3.0 - 20.0 * 0.15)


def test_beyond_sure_only_the_fit_decides_between_places() -> None:
    assert hypothesis_score(estimate(30.0), CONFIG) == hypothesis_score(estimate(7.0), CONFIG)
    assert hypothesis_score(estimate(5.0), CONFIG) < hypothesis_score(estimate(7.0), CONFIG)
    worse, better = estimate(30.0, fit=3.9), estimate(7.0, fit=4.0)
    assert best_hypothesis([worse, better], CONFIG) is better


@pytest.mark.parametrize(
    ("log_odds", "may_be", "surely"),
    [
        ((), False, False),
        ((-1.0, 0.0), False, False),
        ((-1.0, 0.1), True, False),
        ((6.0, 8.0), True, False),
        ((6.1, 8.0), True, True),
    ],
)
def test_one_side_may_make_a_hand_and_both_a_sure_one(
    log_odds: tuple[float, ...], may_be: bool, surely: bool
) -> None:
    estimates = [estimate(value) for value in log_odds]
    assert is_hand(estimates, CONFIG) is may_be
    assert is_surely_hand(estimates, CONFIG) is surely


def test_the_other_sides_crop_counts_where_it_was_tried():
    own, other = estimate(7.8), estimate(-1.2)
    assert evidence_log_odds(own, [own], CONFIG) == 7.8
    expected = CONFIG.both_sides_scale * (7.8 - CONFIG.other_side_weight * 9.0)
    assert evidence_log_odds(own, [other, own], CONFIG) == pytest.approx(expected)
    assert expected < TrackerConfig.start_odds < evidence_log_odds(own, [own, estimate(7.0)], CONFIG)


@given(st.floats(-12.0, 12.0), st.floats(-12.0, 12.0), st.floats(0.0, 5.0))
def test_evidence_grows_with_either_side(own, other, more):
    def of(a: float, b: float) -> float:
        chosen = estimate(a)
        return evidence_log_odds(chosen, [chosen, estimate(b)], CONFIG)

    assert of(own + more, other) >= of(own, other) - 1e-9
    assert of(own, other + more) >= of(own, other) - 1e-9
