"""Training the rows of a table side by side on one stream of synthetic hands, and measuring them.

In: :class:`AblationConfig`, rows of one table, a seed, a folder. Out: in the folder, ``<row>.seed<k>.json`` for every
finished run; under ``work/`` the state of those that are not finished, and their weights when they are.

All rows see the same batches in the same order, so a batch is made once for all of them. A row's result depends
neither on the rows beside it nor on where a run was stopped: every step draws its dropout from a seed of its own.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hand_pose_ros.datasets.seeds import training_seed
from hand_pose_ros.datasets.synthetic import synthetic_source
from hand_pose_ros.datasets.torch_batch import Source, TorchBatch, to_torch
from hand_pose_ros.evaluation.hardware_info import hardware_info
from hand_pose_ros.files import write_json
from hand_pose_ros.synthetic.splits import TRAINING_SPLIT, VALIDATION_SPLIT
from hand_pose_ros.training.config import TrainConfig
from hand_pose_ros.training.hooks import MovingAverage, SeededSteps
from hand_pose_ros.training.pose_task import PoseTask, PoseTrainer
from hand_pose_ros.training.prefetcher import stream
from hand_pose_ros.training.trainer import Trainer
from research.ablation.config import AblationConfig, Row
from research.ablation.measures import curve_error_mm, evaluation_batches, measure
from research.ablation.views import FrontalHands
from research.run_manifest import read_result, settings_of

MakeSource = Callable[[Mapping[str, Any], int], Source]

_PROGRESS = "progress.json"


class StopWatch:
    """Decides when to stop: at the deadline, when asked to, or when the parent process is gone.

    The deadline is one of ``time.time()``, None for never.
    """

    def __init__(self, deadline: float | None = None, asked: Callable[[], bool] | None = None) -> None:
        self._deadline = deadline
        self._asked = asked
        self._parent = os.getppid()

    def __call__(self) -> bool:
        if self._deadline is not None and time.time() >= self._deadline:
            return True
        return os.getppid() != self._parent or (self._asked is not None and self._asked())


@dataclass
class AblationRun:
    """One row with one seed."""

    trainer: PoseTrainer
    """It is handed its batches."""
    experiment: dict[str, Any]
    """What decides its result, as :func:`experiment_of`."""
    curve: list[list[float]]
    """Samples and mean joint error in mm, on the way."""

    @classmethod
    def open(
        cls, config: TrainConfig, source: Source, output: Path, experiment: dict[str, Any]
    ) -> AblationRun:
        """Begin the run, or go on from the state in its folder. ValueError when that is of another run."""
        task = PoseTask(config, source)
        resume = (output / "state.safetensors").exists()
        points: list[list[float]] = read_result(output / _PROGRESS, experiment)["curve"] if resume else []
        hooks = [MovingAverage(task.optimiser.ema_decay), SeededSteps()]
        trainer = Trainer(task, output, resume, hooks)
        return cls(trainer, experiment, [point for point in points if point[0] <= trainer.samples])

    def advance(self, batch: TorchBatch) -> None:
        """One step on a batch that other rows may be given too."""
        began = time.monotonic()
        self.trainer.advance(batch)
        self.trainer.used_s += time.monotonic() - began

    def keep(self) -> None:
        """Write what is needed to go on."""
        write_json(self.trainer.output / _PROGRESS, {"config": self.experiment, "curve": self.curve})
        self.trainer.save_state()

    def close(self) -> None:
        """Write the averaged weights, remove the state."""
        self.trainer.save(None)
        self.trainer.state_path.unlink()


def result_path(output: Path, row: Row, seed: int) -> Path:
    """The file of a finished run."""
    return output / f"{row.name}.seed{seed}.json"


def experiment_of(ablation: AblationConfig, row: Row, seed: int) -> dict[str, Any]:
    """What of the configuration decides a run's result, as plain JSON values."""
    measured = {key: getattr(ablation, key) for key in ("views", "evaluation_samples", "fit_samples")}
    return settings_of(ablation.training(row, seed), **measured)


def missing_rows(ablation: AblationConfig, rows: Sequence[Row], seed: int, output: Path) -> list[Row]:
    """The rows that have no result yet. ValueError when a result was trained with other settings."""
    missing = []
    for row in rows:
        path = result_path(output, row, seed)
        if path.exists():
            read_result(path, experiment_of(ablation, row, seed))
        else:
            missing.append(row)
    return missing


