"""An auxiliary task for the pose network in training: which cells of a crop show the hand, which something else.

``python -m research.segmentation --config RECIPE.yaml --output runs/segmented --weight 0.3``; with weight 0 the same
run without it. In: a recipe as of ``hand-pose train``, whose network is dense. Out: a folder with what ``hand-pose
train`` leaves; the head is not kept, so the network is as large and as quick as without. Such a run cannot go on after
a stop.

The truth is derived, not rendered: a cell shows the hand where the nearest surface in it lies within a bone's thickness
of the true skeleton, something else (a thing held, a table, another hand, all of a crop without a hand) where it does
not. What a stereo matcher smears is labelled where it is seen, and crops need no other data than they have.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from hand_pose_ros.commands.arguments import positive_int, real_number
from hand_pose_ros.commands.interrupts import INTERRUPTED, stop_requests
from hand_pose_ros.commands.main import module_status
from hand_pose_ros.commands.train import sources, with_overrides
from hand_pose_ros.datasets.torch_batch import Source, TorchBatch
from hand_pose_ros.hand import skeleton
from hand_pose_ros.network.backbones import surface_map
from hand_pose_ros.network.model import HandNet, cell_grid, crop_to_local
from hand_pose_ros.training.config import TrainConfig, load_config
from hand_pose_ros.training.hooks import StopAt, Stopped
from hand_pose_ros.training.pose_task import PoseTask
from hand_pose_ros.training.trainer import Trainer, usual_hooks

PROGRAM = "python -m research.segmentation"
REACH_M = 0.017
"""A surface within this of a bone is the hand's. Guessed: a palm's flesh is 17 mm thick, a finger's 8
(``refine.surface_model``), and a noisy one is still a finger."""
PALM_REACH_M = 0.022
"""The same of the bones within the palm, between which there is flesh as well. Guessed."""
_PALM_JOINTS = (skeleton.PALM_JOINT, *skeleton.WRIST_JOINTS)


def hand_cells(crop: Tensor, distance: Tensor, joints: Tensor, half_m: float) -> tuple[Tensor, Tensor]:
    """Crops (B, 1, S, S), distances (B,) m and the true joints (H, 23, 3) local m of the first H of them -> whether
    each cell (B, cells, cells) shows the hand, and whether there is anything in it, both 0 or 1."""
    surface, seen = surface_map(crop)
    batch, _, cells, _ = surface.shape
    grid = cell_grid(cells).to(crop.device).expand(batch, -1, -1)
    uvd = torch.cat([grid, surface.flatten(1)[..., None]], dim=-1)
    points = crop_to_local(uvd, distance, half_m)[: len(joints)]
    hand = torch.zeros((batch, cells * cells), device=crop.device)
    starts, ends = np.array(skeleton.BONES).T
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        reach = PALM_REACH_M if start in _PALM_JOINTS else REACH_M
        near = _distances(points, joints[:, start], joints[:, end]) < reach
        hand[: len(joints)] = torch.maximum(hand[: len(joints)], near.to(hand.dtype))
    return hand.reshape(batch, cells, cells) * seen[:, 0], seen[:, 0]


def _distances(points: Tensor, start: Tensor, end: Tensor) -> Tensor:
    """Points (H, N, 3) to the segments between start and end (H, 3) -> (H, N), m."""
    along = (end - start)[:, None]
    from_start = points - start[:, None]
    share_of = (from_start * along).sum(-1) / along.square().sum(-1).clamp_min(1e-8)
    return (from_start - share_of.clamp(0, 1)[..., None] * along).norm(dim=-1)


class SegmentationTask(PoseTask):
    """The pose network's task with a further head on its finest features, for training alone."""

    def __init__(self, config: TrainConfig, source: Source, validation: Source, weight: float) -> None:
        super().__init__(config, source, validation)
        self.weight = weight
        self.head = nn.Conv2d(config.network.widths[1], 1, 1)

    def parameter_groups(self, network: HandNet) -> list[dict[str, Any]]:
        """The head's are decayed as the network's are."""
        first, second = super().parameter_groups(network)
        first["params"].append(self.head.weight)
        if self.head.bias is not None:
            second["params"].append(self.head.bias)
        return [first, second]

    def loss(self, network: HandNet, batch: TorchBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """With the cross entropy of the cells that show anything, mirrored crops left out."""
        kept: list[Tensor] = []
        with network.backbone.register_forward_hook(lambda _, __, output: kept.append(output[0])):
            loss, terms = super().loss(network, batch)
        count = len(batch.crop) - batch.target.mirrored
        with torch.no_grad():
            hand, seen = hand_cells(
                batch.crop[:count], batch.distance[:count], batch.target.joints, self.config.network.half_m
            )
        logits = self.head(kept[0][:count].float())[:, 0]
        cross = (binary_cross_entropy_with_logits(logits, hand, reduction="none") * seen).sum()
        cross = cross / seen.sum().clamp_min(1.0)
        return loss + self.weight * cross, {**terms, "segmentation": cross.detach()}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``python -m research.segmentation``."""
    parser.add_argument("--config", type=Path, required=True, help="recipe of the run")
    parser.add_argument("--output", type=Path, required=True, help="folder of the run")
    parser.add_argument(
        "--weight", type=real_number(0.0, 1.0), default=0.3, help="of the cells' loss, 0 to 1 (default: 0.3)"
    )
    parser.add_argument("--samples", type=positive_int, help="instead of the recipe's budget")


def run(given: argparse.Namespace) -> int:
    """Train; 130 when it was asked to stop before the end, with its weights kept."""
    config = with_overrides(load_config(given.config), given)
    architecture = config.network.architecture
    if architecture != "dense":
        raise ValueError(f"{given.config}: network.architecture is '{architecture}', want dense")
    source, validation = sources(config, given.output)
    task = SegmentationTask(config, source, validation, given.weight)
    with stop_requests(at_once=True) as asked:
        hooks = [*usual_hooks(task, given.output), StopAt(asked, asked.wait_for_steps)]
        try:
            Trainer(task, given.output, hooks=hooks).run()
        except Stopped:
            return INTERRUPTED
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """``python -m research.segmentation``; bad input ends in one line on stderr and status 2."""
    return module_status(PROGRAM, __doc__, add_arguments, run, arguments)


if __name__ == "__main__":
    sys.exit(main())
