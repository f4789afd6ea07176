"""The prior of bone lengths, trained on the labels of synthetic hands.

In: bone lengths (N, 22) in metres, in the order of ``skeleton.BONES``, of many subjects. Out: a
:class:`hand_pose_ros.refine.bone_prior.BonePrior`. The fitting needs scikit-learn; nothing on a frame's path does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.mixture import GaussianMixture

from hand_pose_ros.datasets.synthetic import SyntheticHands
from hand_pose_ros.datasets.synthetic_config import SyntheticConfig
from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.skeleton import bone_lengths
from hand_pose_ros.refine.bone_prior import COMPONENTS, BonePrior

Array = NDArray[np.float64]

# Variance (mm^2) that EM adds to each component, so that none shrinks onto one subject. Guessed.
_LEAST_VARIANCE_MM2 = 0.01


def label_lengths(config: SyntheticConfig) -> Array:
    """Bone lengths (N, 22) m of a split's N subjects. They vary with the subject alone, so each counts once."""
    subjects = SyntheticHands(config).subjects
    count = len(subjects)
    rotation = np.tile(np.eye(3), (count, 1, 1))
    angles = np.zeros((count, skeleton.ANGLE_COUNT))
    return bone_lengths(subjects.pose(np.arange(count), angles, rotation, np.zeros((count, 3))).joints)


def train_bone_prior(
    lengths: ArrayLike, seed: int = 0, trained_on: Mapping[str, Any] | None = None
) -> BonePrior:
    """Fit a mixture to each bone's lengths (N, 22) m with EM; the same seed gives the same prior.

    ValueError on fewer than 10 subjects for each component or lengths that are not positive.
    """
    samples = np.asarray(lengths, dtype=np.float64)
    if samples.ndim != 2 or samples.shape[1] != len(skeleton.BONES) or len(samples) < 10 * COMPONENTS:
        raise ValueError(f"lengths have shape {samples.shape}, want (at least {10 * COMPONENTS}, 22)")
    if not (np.isfinite(samples).all() and samples.min() > 0.0):
        raise ValueError("lengths hold a value that is not a positive number of metres")
    fits = [
        GaussianMixture(COMPONENTS, reg_covar=_LEAST_VARIANCE_MM2, random_state=seed, max_iter=500).fit(
            1e3 * samples[:, bone : bone + 1]
        )
        for bone in range(samples.shape[1])
    ]
    weights = np.stack([fit.weights_ for fit in fits])
    return BonePrior(
        weights / weights.sum(axis=1, keepdims=True),
        np.stack([fit.means_[:, 0] for fit in fits]) / 1e3,
        np.sqrt(np.stack([fit.covariances_[:, 0, 0] for fit in fits])) / 1e3,
        dict(trained_on or {}),
    )
