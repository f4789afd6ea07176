"""Joint angles of hands of which only the joints are given, for the angle error.

In: joints (N, K, 3) m of a benchmark's joint set. Out: angles (N, 20) rad in range, by fitting the hand model with
one shape a person: the poster's "off-line model fitting to obtain joint angle ground truth", applied likewise to the
joints of methods that output no angles.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.datasets.benchmarks import Benchmark
from hand_pose_ros.hand.fit_config import FitConfig
from hand_pose_ros.hand.fitting import fit_hands
from hand_pose_ros.hand.skeleton import FIRST_ANGLE


class FittedAngles(NamedTuple):
    """Angles of hands that were fitted to joints."""

    angles: NDArray[np.float64]
    """(N, 20) rad, within their limits."""
    residual_mm: float
    """Mean distance between the given joints and those of the fitted hands."""


def fit_angles(
    joints: NDArray[np.float64], benchmark: Benchmark, sequences: Sequence[slice] | None = None
) -> FittedAngles:
    """Fit the hand model to joints (N, K, 3) m. sequences: the frames of each person (one person's when None)."""
    person = np.zeros(len(joints), dtype=np.int64)
    for number, part in enumerate(sequences or []):
        person[part] = number
    config = FitConfig(side=benchmark.side, shape="sequence")
    fit = fit_hands(joints, benchmark.joint_set, group=person, config=config)
    angles = fit.parameters[:, FIRST_ANGLE:].cpu().numpy()
    return FittedAngles(angles, float(fit.residual.mean()) * 1000.0)
