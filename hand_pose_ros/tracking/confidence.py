"""Calibrated confidence: the probability that a hand is one and right, and that each of its joints is.

In: features of one crop from network, hand model, bones and surface (:class:`ConfidenceFeatures`). Out: a confidence of
the hand and of each joint, 0..1. Both are logistic regressions on few features, trained on held-out synthetic crops
with and without hands (``hand-pose calibrate``) and stored with the weights, so that of the hands with confidence 0.8
eight of ten are right.

The constants up to ``ConfidenceFeatures`` define the features that the stored calibrations were fitted with: none of
them may change unless ``hand-pose calibrate`` is run again for all weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.skeleton import bone_lengths
from hand_pose_ros.kernel_cache import njit
from hand_pose_ros.network.weights_file import CheckpointError, CheckpointInfo
from hand_pose_ros.refine.bone_prior import BonePrior, mixture_density
from hand_pose_ros.refine.refiner import Refined
from hand_pose_ros.tracking.config import VisibilityConfig
from hand_pose_ros.tracking.estimate import Estimate
from hand_pose_ros.tracking.visibility import depth_below_surface, visible_share
from hand_pose_ros.validation import shown

Array = NDArray[np.float64]

RIGHT_M = 0.020
"""A joint is right when it is off by less than this, a hand when its joints are so on average, metres. Chosen:
about a finger's width."""

HAND_FEATURES: tuple[str, ...] = (
    "presence", "log_sigma", "worst_log_sigma", "visibility_score", "disagreement", "bones", "explained", "residual",
    "free_space", "on_surface",
)  # fmt: skip
JOINT_FEATURES: tuple[str, ...] = (
    "hand", "log_sigma", "disagreement", "moved", "free_space", "hidden", "background",
)  # fmt: skip
"""Names of the features in the order of their weights, as stored with the weights; names that were stored before are
translated by network/migration.py."""
LOG_ODDS_LIMIT = 8.0
"""The presence feature and the hand's log odds are bounded to this. Guessed: surer than 1 in 3000 is never known."""
UNIT_M = 0.01
"""Lengths are features in units of this, metres. Chosen: features are then of order 1."""
DEPTH_LIMIT = 3.0
"""The most that a joint's depth before or below the surface counts, in units of UNIT_M. Guessed."""
FLESH_UNITS = 2.0
"""From this depth below the surface on, in units of UNIT_M, a joint starts to count as hidden. Guessed."""
LEAST_SIGMA_M, MOST_SIGMA_M = 1e-4, 1.0
"""The network's expected errors are features as at least and at most this, metres. Guessed: none is surer, and none of
less use."""
BONE_SCORE_FLOOR = 1e-2
"""Added to the prior's score of a bone before its logarithm, which a score of 0 would make infinite. Guessed."""

# Of `uncalibrated`, all guessed: log odds of the hand at features of 0, log odds that a unit of each feature adds.
_GUESSED_HAND_BIAS = -1.0
_GUESSED_HAND_WEIGHTS = {"presence": 0.3, "log_sigma": -3.0, "visibility_score": 3.0}
# The same of each joint.
_GUESSED_JOINT_BIAS = 1.0
_GUESSED_JOINT_WEIGHTS = {"hand": 0.3, "log_sigma": -2.0}


@dataclass(frozen=True, eq=False)
class ConfidenceFeatures:
    """What the confidence of one hand is computed from."""

    hand: Array
    """(10,) in the order of HAND_FEATURES."""
    joints: Array
    """(23, 6) in the order of JOINT_FEATURES without the first, which is the hand's own log odds."""


