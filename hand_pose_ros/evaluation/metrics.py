"""Errors of a set of predicted hands.

In: predicted and true joints (N, K, 3) in metres, any frame common to both; angles (N, 20) in radians.
Out: errors in millimetres, angles in degrees, fractions in 0..1; :func:`evaluate` gathers them all.

Definitions follow the literature that the two papers compare with: the mean error is the mean Euclidean distance over
all joints of all frames; a frame is a success under a threshold when its worst joint error is at most the threshold
(SDNet, section 5.2: one dislocated joint makes the hand a failure).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hand_pose_ros.hand.skeleton import ANGLE_LIMITS, ANGLE_NAMES, bone_lengths

THRESHOLDS_MM: tuple[float, ...] = (20.0, 40.0)
"""Thresholds whose success fractions are printed. Chosen by hand, as the next."""
CURVE_LIMIT_MM = 80.0
"""Upper end of the success curve, and of the area under it."""
ANGLE_TOLERANCE_RAD = 1e-4
"""An angle counts as out of range when it is outside by more than this (6e-3 degrees: float32 at its limit is not)."""

Bones = Sequence[tuple[int, int]]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """One method's figures; None where the data for it was not given."""

    name: str
    """Of the method, in tables and figures."""
    joint_names: tuple[str, ...]
    """(K,) of the joints."""
    joint_mm: NDArray[np.float64]
    """(K,) mean error of each joint."""
    worst_mm: NDArray[np.float64]
    """(N,) each frame's worst joint error."""
    mean_mm: NDArray[np.float64]
    """(N,) each frame's mean joint error."""
    thresholds_mm: tuple[float, ...]
    """Of the success fractions."""
    success: tuple[float, ...]
    """Fraction of frames whose worst error is at most each threshold."""
    mean_success: tuple[float, ...]
    """Fraction of frames whose mean error is at most each threshold."""
    area: float
    """Area under the worst-joint success curve from 0 to CURVE_LIMIT_MM, 1 is perfect."""
    median_joint_mm: float
    """Median error of all joints of all frames."""
    angle_deg: float | None = None
    """Mean absolute angle error."""
    angles_deg: NDArray[np.float64] | None = None
    """(20,) mean absolute error of each angle."""
    out_of_range: float | None = None
    """Fraction of frames with at least one angle outside its limits."""
    bone_spread_mm: float | None = None
    """Mean over bones of the standard deviation of their length within a sequence; 0 for a rigid skeleton."""
    bone_error_mm: float | None = None
    """Mean absolute difference of bone lengths to the truth."""

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self.mean_mm)

    @property
    def error_mm(self) -> float:
        """Mean error over all joints of all frames."""
        return float(self.mean_mm.mean())

    @property
    def median_mm(self) -> float:
        """Median over the frames of the mean joint error."""
        return float(np.median(self.mean_mm))


def _checked(joints: ArrayLike, what: str) -> NDArray[np.float64]:
    array = np.asarray(joints, dtype=np.float64)
    if array.ndim != 3 or array.shape[2] != 3 or 0 in array.shape:
        raise ValueError(
            f"{what} has shape {array.shape}, want (frames, joints, 3) with at least one of each"
        )
    if not np.isfinite(array).all():
        frame = int(np.argwhere(~np.isfinite(array))[0, 0])
        raise ValueError(f"{what} holds a value that is not finite in frame {frame}")
    return array


def joint_errors_mm(prediction: ArrayLike, truth: ArrayLike) -> NDArray[np.float64]:
    """Euclidean distance of each joint: (N, K, 3) m and (N, K, 3) m -> (N, K) mm. ValueError on unequal shapes."""
    a, b = _checked(prediction, "prediction"), _checked(truth, "truth")
    if a.shape != b.shape:
        raise ValueError(f"prediction has shape {a.shape}, truth {b.shape}: they must be equal")
    return np.asarray(np.linalg.norm(a - b, axis=-1) * 1000.0)


def success_curve(errors_mm: ArrayLike, thresholds_mm: ArrayLike) -> NDArray[np.float64]:
    """Fraction of the errors (N,) that are at most each threshold (T,), thresholds included -> (T,) in 0..1.

    Give each frame's worst joint error for the papers' curve, its mean error for the mean-error curve.
    """
    ordered = np.sort(np.asarray(errors_mm, dtype=np.float64).ravel())
    if ordered.size == 0:
        raise ValueError("no errors given, want at least one frame")
    return np.searchsorted(ordered, np.asarray(thresholds_mm, dtype=np.float64), side="right") / ordered.size


def area_under_curve(errors_mm: ArrayLike, limit_mm: float = CURVE_LIMIT_MM) -> float:
    """Area under :func:`success_curve` from 0 to limit_mm, divided by limit_mm: in 0..1.

    Exact, not a sum over sampled thresholds: a frame with error e adds the stretch from e to the limit.
    """
    if not limit_mm > 0.0:
        raise ValueError(f"limit_mm is {limit_mm}, want a positive length")
    errors = np.asarray(errors_mm, dtype=np.float64)
    return float(np.clip(1.0 - errors / limit_mm, 0.0, 1.0).mean())


