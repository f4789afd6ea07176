"""What is measured of a trained design: its errors, its size and its time.

In: a HandNet in evaluation mode, labelled hands that it never saw. Out: plain numbers; millimetres, milliseconds,
shares in 0..1.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hand_pose_ros.datasets.seeds import validation_seed
from hand_pose_ros.datasets.synthetic_config import SyntheticConfig
from hand_pose_ros.datasets.torch_batch import Source
from hand_pose_ros.evaluation.metrics import joint_errors_mm
from hand_pose_ros.evaluation.predict import join, predict
from hand_pose_ros.evaluation.synthetic_benchmark import EVALUATION_DATA, seen_end_on
from hand_pose_ros.evaluation.synthetic_report import WORST_JOINT_MM
from hand_pose_ros.network.backbones import fold_normalisation
from hand_pose_ros.network.config import NetworkConfig
from hand_pose_ros.network.model import HandNet

_BATCH = 128
_SEED = 0  # that of `hand-pose evaluate`; training validates with the run's own
_WARM_UP_RUNS = 20


def evaluation_data(network: NetworkConfig) -> dict[str, Any]:
    """Fields of the data that a network is evaluated on: the same hands, seen by the same sensors, as its own crops.

    A generic sensor is given by how many of its pixels span the cube, so their number follows the cube: a sensor's
    pixels stay as large as they are.
    """
    scale = network.cube_m / SyntheticConfig.cube_m
    patch = [round(scale * pixels) for pixels in SyntheticConfig.patch_px]
    return {**EVALUATION_DATA, "size": network.crop_size, "cube_m": network.cube_m, "patch_px": patch}


def evaluate_design(model: HandNet, source: Source, count: int) -> dict[str, Any]:
    """Errors on ``count`` hands of the source, as published: evaluation mode, angles clamped.

    mean_mm, median_mm: of all joints of all hands. coarse_mean_mm: before the hand model, None where there are no such
    joints. end_on_mm: mean over hands that point at the camera (None if there are none), end_on_share: how many do.
    worst_joint_below: share of hands whose worst joint is off by less than 20, 30, 40 mm. family_mm: mean by mesh
    family.
    """
    parts, joints, families, axes = [], [], [], []
    for index, start in enumerate(range(0, count, _BATCH)):
        batch = source.batch(validation_seed(_SEED, index), min(_BATCH, count - start))
        parts.append(predict(model, batch.crop, batch.distance))
        joints.append(batch.joints)
        families.append(batch.family)
        axes.append(seen_end_on(batch))
    found, truth, family = join(parts), np.concatenate(joints), np.concatenate(families)
    error = joint_errors_mm(found.joints, truth)
    mean, worst = error.mean(axis=1), error.max(axis=1)
    end_on = np.concatenate(axes)
    network = model.config
    both = network.architecture == "dense" and network.head != "direct_joint"
    names = EVALUATION_DATA.get("families", SyntheticConfig.families)
    return {
        "count": len(error),
        "mean_mm": float(error.mean()),
        "median_mm": float(np.median(error)),
        "coarse_mean_mm": float(joint_errors_mm(found.coarse, truth).mean()) if both else None,
        "end_on_mm": float(mean[end_on].mean()) if end_on.any() else None,
        "end_on_share": float(end_on.mean()),
        "worst_joint_below": {str(t): float((worst < t).mean()) for t in WORST_JOINT_MM},
        "family_mm": {str(names[f]): float(mean[family == f].mean()) for f in np.unique(family)},
    }


def parameter_count(model: nn.Module) -> int:
    """How many weights the network has."""
    return sum(parameter.numel() for parameter in model.parameters())


def multiply_adds(model: HandNet) -> int:
    """Multiplications with an addition that one crop takes in convolutions and linear layers; what stands between them
    (attention, hand model) is small and not counted."""
    counted: list[int] = []

    def count(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if isinstance(layer, nn.Conv2d):
            counted.append(output.numel() * layer.weight[0].numel())
        elif isinstance(layer, nn.Linear):
            counted.append(output.numel() * layer.in_features)

    hooks = [
        layer.register_forward_hook(count)
        for layer in model.modules()
        if isinstance(layer, (nn.Conv2d, nn.Linear))
    ]
    size = model.config.crop_size
    device = next(model.parameters()).device
    try:
        with torch.inference_mode():
            model(torch.ones(1, 1, size, size, device=device), torch.full((1,), 0.5, device=device))
    finally:
        for hook in hooks:
            hook.remove()
    return sum(counted)


def crop_time_ms(model: HandNet, runs: int) -> dict[str, float]:
    """Time of a network on one crop, run as the tracker does, on one thread of the CPU: median, p5 and p95 in
    milliseconds over so many ``runs``. What the crop shows makes no difference."""
    size = model.config.crop_size
    crop = np.random.default_rng(0).uniform(-1, 1, (1, 1, size, size)).astype(np.float32)
    distance = np.full(1, 0.5, np.float32)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        folded = fold_normalisation(model).cpu()
        taken = []
        for _ in range(_WARM_UP_RUNS + runs):
            began = time.perf_counter()
            with torch.inference_mode():
                output = folded(torch.from_numpy(crop), torch.from_numpy(distance))
                output.joints.double().numpy()
            taken.append(1e3 * (time.perf_counter() - began))
    finally:
        torch.set_num_threads(threads)
    low, median, high = np.percentile(taken[_WARM_UP_RUNS:], [5, 50, 95])
    return {"median": float(median), "p5": float(low), "p95": float(high), "runs": runs}
