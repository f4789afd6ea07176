"""How far a network's hands can be trusted: fitted to cases, measured, stored with the weights.

In: cases with the features of each hand and whether it was right. Out: a
:class:`hand_pose_ros.tracking.confidence.Calibration`, tables in Markdown, a weights file with the calibration. The
fitting needs scikit-learn; nothing on a frame's path does.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from hand_pose_ros.evaluation.reliability import Reliability, roc_area
from hand_pose_ros.files import replaced
from hand_pose_ros.hand import skeleton
from hand_pose_ros.network.checkpoint import store_calibration
from hand_pose_ros.synthetic.negatives import KINDS
from hand_pose_ros.tracking.confidence import RIGHT_M, Calibration, ConfidenceFeatures
from hand_pose_ros.tuning.calibration_cases import Cases

Array = NDArray[np.float64]
Booleans = NDArray[np.bool_]

PRESENCE_THRESHOLDS: tuple[float, ...] = (0.0, 2.0, 4.0)
"""Log odds of presence at which the report lists what is missed and what is taken. Chosen by hand."""

# Scikit-learn's C, the inverse of the regularisation. Guessed: weak, for there are hundreds of crops a weight.
_INVERSE_REGULARISATION = 100.0


def store(source: Path, target: Path, calibration: Calibration) -> None:
    """Write the weights of ``source`` with a calibration to ``target``, in one step."""
    with replaced(target) as temporary:
        shutil.copyfile(source, temporary)
        store_calibration(temporary, calibration.to_dict())


def fit_calibration(cases: Cases) -> Calibration:
    """Both logistic regressions, that of the joints on the log odds of the first; ValueError when no hand, or every
    crop, is right."""
    right = int(cases.hand_right.sum())
    if not 0 < right < len(cases):
        raise ValueError(
            f"{right} of {len(cases)} crops are a hand and right, want some of both: nothing to fit"
        )
    hand, hand_bias = _logistic(cases.hand, cases.hand_right)
    first = Calibration(
        hand, float(hand_bias[0]), np.zeros(cases.joints.shape[2] + 1), np.zeros(skeleton.JOINT_COUNT)
    )
    log_odds = np.array(
        [
            first.hand_log_odds(ConfidenceFeatures(features, joints))
            for features, joints in zip(cases.hand, cases.joints, strict=True)
        ]
    )
    shape = cases.joints.shape[:2]
    seen = np.concatenate([np.broadcast_to(log_odds[:, None, None], (*shape, 1)), cases.joints], axis=2)
    which = np.broadcast_to(np.arange(shape[1]), shape)
    joint, joint_bias = _logistic(seen.reshape(-1, seen.shape[2]), cases.joints_right.ravel(), which.ravel())
    return Calibration(hand, float(hand_bias[0]), joint, joint_bias)


def _logistic(
    features: Array, right: Booleans, group: NDArray[np.int64] | None = None
) -> tuple[Array, Array]:
    """features (M, K), right (M,), group (M,) from 0 -> weights (K,), a bias for each group (one where None)."""
    mean, spread = features.mean(axis=0), np.maximum(features.std(axis=0), 1e-6)
    groups = np.zeros(len(features), np.int64) if group is None else group
    columns = np.concatenate([(features - mean) / spread, np.eye(groups.max() + 1)[groups]], axis=1)
    fitted = LogisticRegression(C=_INVERSE_REGULARISATION, fit_intercept=False, max_iter=2000).fit(
        columns, right
    )
    weights = fitted.coef_[0, : features.shape[1]] / spread
    return weights, fitted.coef_[0, features.shape[1] :] - weights @ mean


def confidence_table(measured: dict[str, Reliability]) -> str:
    """How far the confidences come true, in Markdown."""
    lines = [
        f"| right to {1e3 * RIGHT_M:.0f} mm | count | share right | calibration error | Brier (of the share) "
        "| ROC area |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, m in measured.items():
        lines.append(
            f"| {name.lower()} | {m.count.sum()} | {_percent(m.share)} | {m.expected_error:.3f} "
            f"| {m.brier:.3f} ({m.brier_of_share:.3f}) | {m.roc_area:.3f} |"
        )
    return "\n".join(lines) + "\n"


def separation_table(cases: Cases, confidence: Array) -> str:
    """How hands are separated from everything else, by presence alone and by confidence, in Markdown: at each threshold
    the share of the hands missed, and of each kind of crop without a hand the share taken."""
    kinds = [name for k, name in enumerate(KINDS) if (cases.kind == k).any()]
    counts = [int((cases.kind == KINDS.index(name)).sum()) for name in kinds]
    lines = [
        f"| taken as a hand | {cases.is_hand.sum()} hands missed | {(~cases.is_hand).sum()} others taken | "
        + " | ".join(f"{count} {name}" for count, name in zip(counts, kinds, strict=True)) + " |",
        "| --- |" + " ---: |" * (2 + len(kinds)),
    ]  # fmt: skip
    rules = [(f"presence > {limit:g}", cases.presence > limit) for limit in PRESENCE_THRESHOLDS]
    rules += [(f"confidence > {limit:g}", confidence > limit) for limit in (0.05, 0.15, 0.5)]
    for name, taken in rules:
        lines.append(f"| {name} | {' | '.join(_percent(share) for share in _shares(cases, taken, kinds))} |")
    areas = [roc_area(score, cases.is_hand) for score in (cases.presence, confidence)]
    return "\n".join(lines) + (
        f"\n\nROC area, hands against all else: {areas[0]:.4f} by presence, {areas[1]:.4f} by confidence.\n"
    )


def _shares(cases: Cases, taken: Booleans, kinds: Sequence[str]) -> list[float]:
    """Of the hands missed, of all others taken, of each kind taken."""
    others = [~cases.is_hand] + [cases.kind == KINDS.index(name) for name in kinds]
    return [float((~taken[cases.is_hand]).mean()), *(float(taken[rows].mean()) for rows in others)]


def _percent(share: float) -> str:
    return f"{100.0 * share:.2f} %"
