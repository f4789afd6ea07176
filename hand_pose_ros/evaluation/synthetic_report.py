"""Errors of a network on synthetic hands.

In: a HandNet, a source of labelled hands, a seed. Out: :class:`SyntheticReport`, lengths in millimetres.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from hand_pose_ros.datasets.seeds import validation_seed
from hand_pose_ros.datasets.torch_batch import Source, to_torch
from hand_pose_ros.evaluation.metrics import rank_correlation
from hand_pose_ros.hand import skeleton
from hand_pose_ros.network.losses import first_hands
from hand_pose_ros.network.model import HandNet

# Chosen by hand.
WORST_JOINT_MM: tuple[int, ...] = (20, 30, 40)


@dataclass(frozen=True)
class SyntheticReport:
    """Errors of a network over crops of synthetic hands."""

    count: int
    """Crops with a hand."""
    seed: int
    """Of the crops."""
    mean_mm: float
    """Mean error of the final joints."""
    median_mm: float
    """Median error of the final joints."""
    coarse_mean_mm: float
    """Mean error of the joints before the hand model."""
    coarse_median_mm: float
    """Median error of the joints before the hand model."""
    per_joint_mm: dict[str, float]
    """Mean error by joint name."""
    per_family_mm: dict[str, float]
    """Mean error by the index of the mesh family."""
    worst_joint_below: dict[str, float]
    """Share of frames whose worst joint is off by less than 20, 30, 40 mm."""
    confidence_correlation: float
    """Rank correlation of predicted and true joint error."""
    angle_error_deg: float | None
    """Mean absolute error of the angles; None for networks without parameters."""
    out_of_range: float | None
    """Share of frames with any angle outside its limits (by over 0.001 rad) before the clamp; None likewise."""
    hands_missed: float | None = None
    """Share of the hands that the network takes for none; None where it has no such output."""
    nothing_taken: float | None = None
    """Share of the crops without a hand that the network takes for one; None likewise, and where none was shown."""
    wrong_side: float | None = None
    """Share of the hands whose mirrored crop looks more like a right hand to the network; None likewise."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def evaluate_synthetic(
    model: HandNet, source: Source, seed: int, count: int, batch: int = 128
) -> SyntheticReport:
    """Run the model (as in inference: evaluation mode, clamped) on ``count`` hands that training never draws.

    Its mode is restored.
    """
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    collected: dict[str, list[np.ndarray]] = {}
    try:
        for index, start in enumerate(range(0, count, batch)):
            raw = source.batch(validation_seed(seed, index), min(batch, count - start))
            for key, value in _errors(model, raw, device).items():
                collected.setdefault(key, []).append(value)
    finally:
        model.train(was_training)
    values = {key: np.concatenate(parts) for key, parts in collected.items()}
    error, families = values["error"], values["family"]
    negatives = values.get("negatives", np.empty(0))
    return SyntheticReport(
        count=len(error),
        seed=seed,
        mean_mm=float(error.mean()),
        median_mm=float(np.median(error)),
        coarse_mean_mm=float(values["coarse"].mean()),
        coarse_median_mm=float(np.median(values["coarse"])),
        per_joint_mm=dict(zip(skeleton.JOINT_NAMES, error.mean(0).round(3).tolist(), strict=True)),
        per_family_mm={_family(source, f): float(error[families == f].mean()) for f in np.unique(families)},
        worst_joint_below={str(t): float((error.max(1) < t).mean()) for t in WORST_JOINT_MM},
        confidence_correlation=rank_correlation(values["sigma"], error),
        angle_error_deg=float(np.degrees(values["angle"].mean())) if "angle" in values else None,
        out_of_range=float(values["outside"].mean()) if "outside" in values else None,
        hands_missed=float((values["hand"] < 0).mean()) if "hand" in values else None,
        nothing_taken=float((negatives >= 0).mean()) if negatives.size else None,
        wrong_side=float((values["right"] <= values["left"]).mean()) if "right" in values else None,
    )


def _errors(model: HandNet, raw: Any, device: torch.device) -> dict[str, np.ndarray]:
    batch = to_torch(raw, device)
    with torch.inference_mode():
        output = model(batch.crop.contiguous(memory_format=torch.channels_last), batch.distance)
    truth = batch.target
    hands = len(truth.joints)
    presence = output.presence
    output = first_hands(output, hands)
    values = {
        "error": 1000 * (output.joints - truth.joints).norm(dim=-1),
        "coarse": 1000 * (output.coarse - truth.joints).norm(dim=-1),
        "sigma": output.joint_sigma,
    }
    if output.angles is not None and output.raw_angles is not None:
        limits = model.layer.limits
        outside = (output.raw_angles < limits[:, 0] - 1e-3) | (output.raw_angles > limits[:, 1] + 1e-3)
        values["angle"] = (output.angles - truth.angles).abs()
        values["outside"] = outside.any(-1)
    if presence is not None:
        values["hand"], values["negatives"] = presence[:hands], presence[hands:]
    if output.handedness is not None:
        with torch.inference_mode():
            mirrored = batch.crop[:hands].flip(-1).contiguous(memory_format=torch.channels_last)
            values["left"] = model(mirrored, batch.distance[:hands]).handedness
        values["right"] = output.handedness
    arrays = {key: value.float().cpu().numpy() for key, value in values.items()}
    arrays["family"] = np.asarray(raw.family)
    return arrays


def _family(source: Source, index: int) -> str:
    """A mesh family's name; its number where the source draws from none that has a name."""
    names = getattr(getattr(source, "config", None), "families", ())
    return str(names[index]) if index < len(names) else str(index)
