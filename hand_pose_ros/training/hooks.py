"""What happens beside the steps of a training run: averaging, storing, the curve, stopping.

In: the :class:`~hand_pose_ros.training.trainer.Trainer` that calls them. Out: an averaged network, files in the run's
folder, an exception that ends the run. A hook overrides the moments that it needs.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn
from tqdm import tqdm

from hand_pose_ros.datasets.seeds import training_seed
from hand_pose_ros.training.config import RunConfig


class Run(Protocol):
    """What a hook sees of the :class:`~hand_pose_ros.training.trainer.Trainer`."""

    step: int
    """Steps made."""
    used_s: float
    """Seconds of the budget used."""
    updated: bool
    """The last step changed the weights."""

    @property
    def config(self) -> RunConfig:
        """The run's configuration."""

    @property
    def model(self) -> nn.Module:
        """The network that learns."""

    @property
    def average(self) -> nn.Module:
        """The network with the averaged weights."""

    @property
    def progress(self) -> float:
        """Share of the budget used, 0 to 1."""

    def save(self, report: Any) -> None:
        """Write the state and the averaged weights; the report of their errors, None where there is none."""


class Stopped(Exception):
    """The run was asked to stop, between two steps."""


class Hook:
    """The moments of a run. Each method does nothing here."""

    def before_run(self, run: Run) -> None:
        """The clock is about to start."""

    def before_step(self, run: Run) -> None:
        """The batch is there, the step not yet made; ``run.step`` counts those before it."""

    def after_step(self, run: Run) -> None:
        """The step is made; ``run.step`` counts it, ``run.updated`` is whether it changed the weights."""

    def after_validation(self, run: Run, report: Any, row: Mapping[str, Any]) -> None:
        """The averaged network was evaluated; ``row`` holds the figures of the curve."""

    def after_run(self, run: Run) -> None:
        """The run ended, in whatever way."""


class MovingAverage(Hook):
    """Keeps ``run.average`` an exponential moving average of the weights and of the normalisations' statistics.

    The decay of step n (from 0) is min(decay, (1 + n) / (10 + n)), so that the first steps, which have hardly begun to
    learn, are soon forgotten.
    """

    def __init__(self, decay: float) -> None:
        self.decay = decay

    @torch.no_grad()
    def after_step(self, run: Run) -> None:
        if not run.updated:
            return
        before = run.step - 1
        decay = min(self.decay, (1 + before) / (10 + before))
        online, average = run.model.state_dict(), run.average.state_dict()
        floats = [key for key, value in online.items() if value.is_floating_point()]
        torch._foreach_lerp_([average[k] for k in floats], [online[k] for k in floats], 1 - decay)


class Checkpoint(Hook):
    """Stores the run every so many minutes and at its end; with None after every validation.

    What is stored between two validations has no report of its errors; what is stored after one has its report.
    """

    def __init__(self, minutes: float | None) -> None:
        self.minutes = minutes
        self._stored_s = 0.0

    def before_run(self, run: Run) -> None:
        self._stored_s = run.used_s

    def after_step(self, run: Run) -> None:
        if self.minutes is not None and run.used_s - self._stored_s >= 60 * self.minutes:
            run.save(None)
            self._stored_s = run.used_s

    def after_validation(self, run: Run, report: Any, row: Mapping[str, Any]) -> None:
        if self.minutes is None or run.progress >= 1:
            run.save(report)


class CurveWriter(Hook):
    """Appends a line to a CSV file at every validation."""

    def __init__(self, path: Path, fields: Sequence[str]) -> None:
        self.path, self.fields = path, fields

    def after_validation(self, run: Run, report: Any, row: Mapping[str, Any]) -> None:
        new = not self.path.exists()
        with self.path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, self.fields, extrasaction="ignore", restval="")
            if new:
                writer.writeheader()
            writer.writerow({k: f"{v:.6g}" if isinstance(v, float) else v for k, v in row.items()})


class StopAt(Hook):
    """Ends the run with :class:`Stopped` before the first step at which ``stop()`` is true. ``begin()`` is called
    before each step: what takes minutes before the first one is done by then."""

    def __init__(self, stop: Callable[[], bool], begin: Callable[[], None] = lambda: None) -> None:
        self.stop, self.begin = stop, begin

    def before_step(self, run: Run) -> None:
        self.begin()
        if self.stop():
            raise Stopped


class SeededSteps(Hook):
    """Gives every step a random seed of its own, so that its dropout does not depend on where a run was stopped."""

    def before_step(self, run: Run) -> None:
        torch.manual_seed(training_seed(run.config.seed, run.step))


class ProgressBar(Hook):
    """A bar over the budget, with the last validation in words."""

    def __init__(self, describe: Callable[[Any, Any], str]) -> None:
        self.describe = describe
        self._bar: tqdm[Any] | None = None  # shown from before_run to after_run: single steps have none

    def before_run(self, run: Run) -> None:
        form = "{l_bar}{bar}| {postfix}"
        self._bar = tqdm(total=100, bar_format=form, desc=run.config.name, mininterval=1.0)

    def after_step(self, run: Run) -> None:
        if self._bar is not None:
            self._bar.update(100 * run.progress - self._bar.n)

    def after_validation(self, run: Run, report: Any, row: Mapping[str, Any]) -> None:
        if self._bar is not None:
            self._bar.set_postfix_str(self.describe(run, report))

    def after_run(self, run: Run) -> None:
        if self._bar is not None:
            self._bar.close()
        self._bar = None
