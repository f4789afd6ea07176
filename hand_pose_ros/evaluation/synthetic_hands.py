"""``hand-pose evaluate`` on synthetic hands: fixed seeds, people, poses and views that training never draws.

In: the command's arguments. Out: an :class:`Outcome` for each network, with the figures of parts of the hands.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from hand_pose_ros.datasets.seeds import VALIDATION_SPLIT, validation_seed
from hand_pose_ros.datasets.synthetic import RECROP_MARGIN_M, Batch, Recrop, synthetic_source
from hand_pose_ros.evaluation.metrics import evaluate, joint_errors_mm
from hand_pose_ros.evaluation.outcomes import CHUNK, Outcome, checkpoints
from hand_pose_ros.evaluation.predict import Predictions, join, predict
from hand_pose_ros.evaluation.ranked_sheet import judged_sheet
from hand_pose_ros.hand.skeleton import BONES, JOINT_NAMES
from hand_pose_ros.synthetic.sensor_presets import DEFAULT_SENSORS
from hand_pose_ros.visualization.pictures import write_png

EVALUATION_DATA: dict[str, Any] = {"sensors": DEFAULT_SENSORS, "scene": {"held": 0.12, "other_hand": 0.12}}
"""What every network is judged on, whatever it was trained on: both mesh families, every view, noise of all sensors,
bodies, walls and things about the hand, held things, other hands."""
_END_ON_COSINE = float(np.cos(np.radians(30.0)))
"""A hand is seen end-on when its axis is within 30 degrees of the viewing ray."""

FLESH_M = 0.022
"""A joint lies less than this below the skin that shows it, m."""
SYNTHETIC_COUNT = 4096
"""Hands that are judged unless asked otherwise."""


def on_synthetic(a: argparse.Namespace) -> list[Outcome]:
    """Every network that the arguments name, judged on the same synthetic hands; with two looks an outcome for each."""
    outcomes = []
    for name, model, _, source in checkpoints(a):
        crop: dict[str, Any] = {"size": model.config.crop_size, "cube_m": model.config.cube_m}
        if a.looks > 1:
            crop["margin_m"] = RECROP_MARGIN_M
        if a.border:
            crop["border"] = a.border
        if a.families is not None:
            crop["families"] = tuple(a.families)
        hands = synthetic_source({**EVALUATION_DATA, **crop}, VALIDATION_SPLIT)
        count = a.count or SYNTHETIC_COUNT
        looks: list[list[tuple[Predictions, Batch]]] = [[] for _ in range(a.looks)]
        starts = range(0, count, CHUNK)
        for index, start in enumerate(tqdm(starts, desc=name, unit="batch", disable=None, leave=False)):
            seed, recrop = validation_seed(a.seed, index), None
            for look in looks:
                batch = hands.batch(seed, min(CHUNK, count - start), recrop)
                look.append((predict(model, batch.crop, batch.distance), batch))
                recrop = Recrop.about(look[-1][0].joints)
        for number, look in enumerate(looks):
            label = name if number == 0 else f"{name}, second look"
            outcomes.append(_synthetic_outcome(label, a, look, hands.config.families, crop["cube_m"], source))
        if a.pictures is not None:
            _write_pictures(a.pictures, looks[-1], model.config.cube_m)
    return outcomes


def _write_pictures(path: Path, look: list[tuple[Predictions, Batch]], cube_m: float) -> None:
    """The sheet of one look's frames."""
    crop, distance, truth = (
        np.concatenate([getattr(batch, name) for _, batch in look]) for name in ("crop", "distance", "joints")
    )
    found = np.concatenate([predictions.joints for predictions, _ in look])
    write_png(path, judged_sheet(crop, distance, truth, found, cube_m))


def joints_seen(batch: Batch, cube_m: float) -> NDArray[np.bool_]:
    """(N, 23): which true joints the crops show: a surface less than FLESH_M before the joint, where it is in the
    picture (the median of 3 x 3 pixels). Others are hidden, by the hand itself or something else, or not measured."""
    size = batch.crop.shape[-1]
    hands, half = len(batch.joints), cube_m / 2
    depth = batch.joints[..., 2]
    place = batch.joints[..., :2] / (half * (1 + depth / batch.distance[:hands, None]))[..., None]
    column, row = np.moveaxis(np.clip(((place + 1) * size / 2).astype(int), 1, size - 2), -1, 0)
    each = np.arange(hands)[:, None]
    around = [batch.crop[each, 0, row + r, column + c] for r in (-1, 0, 1) for c in (-1, 0, 1)]
    surface = np.median(around, axis=0)
    inside = (np.abs(place) < 1).all(axis=-1)
    return inside & (surface < 0.999) & (depth - surface * half < FLESH_M)


