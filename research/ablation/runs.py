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
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hand_pose_ros.datasets.seeds import TRAINING_SPLIT, VALIDATION_SPLIT, training_seed
from hand_pose_ros.datasets.synthetic import synthetic_source
from hand_pose_ros.datasets.torch_batch import Source, TorchBatch, to_torch
from hand_pose_ros.evaluation.hardware_info import hardware_info
from hand_pose_ros.files import write_json
from hand_pose_ros.training.config import TrainConfig
from hand_pose_ros.training.prefetcher import Prefetcher
from hand_pose_ros.training.state import save_state
from hand_pose_ros.training.trainer import Trainer
from research.ablation.config import AblationConfig, Row
from research.ablation.measures import curve_error_mm, evaluation_batches, measure
from research.ablation.views import FrontalHands
from research.run_manifest import read_result, settings_of

MakeSource = Callable[[Mapping[str, Any], int], Source]

_PROGRESS = "progress.json"


class StopWatch:
    """Says when to stop: at ``deadline`` (``time.time()``, None = never), when asked to, or when the parent process is
    gone."""

    def __init__(self, deadline: float | None = None, asked: Callable[[], bool] | None = None) -> None:
        self._deadline = deadline
        self._asked = asked
        self._parent = os.getppid()

    def __call__(self) -> bool:
        if self._deadline is not None and time.time() >= self._deadline:
            return True
        return os.getppid() != self._parent or (self._asked is not None and self._asked())


class AblationRun(Trainer):
    """One row with one seed: a :class:`Trainer` that is handed its batches, and keeps the curve of its error."""

    def __init__(self, config: TrainConfig, source: Source, output: Path, experiment: dict[str, Any]) -> None:
        self.experiment = experiment
        resume = (output / "state.safetensors").exists()
        points: list[list[float]] = []
        if resume:
            points = read_result(output / _PROGRESS, experiment)["curve"]
        super().__init__(config, source, output, resume=resume)
        self.curve = [point for point in points if point[0] <= self.samples]

    def advance(self, batch: TorchBatch) -> None:
        """One step on a batch that other rows may be given too."""
        began = time.monotonic()
        torch.manual_seed(training_seed(self.config.seed, self.step))
        self._train_step(batch, self.learning_rate())
        self.step += 1
        self.used_s += time.monotonic() - began

    def keep(self) -> None:
        """Write what is needed to go on."""
        write_json(self.output / _PROGRESS, {"config": self.experiment, "curve": self.curve})
        save_state(self.state_path, self.model, self.average, self.optimiser, self.step, self.used_s)

    def close(self) -> None:
        """Write the averaged weights, remove the state."""
        self.save(None)
        self.state_path.unlink()


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
        row.name: AblationRun(
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
    config = runs[0].config
    steps = -(-config.samples // config.batch)
    milestones = {round(steps * (k + 1) / ablation.curve_points) for k in range(ablation.curve_points)}
    saved = time.monotonic()
    begin = min(run.step for run in runs)

    def make(step: int) -> Any:
        return source.batch(training_seed(config.seed, step), config.batch)

    ahead = Prefetcher(make, begin, config.prefetch) if config.prefetch else None
    try:
        for step in range(begin, steps):
            if stop():
                return False
            batch = to_torch(ahead.get() if ahead else make(step), runs[0].device)
            # Saved one after the other, runs that were killed may lie a few steps apart.
            for run in runs:
                if run.step == step:
                    run.advance(batch)
            if step + 1 in milestones:
                errors = [_mark(run, held, ablation.curve_samples) for run in runs]
                print(f"{label}: {(step + 1) * config.batch} samples, mm: {', '.join(errors)}", flush=True)
            if time.monotonic() - saved > 60 * ablation.save_minutes:
                for run in runs:
                    run.keep()
                saved = time.monotonic()
    finally:
        if ahead:
            ahead.close()
    return True


def _mark(run: AblationRun, held: Sequence[Any], count: int) -> str:
    """Add a point to a run's curve, unless an earlier start did; what to print of it."""
    if not run.curve or run.curve[-1][0] < run.samples:
        run.curve.append([run.samples, curve_error_mm(run.average, held, count)])
    return f"{run.config.name} {run.curve[-1][1]:.1f}"


def _finish(ablation: AblationConfig, row: Row, run: AblationRun, held: Sequence[Any], output: Path) -> None:
    fit = ablation.fit_samples if row.key == "direct_joint" else 0
    result = {
        "row": row.name,
        "seed": run.config.seed,
        "samples": run.samples,
        "train_seconds": round(run.used_s, 1),
        "weights": int(np.sum([p.numel() for p in run.model.parameters()])),
        "measures": measure(run.average, held, fit),
        "curve": run.curve,
        "machine": hardware_info(run.device),
        "config": run.experiment,
    }
    write_json(result_path(output, row, run.config.seed), result)
    run.close()
