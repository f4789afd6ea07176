"""What is really known of a hand: the probability that it is one and right, of each joint that it is where it is said.

In: what network, projection, bones and surface say of one crop (:class:`ConfidenceFeatures`). Out: a confidence of the hand and of
each joint, 0..1. Both are logistic regressions on few clues, trained on held-out synthetic crops with and without hands
(``hand-pose calibrate``) and stored with the weights, so that of the hands with confidence 0.8 eight of ten are right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from hand_pose_ros.depth.crop import CropFrame
from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.skeleton import bone_lengths
from hand_pose_ros.refine.bone_prior import BonePrior
from hand_pose_ros.refine.surface_fit import FitStatistics
from hand_pose_ros.tracking.visibility import agreement_of, joint_depths

Array = NDArray[np.float64]

RIGHT_M = 0.020
"""A joint is right when it is off by less than this, a hand when its joints are so on average; metres."""

HAND_FEATURES: tuple[str, ...] = (
    "presence", "log_sigma", "worst_log_sigma", "agreement", "disagreement", "bones", "explained", "residual",
    "floating", "on_surface",
)  # fmt: skip
JOINT_FEATURES: tuple[str, ...] = (
    "hand", "log_sigma", "disagreement", "moved", "floating", "hidden", "background",
)  # fmt: skip
_MOST_LOGIT = 8.0
_UNIT_M = 0.01


@dataclass(frozen=True)
class ConfidenceFeatures:
    """hand (10,) in the order of HAND_FEATURES; joints (23, 6) in the order of JOINT_FEATURES without the first, which is the
    hand's own log odds."""

    hand: Array
    joints: Array


def confidence_features(
    frame: CropFrame,
    crop: NDArray[np.float32],
    presence: float,
    coarse: Array,
    joints: Array,
    refined: Array,
    sigma: Array,
    statistics: FitStatistics,
    prior: BonePrior,
) -> ConfidenceFeatures:
    """What speaks for a hand: presence in log odds; the network's joints before (coarse) and after its hand model and
    after refinement, each (23, 3) local m; expected errors sigma (23,) m; how the refined hand explains the depth."""
    log_sigma = np.log(np.clip(sigma, 1e-4, 1.0) / _UNIT_M)
    apart = np.log1p(np.linalg.norm(coarse - joints, axis=1) / _UNIT_M)
    moved = np.log1p(np.linalg.norm(refined - joints, axis=1) / _UNIT_M)
    # A hand of the model has plausible bones always; what the network saw before it has them only of a hand.
    bones = np.log(prior.score(bone_lengths(coarse)) + 1e-2).mean()
    below, inside = joint_depths(frame, crop, refined)
    floating = np.where(np.isfinite(below), np.clip(-below / _UNIT_M, 0.0, 3.0), 3.0)
    hidden = np.where(np.isfinite(below), np.clip(below / _UNIT_M - 2.0, 0.0, 3.0), 0.0)
    hand = np.array(
        [
            np.clip(presence, -_MOST_LOGIT, _MOST_LOGIT), log_sigma.mean(), log_sigma.max(),
            agreement_of(below, inside), apart.mean(), bones, statistics.explained,
            statistics.residual_m / _UNIT_M, statistics.free_space, statistics.on_surface,
        ]
    )  # fmt: skip
    background = (~np.isfinite(below) | ~inside).astype(np.float64)
    return ConfidenceFeatures(
        hand, np.stack([log_sigma, apart, moved, floating, hidden, background], axis=-1)
    )


@dataclass(frozen=True)
class Calibration:
    """Weights of both regressions: hand (10,) with its bias, joint (7,) with a bias a joint (23,).

    ValueError when a size is wrong or a value is not finite.
    """

    hand: Array
    hand_bias: float
    joint: Array
    joint_bias: Array

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

    def hand_log_odds(self, clues: ConfidenceFeatures) -> float:
        """Log odds of the hand being one and right."""
        return float(np.clip(self.hand @ clues.hand + self.hand_bias, -_MOST_LOGIT, _MOST_LOGIT))

    def confidence(self, clues: ConfidenceFeatures) -> tuple[float, Array]:
        """-> confidence of the hand and (23,) of its joints, 0..1."""
        hand = self.hand_log_odds(clues)
        joints = self.joint[0] * hand + clues.joints @ self.joint[1:] + self.joint_bias
        return float(_sigmoid(hand)), np.asarray(_sigmoid(joints))

    def to_dict(self) -> dict[str, Any]:
        """Plain values by the clues' names, as stored with the weights."""
        return {
            "right_m": RIGHT_M,
            "hand": dict(zip(HAND_FEATURES, self.hand.tolist(), strict=True)),
            "hand_bias": self.hand_bias,
            "joint": dict(zip(JOINT_FEATURES, self.joint.tolist(), strict=True)),
            "joint_bias": dict(zip(skeleton.JOINT_NAMES, self.joint_bias.tolist(), strict=True)),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Calibration:
        """The inverse of :meth:`to_dict`; ValueError when clues are missing or others."""
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
                raise ValueError("it is for other clues or another limit of what is right")
            return cls(parts["hand"], float(values["hand_bias"]), parts["joint"], parts["joint_bias"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"calibration lacks {error}") from error


def uncalibrated() -> Calibration:
    """For weights that bring no calibration: the network's expected errors alone, roughly right."""
    hand, joint = np.zeros(len(HAND_FEATURES)), np.zeros(len(JOINT_FEATURES))
    hand[HAND_FEATURES.index("presence")] = 0.3
    hand[HAND_FEATURES.index("log_sigma")] = -3.0
    hand[HAND_FEATURES.index("agreement")] = 3.0
    joint[JOINT_FEATURES.index("hand")], joint[JOINT_FEATURES.index("log_sigma")] = 0.3, -2.0
    return Calibration(hand, -1.0, joint, np.full(skeleton.JOINT_COUNT, 1.0))


def _sigmoid(log_odds: Array | float) -> Array:
    return np.asarray(expit(log_odds))