def seen_end_on(batch: Batch) -> NDArray[np.bool_]:
    """(N,): which hands are seen end-on."""
    return np.asarray(np.abs(batch.rotation[:, 2, 0]) > _END_ON_COSINE)


def _synthetic_outcome(
    name: str,
    a: argparse.Namespace,
    look: list[tuple[Predictions, Batch]],
    families: tuple[str, ...],
    cube_m: float,
    source: dict[str, Any],
) -> Outcome:
    """Figures of one look at the synthetic hands; each look has frames of its own."""
    found, batches = join([predictions for predictions, _ in look]), [batch for _, batch in look]
    truth = np.concatenate([batch.joints for batch in batches])
    evaluation = evaluate(
        name,
        found.joints,
        truth,
        JOINT_NAMES,
        thresholds_mm=a.thresholds,
        bones=BONES,
        angles=found.angles,
        true_angles=np.concatenate([batch.angles for batch in batches]),
        raw_angles=found.raw_angles,
    )
    source = source | {"seed": a.seed, **_network_figures(found, truth)}
    family = np.concatenate([batch.family for batch in batches])
    source["mesh_family_error_mm"] = {
        str(families[f]): float(evaluation.mean_mm[family == f].mean()) for f in np.unique(family)
    }
    end_on = np.concatenate([seen_end_on(batch) for batch in batches])
    source["end_on_share"] = float(end_on.mean())
    source["end_on_error_mm"] = float(evaluation.mean_mm[end_on].mean()) if end_on.any() else None
    error = joint_errors_mm(found.joints, truth)
    source["worst_joint_under_30_mm"] = float((error.max(axis=1) < 30.0).mean())
    seen = np.concatenate([joints_seen(batch, cube_m) for batch in batches])
    source["seen_joint_share"] = float(seen.mean())
    source["seen_joint_error_mm"] = float(error[seen].mean()) if seen.any() else None
    source["hidden_joint_error_mm"] = float(error[~seen].mean()) if not seen.all() else None
    source["worst_seen_joint_under_30_mm"] = float((np.where(seen, error, 0.0).max(axis=1) < 30.0).mean())
    return Outcome(evaluation, source, found.joints.astype(np.float64))


def parts_line(outcome: Outcome) -> str:
    """Errors of parts of the synthetic hands, one line."""
    source = outcome.source
    families = ", ".join(f"{name} {error:.2f}" for name, error in source["mesh_family_error_mm"].items())
    end_on = source["end_on_error_mm"]
    seen = "none" if end_on is None else f"{end_on:.2f}"
    parts = {
        "of joints that are seen": source["seen_joint_error_mm"],
        "hidden": source["hidden_joint_error_mm"],
    }
    visible = ", ".join(f"{name} {error:.2f}" for name, error in parts.items() if error is not None)
    return (
        f"{outcome.evaluation.name}: mean error, mm: {families}, end-on {seen} "
        f"({100 * source['end_on_share']:.0f} % of frames), {visible} ({100 * source['seen_joint_share']:.0f} % of "
        f"joints seen)\n  worst joint under 30 mm in {100 * source['worst_joint_under_30_mm']:.1f} % of frames, worst "
        f"joint that is seen in {100 * source['worst_seen_joint_under_30_mm']:.1f} %"
    )


def _network_figures(found: Predictions, truth: NDArray[np.floating]) -> dict[str, float]:
    """What only a network has: the error before the hand model, and how well it knows its own error."""
    error = joint_errors_mm(found.joints, truth).ravel()
    ranks = [values.argsort().argsort() for values in (error, found.sigma.ravel())]
    return {
        "coarse_error_mm": float(joint_errors_mm(found.coarse, truth).mean()),
        "confidence_rank_correlation": float(np.corrcoef(ranks[0], ranks[1])[0, 1]),
    }
