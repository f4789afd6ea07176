"""What is measured of a trained row: the papers' figures.

In: a HandNet in evaluation mode and labelled hands that it never saw. Out: plain numbers; millimetres, degrees, shares
in 0..1. The networks run without the clamp of inference, as the papers' did, so that the share of frames with an angle
out of range and the joint errors belong to the same output.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hand_pose_ros.datasets.seeds import validation_seed
from hand_pose_ros.datasets.torch_batch import Source, to_torch
from hand_pose_ros.evaluation.metrics import angle_errors_deg, evaluate
from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.fit_config import FitConfig
from hand_pose_ros.hand.fitting import fit_hands
from hand_pose_ros.network.model import HandNet
from hand_pose_ros.network.skeleton_difference import PARTS, bone_angles, bone_ratios, part_bones

_BATCH = 128
_EVALUATION_SEED = 1_000_000  # below 2**20, and far from the seeds that training validates with

Array = NDArray[np.float64]


def evaluation_batches(source: Source, count: int) -> list[Any]:
    """``count`` hands in batches, the same for every run."""
    return [
        source.batch(validation_seed(_EVALUATION_SEED, index), min(_BATCH, count - start))
        for index, start in enumerate(range(0, count, _BATCH))
    ]


def curve_error_mm(model: HandNet, batches: Sequence[Any], count: int) -> float:
    """Mean joint error over the first ``count`` hands, or a little more (whole batches)."""
    predicted = _predict(model, batches[: -(-count // _BATCH)])
    return float(1000 * np.linalg.norm(predicted["joints"] - predicted["true_joints"], axis=-1).mean())


def measure(model: HandNet, batches: Sequence[Any], fit_samples: int = 0) -> dict[str, float]:
    """All figures of one network; angle figures only where it has angles, or ``fit_samples`` is above 0.

    ``fit_samples``: to so many of its joint predictions (and of the true joints, ``fit_floor_deg``) the hand model is
    fitted, and the angle error is that of the fitted hands. The person's own shape is given, as on the poster, where
    the hand model was that of the data's person.
    """
    values = _predict(model, batches)
    joints, truth = values["joints"], values["true_joints"]
    result = evaluate(
        "row", joints, truth, skeleton.JOINT_NAMES, bones=skeleton.BONES, angles=values.get("angles"),
        true_angles=values["true_angles"], raw_angles=values.get("angles"),
    )  # fmt: skip
    bones, true_bones = (part_bones(torch.from_numpy(x), PARTS) for x in (joints, truth))
    figures: dict[str, float | None] = {
        "joint_mm": result.error_mm,
        "median_mm": result.median_mm,
        "worst_within_40mm": float((result.worst_mm <= 40).mean()),
        "angle_deg": result.angle_deg,
        "out_of_range": result.out_of_range,
        "bone_length_mm": result.bone_error_mm,
        "bone_angle_deg": float(torch.rad2deg((bone_angles(bones) - bone_angles(true_bones)).abs().mean())),
        "bone_ratio": float((bone_ratios(bones) - bone_ratios(true_bones)).abs().mean()),
        "evaluation_samples": len(joints),
    }
    if fit_samples:
        few = {key: value[:fit_samples] for key, value in values.items()}
        figures["angle_deg"], figures["fit_residual_mm"] = _fitted(few["joints"], few)
        figures["fit_floor_deg"], _ = _fitted(few["true_joints"], few)
        figures["fit_samples"] = len(few["joints"])
    return {key: value for key, value in figures.items() if value is not None}


def _fitted(joints: Array, values: dict[str, Array]) -> tuple[float, float]:
    """Angle error, degrees, and mean distance, mm, of the hand model fitted to joints (N, 23, 3) m."""
    fit = fit_hands(
        joints, group=np.arange(len(joints)), shape=values["true_shape"], config=FitConfig(shape="fixed")
    )
    angles = fit.parameters[:, skeleton.FIRST_ANGLE :].cpu().numpy()
    error = float(angle_errors_deg(angles, values["true_angles"]).mean())
    return error, float(1000 * fit.residual.mean())


def _predict(model: HandNet, batches: Sequence[Any]) -> dict[str, Array]:
    """Joints, angles (of networks that have them) and truth over all batches, float64."""
    device = next(model.parameters()).device
    collected: dict[str, list[Array]] = {}
    for raw in batches:
        batch = to_torch(raw, device)
        with torch.inference_mode():
            crop = batch.crop.contiguous(memory_format=torch.channels_last)
            output = model(crop, batch.distance, clamp=False)
        values = {
            "joints": output.joints,
            "angles": output.raw_angles,
            "true_joints": batch.target.joints,
            "true_angles": batch.target.angles,
            "true_shape": batch.target.shape,
        }
        for key, value in values.items():
            if value is not None:
                collected.setdefault(key, []).append(value.double().cpu().numpy())
    return {key: np.concatenate(parts) for key, parts in collected.items()}
