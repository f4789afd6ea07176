"""Scores of estimates: how well one fits, whether there is a hand, which of several places is the best.

In: estimates of one place, a ScoringConfig. Out: numbers without unit, higher is better; log odds are natural ones.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.tracking.beside import NONE_BESIDE, Beside
from hand_pose_ros.tracking.config import TrackerConfig
from hand_pose_ros.tracking.estimate import Estimate
from hand_pose_ros.tracking.scoring_config import ScoringConfig

Array = NDArray[np.float64]


def fit_score(sigma: Array, visibility: float, handedness: float | None, config: ScoringConfig) -> float:
    """How well an estimate fits its crop: of all that network and surface give, this predicts the right side best
    (tools/measure_sides.py).

    sigma (23,) m: expected errors; visibility: 0..1; handedness: log odds of the side, None where it is not known.
    """
    fit = float(-np.log(sigma).mean() + config.visibility_weight * visibility)
    if handedness is not None:
        bounded = min(max(handedness, -config.most_handedness), config.most_handedness)
        fit += config.handedness_weight * bounded
    return fit


def presence_log_odds(estimate: Estimate, config: ScoringConfig) -> float:
    """Log odds of there being a hand; for weights without a presence head, from sigma and visibility."""
    if estimate.presence is not None:
        return estimate.presence
    certainty = float(np.exp(-estimate.sigma / config.fallback_sigma_m).mean()) * estimate.visibility
    return config.seen_log_odds + config.fallback_slope * (certainty - config.fallback_certainty)


def evidence_log_odds(chosen: Estimate, estimates: Sequence[Estimate], config: ScoringConfig) -> float:
    """Log odds of there being a hand, by the crop of the side that was chosen and, where the other side was tried, by
    that one too: a hand looks like one in both, a thing often in one alone."""
    own = presence_log_odds(chosen, config)
    others = [presence_log_odds(e, config) for e in estimates if e is not chosen]
    if not others:
        return own
    other = sum(others) / len(others)
    return config.both_sides_scale * (own + config.other_side_weight * (other - own))


_RIM_SHARE = 1.0 / 3.0
"""The rim in which hands must be surer is at most so much of the picture's shorter side. Derived: the middle third of
every picture is as it was, however narrow."""


def odds_to_begin(estimate: Estimate, config: TrackerConfig, beside: Beside = NONE_BESIDE) -> float:
    """Log odds of a hand from which on a track of it begins: ``start_odds``, less beside a hand that is surely there,
    and more near the picture's edge, since things that the edge cuts look like hands, and joints beyond it are guesses;
    but no more than a frame can give."""
    scoring = config.scoring
    rim_m = min(scoring.edge_m, _RIM_SHARE * estimate.picture_m)
    outside = 1.0 - max(estimate.inside_m, 0.0) / rim_m if rim_m > 0.0 else 1.0
    most = min(scoring.edge_log_odds, scoring.most_frame_log_odds - config.start_odds)
    likelier = scoring.other_hand_log_odds if beside.sure else 0.0
    return config.start_odds - likelier + max(most, 0.0) * max(outside, 0.0)


def low_passed(before: float | None, now: float, share: float) -> float:
    """What follows a value by a ``share`` of the way in each frame; in the first one the value itself."""
    return now if before is None else before + share * (now - before)


def hypothesis_score(estimate: Estimate, config: ScoringConfig) -> float:
    """How good an estimate is against those of other places and of the other side."""
    return min(presence_log_odds(estimate, config), config.sure_log_odds) + estimate.fit


def best_hypothesis(estimates: Sequence[Estimate], config: ScoringConfig) -> Estimate:
    """The estimate with the highest :func:`hypothesis_score`; the first of equals. ValueError when there is none."""
    return max(estimates, key=lambda estimate: hypothesis_score(estimate, config))


def is_hand(estimates: Sequence[Estimate], config: ScoringConfig) -> bool:
    """Whether one of a place's estimates may be a hand; False without any."""
    log_odds = [presence_log_odds(estimate, config) for estimate in estimates]
    return bool(log_odds) and max(log_odds) > config.candidate_log_odds


def is_surely_hand(estimates: Sequence[Estimate], config: ScoringConfig) -> bool:
    """Whether all of a place's estimates, of both sides, are surely a hand; False without any."""
    log_odds = [presence_log_odds(estimate, config) for estimate in estimates]
    return bool(log_odds) and min(log_odds) > config.sure_log_odds
