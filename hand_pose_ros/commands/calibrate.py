"""``hand-pose calibrate``: teach a weights file how far its hands can be trusted.

In: a weights file with a hand model. Out: the same weights with a calibration beside them, tables in Markdown on the
terminal, and on request a reliability diagram. Fitted on the synthetic split 2, measured on split 3; a network trains
on neither.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from hand_pose_ros.evaluation.reliability import (
    Reliability,
    reliability,
    reliability_figure,
    roc_area,
)
from hand_pose_ros.files import replaced
from hand_pose_ros.hand import skeleton
from hand_pose_ros.network.checkpoint import load_model, store_calibration
from hand_pose_ros.resources import model_file
from hand_pose_ros.synthetic.negatives import KINDS
from hand_pose_ros.tracking.confidence import RIGHT_M, Calibration, ConfidenceFeatures
from hand_pose_ros.tuning.calibration_cases import Cases, gather_cases
from hand_pose_ros.visualization.figures import save_figure

Array = NDArray[np.float64]
Booleans = NDArray[np.bool_]

FIT_SPLIT, REPORT_SPLIT = 2, 3
PRESENCE_THRESHOLDS: tuple[float, ...] = (0.0, 2.0, 4.0)
"""Log odds of presence at which the report says what is missed and what is taken."""

_LEAST_CROPS = 40
# Of scikit-learn: how little the weights are held back. There are hundreds of crops a weight.
_LOOSE = 100.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``hand-pose calibrate``."""
    parser.add_argument("--model", type=Path, help="weights file (default: the shipped model)")
    parser.add_argument(
        "--count", type=int, default=6000, help="crops to fit on; half as many to report (default: 6000)"
    )
    parser.add_argument("--output", type=Path, help="weights file to write (default: the model itself)")
    parser.add_argument("--figure", type=Path, help="PNG file for the reliability diagram")


def run(arguments: argparse.Namespace) -> None:
    """Fit, measure, store; ValueError on too few crops or a network without a hand model."""
    if arguments.count < _LEAST_CROPS:
        raise ValueError(f"count is {arguments.count}, want at least {_LEAST_CROPS} crops")
    path = model_file(arguments.model)
    torch.set_num_threads(1)
    model = load_model(path)
    calibration = fit_calibration(gather_cases(model, FIT_SPLIT, arguments.count))
    cases = gather_cases(model, REPORT_SPLIT, arguments.count // 2)
    hand, joints = cases.confidence(calibration)
    measured = {
        "Hand": reliability(hand, cases.hand_right),
        "Joints": reliability(joints, cases.joints_right),
    }
    print(confidence_table(measured))
    print(separation_table(cases, hand))
    if arguments.figure is not None:
        save_figure(reliability_figure(measured), arguments.figure, dpi=200)
    store(path, arguments.output or path, calibration)


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
            first.hand_log_odds(ConfidenceFeatures(clues, joints))
            for clues, joints in zip(cases.hand, cases.joints, strict=True)
        ]
    )
    shape = cases.joints.shape[:2]
    seen = np.concatenate([np.broadcast_to(log_odds[:, None, None], (*shape, 1)), cases.joints], axis=2)
    which = np.broadcast_to(np.arange(shape[1]), shape)
    joint, joint_bias = _logistic(seen.reshape(-1, seen.shape[2]), cases.joints_right.ravel(), which.ravel())
    return Calibration(hand, float(hand_bias[0]), joint, joint_bias)


def _logistic(clues: Array, right: Booleans, group: NDArray[np.int64] | None = None) -> tuple[Array, Array]:
    """clues (M, K), right (M,), group (M,) from 0 -> weights (K,), a bias for each group (one where None)."""
    from sklearn.linear_model import LogisticRegression

    mean, spread = clues.mean(axis=0), np.maximum(clues.std(axis=0), 1e-6)
    groups = np.zeros(len(clues), np.int64) if group is None else group
    columns = np.concatenate([(clues - mean) / spread, np.eye(groups.max() + 1)[groups]], axis=1)
    fitted = LogisticRegression(C=_LOOSE, fit_intercept=False, max_iter=2000).fit(columns, right)
    weights = fitted.coef_[0, : clues.shape[1]] / spread
    return weights, fitted.coef_[0, clues.shape[1] :] - weights @ mean


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
    """How hands are told from everything else, by presence alone and by confidence, in Markdown: at each threshold the
    share of the hands missed, and of each kind of crop without a hand the share taken."""
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
