"""Several pose networks trained on the same batches: where making these takes longer than a step, as beside a GPU.

``python -m research.train_together --config A.yaml B.yaml --output runs --minutes 9``. In: recipes that differ in the
network, the loss, the optimiser or the weights to start from, and agree in the data, the batch, the seed and the share
of mirrored hands. Their minutes are all that it takes but the validation at the end, compiling included. Out: a folder
for each with what ``hand-pose train`` leaves, whose ``--resume`` goes on from it.

``--reuse 6``: while the next batch is not made yet, up to five steps are made on crops that were seen before, changed
(``research.replay``). How many that are depends on the machine, and so does the result.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import torch

from hand_pose_ros.commands.arguments import minutes, positive_int
from hand_pose_ros.commands.interrupts import INTERRUPTED, StopRequests, stop_requests
from hand_pose_ros.commands.main import module_status
from hand_pose_ros.commands.train import sources, with_overrides
from hand_pose_ros.datasets.torch_batch import Source, TorchBatch
from hand_pose_ros.files import no_empty_folders
from hand_pose_ros.training.config import TrainConfig, load_config
from hand_pose_ros.training.pose_task import PoseTask, PoseTrainer
from hand_pose_ros.training.prefetcher import Prefetcher, stream
from hand_pose_ros.training.run_folder import CONFIG, release
from hand_pose_ros.training.trainer import STATE, Trainer, usual_hooks
from research.graphed_trainer import GraphedTrainer
from research.replay import Replay

PROGRAM = "python -m research.train_together"
KEPT = 1_500_000
"""Crops that are kept to be seen again: 28 GB of 96 x 96 px."""
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


def train_together(
    configs: Sequence[TrainConfig],
    output: Path,
    reuse: int = 1,
    graphed: bool = False,
    kept: int = KEPT,
    stop: StopRequests | None = None,
) -> list[PoseTrainer] | None:
    """Train each recipe in the folder of its name, step by step on the same batches, and validate them at the end.
    None when ``stop`` came before; the state of each is stored then, as after any error.

    ``reuse``: steps on a batch and, while the next one is not made yet, on what was seen before, of which the newest
    ``kept`` crops are kept on the device. ``graphed``: steps as CUDA graphs (``research.graphed_trainer``).
    """
    started = time.monotonic()
    require_same_batches(configs)
    source, validation = sources(configs[0], output)
    trainers = _trainers(configs, source, validation, output, graphed)
    first = trainers[0]
    first.task.warm_up()
    with ExitStack() as stack:
        for trainer in trainers:
            stack.callback(release, trainer.output)
            for hook in trainer.hooks:
                hook.before_run(trainer)
                stack.callback(hook.after_run, trainer)
        batches = stack.enter_context(closing(_Batches(first, configs[0], reuse, kept)))
        batch = next(batches)
        # The validation at the end has other subjects, which are made meanwhile.
        threading.Thread(target=lambda: validation.batch(0, 2), daemon=True).start()
        if stop is not None:
            stop.wait_for_steps()
        begin = told = time.monotonic()
        waited = 0.0
        try:
            while first.progress < 1 and not (stop is not None and stop()):
                for trainer in trainers:
                    terms = trainer.advance(batch)
                _finish(first.device)
                asked = time.monotonic()
                batch = next(batches)
                now = time.monotonic()
                waited += now - asked
                for trainer in trainers:
                    trainer.used_s = now - started
                if now - told > _TELL_S:
                    told = now
                    rate, share = batches.fresh / (now - begin), waited / (now - begin)
                    print(f"{now - begin:5.0f} s {first.samples} samples, {batches.fresh} new", end=" ")
                    print(
                        f"{rate:.0f}/s waiting {share:.0%} loss {terms['loss']:.3f} {terms['train_mean_mm']:.2f} mm",
                        flush=True,
                    )
        finally:
            _save(trainers)
        if first.progress < 1:
            return None
        for trainer in trainers:
            report = trainer.validate()
            print(
                f"{trainer.config.name}: {trainer.samples} samples, mean {report.mean_mm:.2f} mm", flush=True
            )
    return trainers


class _Batches(Iterator[TorchBatch]):
    """A run's batches from its next step on, each followed by up to ``reuse - 1`` of what was seen before."""

    def __init__(self, run: PoseTrainer, config: TrainConfig, reuse: int, kept: int) -> None:
        raw = stream(run.task.raw_batch, run.step, config.prefetch, config.workers)
        self._run, self._reuse = run, reuse
        self._ahead: Prefetcher | None = None
        self._raw = raw
        if reuse > 1:
            # Crossing to the device takes as long as a step: it is the thread's work, too.
            self._ahead = Prefetcher(lambda step: self._crossed(next(raw)), run.step, 2)
        self._replay = Replay(kept, config.network.half_m, config.seed)
        self._again = 0
        self.fresh = 0

    def __next__(self) -> TorchBatch:
        again = self._ahead is not None and len(self._replay) > 0 and not self._ahead.ready
        if again and self._again < self._reuse - 1:
            self._again += 1
            return self._replay.draw()
        batch = self._crossed(next(self._raw)) if self._ahead is None else self._ahead.get()
        self._again = 0
        self.fresh += self._run.config.batch
        if self._ahead is not None:
            self._replay.add(batch)
        return batch

    def _crossed(self, raw: Any) -> TorchBatch:
        batch: TorchBatch = self._run.task.to_device(raw, self._run.device)
        return batch

    def close(self) -> None:
        """Stop what makes the batches."""
        if self._ahead is not None:
            self._ahead.close()
        self._raw.close()