def train_rows(
    ablation: AblationConfig,
    rows: Sequence[Row],
    seed: int,
    output: Path,
    deadline: float | None = None,
    make_source: MakeSource = synthetic_source,
    asked_to_stop: Callable[[], bool] | None = None,
) -> bool:
    """Train and measure the rows (of one table) that have no result yet; True when all of them are finished.

    Stopped by ``deadline`` (``time.time()``), by ``asked_to_stop`` or by an interrupt, it keeps what is needed to go
    on. ValueError when the rows do not share their data.
    """
    rows = missing_rows(ablation, rows, seed, output)
    stop = StopWatch(deadline, asked_to_stop)
    if not rows or stop():
        return not rows
    configs = [ablation.training(row, seed) for row in rows]
    first = configs[0]
    for row, config in zip(rows, configs, strict=True):
        if (config.data, config.batch) != (first.data, first.batch):
            raise ValueError(f"row {row.name} has another batch size or other data than {rows[0].name}")
    source, held_out = (make_source(first.data, split) for split in (TRAINING_SPLIT, VALIDATION_SPLIT))
    if ablation.views == "frontal":
        source, held_out = FrontalHands(source), FrontalHands(held_out)
    runs = {
        row.name: AblationRun.open(
            config,
            source,
            output / "work" / f"{row.name}.seed{seed}",
            experiment_of(ablation, row, seed),
        )
        for row, config in zip(rows, configs, strict=True)
    }
    held = evaluation_batches(held_out, ablation.evaluation_samples)
    label = f"{rows[0].table} seed {seed}"
    try:
        finished = _train_together(ablation, list(runs.values()), source, held, stop, label)
    finally:
        for run in runs.values():
            run.keep()
    if not finished:
        print(f"{label}: stopped, goes on from here next time", flush=True)
        return False
    for row in rows:
        _finish(ablation, row, runs[row.name], held, output)
        print(f"{label}: {row.label} finished", flush=True)
    return True


def _train_together(
    ablation: AblationConfig,
    runs: Sequence[AblationRun],
    source: Source,
    held: Sequence[Any],
    stop: StopWatch,
    label: str,
) -> bool:
    """Step all runs on the same batches until their budget is used (True) or it is time to stop (False)."""
    config = runs[0].trainer.config
    steps = -(-config.samples // config.batch)
    milestones = {round(steps * (k + 1) / ablation.curve_points) for k in range(ablation.curve_points)}
    saved = time.monotonic()
    begin = min(run.trainer.step for run in runs)

    def make(step: int) -> Any:
        return source.batch(training_seed(config.seed, step), config.batch)

    batches = stream(make, begin, config.prefetch)
    try:
        for step in range(begin, steps):
            if stop():
                return False
            batch = to_torch(next(batches), runs[0].trainer.device)
            # Saved one after the other, runs that were killed may lie a few steps apart.
            for run in runs:
                if run.trainer.step == step:
                    run.advance(batch)
            if step + 1 in milestones:
                errors = [_add_curve_point(run, held, ablation.curve_samples) for run in runs]
                print(f"{label}: {(step + 1) * config.batch} samples, mm: {', '.join(errors)}", flush=True)
            if time.monotonic() - saved > 60 * ablation.save_minutes:
                for run in runs:
                    run.keep()
                saved = time.monotonic()
    finally:
        batches.close()
    return True


def _add_curve_point(run: AblationRun, held: Sequence[Any], count: int) -> str:
    """Add a point to a run's curve, unless an earlier start did; what to print of it."""
    trainer = run.trainer
    if not run.curve or run.curve[-1][0] < trainer.samples:
        run.curve.append([trainer.samples, curve_error_mm(trainer.average, held, count)])
    return f"{trainer.config.name} {run.curve[-1][1]:.1f}"


def _finish(ablation: AblationConfig, row: Row, run: AblationRun, held: Sequence[Any], output: Path) -> None:
    trainer = run.trainer
    fit = ablation.fit_samples if row.key == "direct_joint" else 0
    result = {
        "row": row.name,
        "seed": trainer.config.seed,
        "samples": trainer.samples,
        "train_seconds": round(trainer.used_s, 1),
        "weights": int(np.sum([p.numel() for p in trainer.model.parameters()])),
        "measures": measure(trainer.average, held, fit),
        "curve": run.curve,
        "hardware": hardware_info(trainer.device),
        "config": run.experiment,
    }
    write_json(result_path(output, row, trainer.config.seed), result)
    run.close()