def confidence_features(
    estimate: Estimate,
    presence: float,
    refined: Refined,
    prior: BonePrior,
    visibility: VisibilityConfig,
) -> ConfidenceFeatures:
    """The features of an estimate and its refinement.

    presence: log odds of there being a hand; refined: the hand after refinement; prior: of the bones' lengths.
    """
    statistics = refined.statistics
    below, inside = depth_below_surface(estimate.frame, estimate.crop, refined.joints)
    hand = np.array(
        [
            min(max(presence, -LOG_ODDS_LIMIT), LOG_ODDS_LIMIT), 0.0, 0.0, visible_share(below, inside, visibility),
            0.0, 0.0, statistics.explained, statistics.residual_m / UNIT_M, statistics.free_space,
            statistics.on_surface,
        ]
    )  # fmt: skip
    joints = np.empty((skeleton.JOINT_COUNT, len(JOINT_FEATURES) - 1))
    # Joints of the hand model always have plausible bones; those before it (coarse) only where there is a hand.
    lengths = bone_lengths(estimate.coarse)
    _fill_features(
        estimate.coarse, estimate.joints, refined.joints, estimate.sigma, below, inside, lengths, prior.weights,
        prior.means, prior.deviations, prior.peak, hand, joints,
    )  # fmt: skip
    return ConfidenceFeatures(hand, joints)


_WHERE = {
    name: HAND_FEATURES.index(name) for name in ("log_sigma", "worst_log_sigma", "disagreement", "bones")
}
_MEAN_LOG_SIGMA, _WORST_LOG_SIGMA, _DISAGREEMENT, _BONES = _WHERE.values()


@njit(nogil=True, cache=True)
def _apart(a: Array, b: Array, j: int) -> float:
    """How far joint j of two hands (23, 3) m is apart, as a feature."""
    square = (a[j, 0] - b[j, 0]) ** 2 + (a[j, 1] - b[j, 1]) ** 2 + (a[j, 2] - b[j, 2]) ** 2
    return np.log1p(np.sqrt(square) / UNIT_M)


@njit(nogil=True, cache=True)
def _fill_features(
    coarse: Array, estimated: Array, refined: Array, sigma: Array, below: Array, inside: NDArray[np.bool_],
    lengths: Array, weights: Array, means: Array, deviations: Array, peak: Array, hand: Array, joints: Array,
) -> None:  # fmt: skip
    """Joints (23, 6), and those of the hand's (10,) that joints and bones give. lengths (22,) m of the bones, whose
    mixtures the prior has; see :func:`confidence_features`."""
    worst, total_sigma, total_apart = -np.inf, 0.0, 0.0
    for j in range(len(joints)):
        log_sigma = np.log(min(max(sigma[j], LEAST_SIGMA_M), MOST_SIGMA_M) / UNIT_M)
        apart, seen = _apart(coarse, estimated, j), np.isfinite(below[j])
        worst, total_sigma, total_apart = max(worst, log_sigma), total_sigma + log_sigma, total_apart + apart
        joints[j, 0], joints[j, 1], joints[j, 2] = log_sigma, apart, _apart(refined, estimated, j)
        joints[j, 3], joints[j, 4] = DEPTH_LIMIT, 0.0
        if seen:
            joints[j, 3] = min(max(-below[j] / UNIT_M, 0.0), DEPTH_LIMIT)
            joints[j, 4] = min(max(below[j] / UNIT_M - FLESH_UNITS, 0.0), DEPTH_LIMIT)
        joints[j, 5] = 0.0 if seen and inside[j] else 1.0
    bones = 0.0
    for b in range(len(lengths)):
        density = mixture_density(lengths[b], b, weights, means, deviations)
        bones += np.log(density / peak[b] + BONE_SCORE_FLOOR)
    hand[_MEAN_LOG_SIGMA], hand[_WORST_LOG_SIGMA] = total_sigma / len(joints), worst
    hand[_DISAGREEMENT], hand[_BONES] = total_apart / len(joints), bones / len(lengths)


