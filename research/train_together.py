"""Several pose networks trained on the same batches: where making these takes longer than a step, as beside a GPU.

``python -m research.train_together --config A.yaml B.yaml --output runs --minutes 9``. In: recipes that differ in the
network, the loss, the optimiser or the weights to start from, and agree in the data, the batch, the seed and the share
of mirrored hands. Their minutes are all that it takes but the validation at the end, compiling included. Out: a folder
for each with what ``hand-pose train`` leaves, whose ``--resume`` goes on from it.
"""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import torch

from hand_pose_ros.commands.arguments import minutes, positive_int
from hand_pose_ros.commands.train import sources, with_overrides
from hand_pose_ros.datasets.torch_batch import Source
from hand_pose_ros.training.config import TrainConfig, load_config
from hand_pose_ros.training.pose_task import PoseTask, PoseTrainer
from hand_pose_ros.training.run_folder import release
from hand_pose_ros.training.trainer import Trainer, usual_hooks

_TELL_S = 10.0
_SAME = (
    "batch",
    "seed",
    "mirrored",
    "dataset",
    "data",
    "minutes",
    "samples",
    "device",
    "workers",
    "prefetch",
)
"""What the recipes must agree in, so that one's batches are the other's and all end together."""


def require_same_batches(configs: Sequence[TrainConfig]) -> None:
    """ValueError naming the first field in which the recipes' batches or budgets would differ."""
    for name in _SAME:
        values = [getattr(config, name) for config in configs]
        if any(value != values[0] for value in values):
            raise ValueError(f"{name} differs between the recipes: {values}, want the same")
    names = [config.name for config in configs]
    if len(set(names)) != len(names):
        raise ValueError(f"names are {names}, want different ones: each names a folder")


def train_together(configs: Sequence[TrainConfig], output: Path) -> list[PoseTrainer]:
    """Train each recipe in the folder of its name, step by step on the same batches, and validate them at the end."""
    started = time.monotonic()
    require_same_batches(configs)
    source, validation = sources(configs[0], output)
    trainers = [_trainer(config, source, validation, output / config.name) for config in configs]
    first = trainers[0]
    first.task.warm_up()
    with ExitStack() as stack:
        for trainer in trainers:
            stack.callback(release, trainer.output)
            for hook in trainer.hooks:
                hook.before_run(trainer)
                stack.callback(hook.after_run, trainer)
        batches = first.batches()
        stack.callback(batches.close)
        batch = next(batches)
        # The validation at the end has other subjects, which are made meanwhile.
        threading.Thread(target=lambda: validation.batch(0, 2), daemon=True).start()
        begin = told = time.monotonic()
        waited = 0.0
        try:
            while first.progress < 1:
                for trainer in trainers:
                    terms = trainer.advance(batch)
                asked = time.monotonic()
                batch = next(batches)
                now = time.monotonic()
                waited += now - asked
                for trainer in trainers:
                    trainer.used_s = now - started
                if now - told > _TELL_S:
                    told = now
                    rate, share = first.samples / (now - begin), waited / (now - begin)
                    print(f"{now - begin:5.0f} s {first.samples} samples {rate:.0f}/s", end=" ")
                    print(
                        f"waiting {share:.0%} loss {terms['loss']:.3f} {terms['train_mean_mm']:.2f} mm",
                        flush=True,
                    )
        finally:
            for trainer in trainers:
                trainer.save(None)
        for trainer in trainers:
            report = trainer.validate()
            print(
                f"{trainer.config.name}: {trainer.samples} samples, mean {report.mean_mm:.2f} mm", flush=True
            )
    return trainers


def _trainer(config: TrainConfig, source: Source, validation: Source, folder: Path) -> PoseTrainer:
    task = PoseTask(config, source, validation)
    trainer: PoseTrainer = Trainer(task, folder, hooks=usual_hooks(task, folder))
    return trainer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``python -m research.train_together``."""
    parser.add_argument("--config", type=Path, nargs="+", required=True, help="recipes")
    parser.add_argument("--output", type=Path, required=True, help="where their folders are made")
    parser.add_argument("--minutes", type=minutes, help="instead of the recipes'")
    parser.add_argument("--samples", type=positive_int, help="instead of the recipes' budgets")
    parser.add_argument("--workers", type=int, help="processes that make batches, instead of the recipes'")


def main() -> None:
    """``python -m research.train_together``."""
    parser = argparse.ArgumentParser(prog="python -m research.train_together", description=__doc__)
    add_arguments(parser)
    given = parser.parse_args()
    torch.set_float32_matmul_precision("high")
    try:
        train_together([with_overrides(load_config(path), given) for path in given.config], given.output)
    except (ValueError, OSError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