def angle_errors_deg(prediction: ArrayLike, truth: ArrayLike) -> NDArray[np.float64]:
    """Mean absolute difference of each angle: (N, A) rad and (N, A) rad -> (A,) degrees.

    Differences are taken on the circle, so that 359 and 1 degrees differ by 2.
    """
    a, b = np.asarray(prediction, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    if a.shape != b.shape or a.ndim != 2 or 0 in a.shape:
        raise ValueError(f"angles have shapes {a.shape} and {b.shape}, want the same (frames, angles)")
    difference = np.abs((a - b + np.pi) % (2.0 * np.pi) - np.pi)
    return np.asarray(np.degrees(difference).mean(axis=0))


def out_of_range_fraction(
    angles: ArrayLike, limits: ArrayLike = ANGLE_LIMITS, tolerance_rad: float = ANGLE_TOLERANCE_RAD
) -> float:
    """Fraction of frames with at least one angle outside its limits: angles (N, A) rad, limits (A, 2) rad -> 0..1."""
    values, bounds = np.asarray(angles, dtype=np.float64), np.asarray(limits, dtype=np.float64)
    if values.ndim != 2 or len(values) == 0 or bounds.shape != (values.shape[1], 2):
        raise ValueError(f"angles have shape {values.shape}, want (frames, {len(bounds)})")
    outside = (values < bounds[:, 0] - tolerance_rad) | (values > bounds[:, 1] + tolerance_rad)
    return float(outside.any(axis=1).mean())


def bone_spread_mm(
    joints: ArrayLike, bones: Bones, sequences: Sequence[slice] | None = None
) -> NDArray[np.float64]:
    """How much each bone's length varies -> (B,) mm: its standard deviation within one person's frames.

    sequences: the frames of each person (their hands differ in size); all frames are one person's when it is None.
    """
    lengths = bone_lengths(joints, bones) * 1000.0
    parts = [lengths[part] for part in (sequences or [slice(None)])]
    deviations = np.concatenate([part - part.mean(axis=0) for part in parts if len(part)])
    return np.asarray(np.sqrt((deviations**2).mean(axis=0)))


def evaluate(
    name: str,
    prediction: ArrayLike,
    truth: ArrayLike,
    joint_names: Sequence[str],
    *,
    thresholds_mm: Sequence[float] = THRESHOLDS_MM,
    bones: Bones | None = None,
    sequences: Sequence[slice] | None = None,
    angles: ArrayLike | None = None,
    true_angles: ArrayLike | None = None,
    raw_angles: ArrayLike | None = None,
) -> Evaluation:
    """All figures of one method. prediction, truth (N, K, 3) m; angles (N, 20) rad are optional.

    bones: (near, far) joint indices, for the bone figures; sequences: the frames of each person, for the bones'
    spread (None when every frame may show another person). angles and true_angles give the angle error, raw_angles
    (not yet clamped to their limits) the share of frames out of range.
    ValueError when the shapes do not fit each other.
    """
    errors = joint_errors_mm(prediction, truth)
    if len(joint_names) != errors.shape[1]:
        raise ValueError(f"{len(joint_names)} joint names for {errors.shape[1]} joints")
    worst, mean = errors.max(axis=1), errors.mean(axis=1)
    per_angle = None
    if angles is not None and true_angles is not None:
        per_angle = angle_errors_deg(angles, true_angles)
    spread = bone_error = None
    if bones:
        if sequences is not None:
            spread = float(bone_spread_mm(prediction, bones, sequences).mean())
        bone_error = float(
            np.abs(bone_lengths(prediction, bones) * 1000.0 - bone_lengths(truth, bones) * 1000.0).mean()
        )
    return Evaluation(
        name=name,
        joint_names=tuple(joint_names),
        joint_mm=errors.mean(axis=0),
        worst_mm=worst,
        mean_mm=mean,
        thresholds_mm=tuple(float(t) for t in thresholds_mm),
        success=tuple(float(f) for f in success_curve(worst, thresholds_mm)),
        mean_success=tuple(float(f) for f in success_curve(mean, thresholds_mm)),
        area=area_under_curve(worst),
        median_joint_mm=float(np.median(errors)),
        angle_deg=None if per_angle is None else float(per_angle.mean()),
        angles_deg=per_angle,
        out_of_range=None if raw_angles is None else out_of_range_fraction(raw_angles),
        bone_spread_mm=spread,
        bone_error_mm=bone_error,
    )


def angle_table(evaluation: Evaluation) -> dict[str, float]:
    """Angle errors by name, degrees; empty when there are none."""
    if evaluation.angles_deg is None or len(evaluation.angles_deg) != len(ANGLE_NAMES):
        return {}
    return {name: float(value) for name, value in zip(ANGLE_NAMES, evaluation.angles_deg, strict=True)}


def rank_correlation(a: ArrayLike, b: ArrayLike) -> float:
    """Spearman's rank correlation of two arrays of one size, ties in any order: -1 to 1."""
    ranks = [np.argsort(np.argsort(np.asarray(values).ravel())) for values in (a, b)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])