@dataclass(frozen=True, eq=False)
class Calibration:
    """Weights of both regressions. ValueError when a size is wrong or a value is not finite."""

    hand: Array
    """(10,) in the order of HAND_FEATURES."""
    hand_bias: float
    """Log odds of a hand whose features are all 0."""
    joint: Array
    """(7,) in the order of JOINT_FEATURES."""
    joint_bias: Array
    """(23,), one a joint."""

    def __post_init__(self) -> None:
        wanted = {
            "hand": (len(HAND_FEATURES),),
            "joint": (len(JOINT_FEATURES),),
            "joint_bias": (skeleton.JOINT_COUNT,),
        }
        for name, shape in wanted.items():
            value = np.asarray(getattr(self, name), dtype=np.float64)
            if value.shape != shape or not np.isfinite(value).all():
                raise ValueError(f"calibration {name} has shape {value.shape}, want {shape} finite numbers")
            object.__setattr__(self, name, value)
        if not np.isfinite(self.hand_bias):
            raise ValueError(f"calibration hand_bias is {self.hand_bias}, want a finite number")

    def hand_log_odds(self, features: ConfidenceFeatures) -> float:
        """Log odds of the hand being one and right."""
        return float(np.clip(self.hand @ features.hand + self.hand_bias, -LOG_ODDS_LIMIT, LOG_ODDS_LIMIT))

    def confidence(self, features: ConfidenceFeatures) -> tuple[float, Array]:
        """The confidence of the hand and (23,) of its joints, 0..1."""
        hand = self.hand_log_odds(features)
        joints = self.joint[0] * hand + features.joints @ self.joint[1:] + self.joint_bias
        return float(_sigmoid(hand)), np.asarray(_sigmoid(joints))

    def to_dict(self) -> dict[str, Any]:
        """Plain values by the features' names, as stored with the weights."""
        return {
            "right_m": RIGHT_M,
            "hand": dict(zip(HAND_FEATURES, self.hand.tolist(), strict=True)),
            "hand_bias": self.hand_bias,
            "joint": dict(zip(JOINT_FEATURES, self.joint.tolist(), strict=True)),
            "joint_bias": dict(zip(skeleton.JOINT_NAMES, self.joint_bias.tolist(), strict=True)),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Calibration:
        """The inverse of :meth:`to_dict`; ValueError when features are missing or others."""
        try:
            parts = {
                key: np.array([values[key][name] for name in names], dtype=np.float64)
                for key, names in (
                    ("hand", HAND_FEATURES),
                    ("joint", JOINT_FEATURES),
                    ("joint_bias", skeleton.JOINT_NAMES),
                )
            }
            if values["right_m"] != RIGHT_M or any(
                len(values[key]) != len(part) for key, part in parts.items()
            ):
                raise ValueError("it is for other features or another limit of what is right")
            return cls(parts["hand"], float(values["hand_bias"]), parts["joint"], parts["joint_bias"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"calibration lacks {error}") from error


def uncalibrated() -> Calibration:
    """For weights that bring no calibration: presence, expected errors and visibility with guessed weights."""
    hand = np.array([_GUESSED_HAND_WEIGHTS.get(name, 0.0) for name in HAND_FEATURES])
    joint = np.array([_GUESSED_JOINT_WEIGHTS.get(name, 0.0) for name in JOINT_FEATURES])
    return Calibration(hand, _GUESSED_HAND_BIAS, joint, np.full(skeleton.JOINT_COUNT, _GUESSED_JOINT_BIAS))


def calibration_of(info: CheckpointInfo) -> Calibration:
    """That of the weights; CheckpointError, with the file's name, where it is broken."""
    if not info.calibration:
        return uncalibrated()
    try:
        return Calibration.from_dict(info.calibration)
    except (ValueError, TypeError, KeyError, OverflowError, AttributeError) as error:
        raise CheckpointError(f"{info.path}: its calibration cannot be used: {shown(error)}") from error


def _sigmoid(log_odds: Array | float) -> Array:
    # By the tangent, which overflows nowhere; scipy's, which does the same, takes a tenth of the node's start to load.
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * np.asarray(log_odds))))
