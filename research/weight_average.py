"""The average of two networks' weights, so that one that learnt something new keeps what the other knew.

``python -m research.weight_average OLD NEW --share 0.6 --recipe R.yaml --output F``. In: two weights files of the same
network, the second trained on from the first (or from such an average), and a recipe whose crops set the statistics.
Out: a weights file (float32), made whole or not at all; ``hand-pose export`` and ``hand-pose calibrate`` make it one to
use.

Between a network and the same one trained on with other data the error on the old data rises more slowly than that on
the new data falls (Wortsman et al., "Robust fine-tuning of zero-shot models", 2022). Statistics of normalisation do not
average: they are taken anew from crops, without which the average looks better on old data and worse on new data than
it is.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from hand_pose_ros.commands.arguments import require_outputs, share
from hand_pose_ros.commands.main import module_status
from hand_pose_ros.commands.train import sources
from hand_pose_ros.network.checkpoint import load_checkpoint, save_checkpoint
from hand_pose_ros.network.model import HandNet
from hand_pose_ros.training.config import load_config
from hand_pose_ros.training.pose_task import PoseTask

PROGRAM = "python -m research.weight_average"
BATCHES = 24
"""Of crops for the statistics. Guessed: 1500 crops."""
FIRST_SEED = 900_000
"""Of these batches: no training run draws as many. Chosen."""


def averaged(old: HandNet, new: HandNet, share: float, crops: Iterable[tuple[Tensor, Tensor]]) -> HandNet:
    """``new`` with its weights moved to ``share`` of its own and the rest of the old ones', normalisation's statistics
    from crops ((N, 1, S, S), distances (N,) m a batch). ValueError unless both are the same network and share is in
    0..1."""
    if old.config != new.config:
        raise ValueError("the two files hold different networks, want one trained on from the other")
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"share is {share}, want a number in 0..1")
    before, after = old.state_dict(), new.state_dict()
    new.load_state_dict(
        {
            name: torch.lerp(before[name], value, share) if value.is_floating_point() else value
            for name, value in after.items()
        }
    )
    for module in new.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None  # the plain mean over the batches
    new.train()
    with torch.no_grad():
        for crop, distance in crops:
            new(crop, distance)
    return new.eval()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``python -m research.weight_average``."""
    parser.add_argument("old", type=Path, help="weights of before")
    parser.add_argument("new", type=Path, help="weights trained on from them")
    parser.add_argument("--share", type=share, default=0.6, help="of the new weights")
    parser.add_argument("--recipe", type=Path, required=True, help="whose crops set the statistics")
    parser.add_argument("--output", type=Path, required=True)


def run(given: argparse.Namespace) -> None:
    """Average, and print the new weights' hash."""
    require_outputs(given.output, read=[given.recipe, given.old, given.new])
    (old, before), (new, after) = load_checkpoint(given.old), load_checkpoint(given.new)
    config = load_config(given.recipe)
    source, validation = sources(config, given.output.parent)
    task, cpu = PoseTask(config, source, validation), torch.device("cpu")
    batches = (task.to_device(task.raw_batch(FIRST_SEED + i), cpu) for i in range(BATCHES))
    crops = ((batch.crop, batch.distance) for batch in batches)
    net = averaged(old, new, given.share, crops)
    training = dict(after.training) | {"averaged": {"with": before.sha256, "share": given.share}}
    print(save_checkpoint(given.output, net, training).sha256)


def main(arguments: Sequence[str] | None = None) -> int:
    """``python -m research.weight_average``; bad input ends in one line on stderr and status 2."""
    return module_status(PROGRAM, __doc__, add_arguments, run, arguments)


if __name__ == "__main__":
    sys.exit(main())