def _finish(device: torch.device) -> None:
    """Wait until the device has made the steps, so that what is asked for next is what is wanted then."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _save(trainers: Sequence[PoseTrainer]) -> None:
    """Store each run; one that cannot be keeps none of the others from it, and its error comes afterwards."""
    errors: list[Exception] = []
    for trainer in trainers:
        try:
            trainer.save(None)
        except (ValueError, OSError) as error:
            errors.append(type(error)(f"{trainer.config.name}: {error}"))
    if errors:
        raise errors[0]


def _trainers(
    configs: Sequence[TrainConfig], source: Source, validation: Source, output: Path, graphed: bool
) -> list[PoseTrainer]:
    """The trainer of each recipe. Where one is refused, the folders of the others are as they were."""
    trainers: list[PoseTrainer] = []
    with ExitStack() as undo:
        for config in configs:
            folder = output / config.name
            if (folder / STATE).exists():
                raise ValueError(
                    f"{folder / STATE} exists: hand-pose train --resume goes on from it; want another --output"
                )
            undo.enter_context(no_empty_folders(folder))
            new = not (folder / CONFIG).exists()
            trainers.append(_trainer(config, source, validation, folder, graphed))
            if new:
                undo.callback((folder / CONFIG).unlink)
            undo.callback(release, folder)
        undo.pop_all()
    return trainers


def _trainer(
    config: TrainConfig, source: Source, validation: Source, folder: Path, graphed: bool
) -> PoseTrainer:
    task = PoseTask(config, source, validation)
    kind: Any = GraphedTrainer if graphed else Trainer
    trainer: PoseTrainer = kind(task, folder, hooks=usual_hooks(task, folder))
    return trainer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``python -m research.train_together``."""
    parser.add_argument("--config", type=Path, nargs="+", required=True, help="recipes")
    parser.add_argument("--output", type=Path, required=True, help="where their folders are made")
    parser.add_argument("--minutes", type=minutes, help="instead of the recipes'")
    parser.add_argument("--samples", type=positive_int, help="instead of the recipes' budgets")
    parser.add_argument("--workers", type=int, help="processes that make batches, instead of the recipes'")
    parser.add_argument("--reuse", type=positive_int, default=1, help="steps for each new batch at most")
    parser.add_argument("--kept", type=positive_int, default=KEPT, help="crops kept to be seen again")
    parser.add_argument("--graphed", action="store_true", help="record a step once and replay it (CUDA)")


def run(given: argparse.Namespace) -> int:
    """Train; 130 when it was asked to stop before the end, with each state kept."""
    torch.set_float32_matmul_precision("high")
    configs = [with_overrides(load_config(path), given) for path in given.config]
    with stop_requests(at_once=True) as asked:
        done = train_together(configs, given.output, given.reuse, given.graphed, given.kept, asked)
    if done is None:
        print(f"stopped: hand-pose train --resume goes on from the state in each folder of {given.output}")
        return INTERRUPTED
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """``python -m research.train_together``; bad input ends in one line on stderr and status 2."""
    return module_status(PROGRAM, __doc__, add_arguments, run, arguments)


if __name__ == "__main__":
    sys.exit(main())
