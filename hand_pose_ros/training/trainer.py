"""The training loop of every network here: batches in, a trained network in a folder out.

In: a :class:`Task` (what is trained, on what, and how it is evaluated), a folder, hooks. Out, in the folder:
``config.yaml``, ``state.safetensors`` (everything needed to go on: weights, averages, optimiser, time used), the
averaged weights under the task's name, and what the hooks write (``curve.csv``).

The learning rate follows the share of the budget that is used (time or samples), so a run of a given length
always finishes its cosine, however fast the hardware is.
"""

from __future__ import annotations

import copy
import math
import os
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import numba
import torch
import yaml
from torch import Tensor, nn

from hand_pose_ros.files import clear_leftovers, write_text
from hand_pose_ros.network.device import pick_device
from hand_pose_ros.resources import start_file
from hand_pose_ros.training.config import OptimiserConfig, RunConfig
from hand_pose_ros.training.hooks import Checkpoint, CurveWriter, Hook, MovingAverage, Stopped
from hand_pose_ros.training.prefetcher import stream
from hand_pose_ros.training.run_folder import CONFIG, held_if_made, release, require_same_recipe
from hand_pose_ros.training.state import load_state, save_state

Network = TypeVar("Network", bound=nn.Module)
Batch = TypeVar("Batch")
Report = TypeVar("Report")


STATE = "state.safetensors"
"""Name in the run's folder."""
_MOST_UNCHANGED = 20
"""Steps in a row without a finite gradient that a run may have. Guessed: one that learns has hardly two."""


class Diverged(ValueError):
    """The weights of a run are no longer finite, or its gradient is not any more: it learns nothing."""


class Task(Protocol[Network, Batch, Report]):
    """What a run trains: its network, batches, loss and evaluation. A raw batch is what a thread can make ahead."""

    @property
    def curve_fields(self) -> Sequence[str]:
        """Columns of the curve."""

    @property
    def checkpoint_minutes(self) -> float | None:
        """Minutes from one stored state to the next; None: stored after every validation."""

    @property
    def validation_counts(self) -> bool:
        """The time that a validation takes is part of the time used."""

    @property
    def config(self) -> RunConfig:
        """The run's configuration."""

    @property
    def optimiser(self) -> OptimiserConfig:
        """The optimiser's settings."""

    def network(self) -> Network:
        """A network with random weights, drawn from torch's generator."""

    def averaged(self, network: Network) -> Network:
        """The network that will hold the averaged weights: a copy in evaluation mode."""

    def start_from(self, path: str, network: Network) -> None:
        """Put a file's weights into the network. CheckpointError when they do not fit."""

    def parameter_groups(self, network: Network) -> list[dict[str, Any]]:
        """The optimiser's groups of parameters."""

    def warm_up(self) -> None:
        """Make what takes long once, before the clock starts."""

    def raw_batch(self, step: int) -> Any:
        """The batch of a step: a function of the run's seed and the step."""

    def to_device(self, raw: Any, device: torch.device) -> Batch:
        """A raw batch as tensors on the device."""

    def loss(self, network: Network, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss, and what the curve shows of the step: detached scalars by name."""

    def evaluate(self, network: Network) -> Report:
        """Errors of the averaged network on data that training never draws."""

    def figures(self, report: Report) -> dict[str, Any]:
        """A report's columns of the curve."""

    def save(
        self, folder: Path, network: Network, samples: int, minutes: float, report: Report | None
    ) -> None:
        """Write the weights with what they are: how they were trained, and their errors where these are known."""


class Trainer(Generic[Network, Batch, Report]):
    """One run: :meth:`run` trains until the budget is used; what it needs to go on is saved on the way.

    ``hooks`` replace those of :func:`usual_hooks`. ValueError when the folder holds another run's state, when another
    process trains into it, or when a run would go on with another recipe (``run_folder``),
    CheckpointError when a file to go on from cannot be used.
    """

    def __init__(
        self,
        task: Task[Network, Batch, Report],
        output: str | Path,
        resume: bool = False,
        hooks: Sequence[Hook] | None = None,
    ) -> None:
        self.task, self.config, self.output = task, task.config, Path(output)
        with held_if_made(self.output):
            self._begin(resume, hooks)

    def _begin(self, resume: bool, hooks: Sequence[Hook] | None) -> None:
        """All that can be refused, then the run's configuration in its folder."""
        task, config = self.task, self.config
        clear_leftovers(self.output)
        self.device = pick_device(config.device)
        if self.device.type == "cpu":
            threads = config.threads or os.cpu_count() or 1
            torch.set_num_threads(threads)
            numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))  # type: ignore[attr-defined]
        torch.manual_seed(config.seed)
        self.model = task.network()
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.model.to(self.device)
        self.average = task.averaged(self.model)
        o = task.optimiser
        groups = task.parameter_groups(self.model)
        self.optimiser = torch.optim.AdamW(groups, lr=o.learning_rate, betas=(0.9, o.beta2), fused=True)
        self.hooks = usual_hooks(task, self.output) if hooks is None else list(hooks)
        self.step = 0
        self.used_s = 0.0
        self.updated = False
        self._unchanged = 0
        self._totals: dict[str, Tensor] = {}
        self._counted = 0
        if resume:
            require_same_recipe(self.output, config.to_dict())
            if not self.state_path.exists():
                raise ValueError(
                    f"{self.output}: no run to go on from (no {self.state_path.name}): leave --resume out"
                )
            self.step, self.used_s = load_state(self.state_path, self.model, self.average, self.optimiser)
        elif self.state_path.exists():
            raise ValueError(f"{self.state_path} exists: pass --resume to go on, or another --output")
        elif config.start:
            task.start_from(str(start_file(config.start)), self.model)
            self.average.load_state_dict(self.model.state_dict())
        write_text(self.output / CONFIG, yaml.safe_dump(config.to_dict(), sort_keys=False))

    @property
    def state_path(self) -> Path:
        """Where the run's state is kept."""
        return self.output / STATE

    @property
    def samples(self) -> int:
        """Samples seen so far."""
        return self.step * self.config.batch

    @property
    def progress(self) -> float:
        """Share of the budget used, 0 to 1."""
        c = self.config
        shares = [
            self.used_s / (60 * c.minutes) if c.minutes else 0.0,
            self.samples / c.samples if c.samples else 0.0,
        ]
        return min(1.0, max(shares))

    def learning_rate(self) -> float:
        """That of the next step: warm-up over samples, cosine over the budget."""
        o = self.task.optimiser
        warm = min(1.0, (self.samples + self.config.batch) / max(o.warmup_samples, 1))
        cosine = o.final_factor + (1 - o.final_factor) * 0.5 * (1 + math.cos(math.pi * self.progress))
        return o.learning_rate * warm * cosine

    def run(self) -> Report:
        """Train until the budget is used, then validate and save; returns the last validation.

        :raises Stopped: when a hook asked for it; the state is saved, as it is after an interrupt, and where a batch
            cannot be made.
        :raises Diverged: when the weights or gradients are no longer finite; what was stored before stays.
        """
        with ExitStack() as stack:
            stack.callback(release, self.output)
            self.task.warm_up()
            batches = self.batches()
            stack.callback(batches.close)
            for hook in self.hooks:
                hook.before_run(self)
                stack.callback(hook.after_run, self)
            validated, last = self.used_s, time.monotonic()
            first = self.step
            try:
                while self.progress < 1:
                    self.advance(next(batches))
                    now = time.monotonic()
                    self.used_s, last = self.used_s + now - last, now
                    due = self.used_s - validated >= 60 * self.config.validation_minutes
                    if due and self.progress < 1:
                        self.validate()
                        validated = self.used_s
                        last = last if self.task.validation_counts else time.monotonic()
                return self.validate()
            except (Stopped, KeyboardInterrupt):
                self.save(None)
                raise
            except Diverged:
                raise
            except Exception:  # a process that makes batches is gone, a picture cannot be read
                if self.step > first:
                    self.save(None)
                raise

    def batches(self) -> Generator[Batch, None, None]:
        """The batches from the next step on, on the device."""
        raw = stream(self.task.raw_batch, self.step, self.config.prefetch, self.config.workers)
        try:
            for made in raw:
                yield self.task.to_device(made, self.device)
        finally:
            raw.close()

    def advance(self, batch: Batch) -> Mapping[str, Tensor]:
        """One step and its hooks, without counting its time -> the task's terms and the gradient's norm."""
        for hook in self.hooks:
            hook.before_step(self)
        terms = self._descend(batch)
        for key, value in terms.items():
            self._totals[key] = self._totals.get(key, torch.zeros((), device=self.device)) + value
        self._counted += 1
        self.step += 1
        self._unchanged = 0 if self.updated else self._unchanged + 1
        self._require_finite_gradients()
        for hook in self.hooks:
            hook.after_step(self)
        return terms

    def validate(self) -> Report:
        """Evaluate the averaged network; the hooks get its report and the curve's next row."""
        report = self.task.evaluate(self.average)
        row: dict[str, Any] = {key: float(value) / self._counted for key, value in self._totals.items()}
        row |= self.task.figures(report)
        row |= {"step": self.step, "samples": self.samples, "minutes": self.used_s / 60}
        row["learning_rate"] = self.learning_rate()
        for hook in self.hooks:
            hook.after_validation(self, report, row)
        self._totals, self._counted = {}, 0
        return report

    def save(self, report: Report | None) -> None:
        """Write the state and the averaged weights, each atomically. Diverged when they are not finite: they would
        take the place of the last ones that can be used."""
        self._require_finite_gradients()
        values = [*self.model.parameters(), *self.average.parameters()]
        if not all(bool(torch.isfinite(value).all()) for value in values):
            raise Diverged(
                f"after {self.samples} samples the weights are not finite, and nothing is stored: want a learning rate"
                f" below {self.task.optimiser.learning_rate:g}"
            )
        self.save_state()
        self.task.save(self.output, self.average, self.samples, round(self.used_s / 60, 2), report)

    def _require_finite_gradients(self) -> None:
        """Diverged after too many steps without one: weights that are finite can make no finite joints any more."""
        if self._unchanged >= _MOST_UNCHANGED:
            raise Diverged(
                f"after {self.samples} samples the last {self._unchanged} steps had no finite gradient, and nothing is"
                f" stored: want a learning rate below {self.task.optimiser.learning_rate:g}"
            )

    def save_state(self) -> None:
        """Write what is needed to go on, atomically."""
        save_state(self.state_path, self.model, self.average, self.optimiser, self.step, self.used_s)

    def _descend(self, batch: Batch) -> dict[str, Tensor]:
        """Move the weights along the clipped gradient, unless it is not finite."""
        rate = self.learning_rate()
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.model.train()
        loss, terms = self.task.loss(self.model, batch)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.task.optimiser.clip_norm)
        # Waits for the GPU: weights that once are not finite stay so.
        self.updated = bool(torch.isfinite(norm))
        if self.updated:
            self.optimiser.step()
        return {**terms, "gradient_norm": norm}


def usual_hooks(task: Task[Any, Any, Any], output: Path) -> list[Hook]:
    """The average, the curve, the stored state."""
    return [
        MovingAverage(task.optimiser.ema_decay),
        CurveWriter(output / "curve.csv", task.curve_fields),
        Checkpoint(task.checkpoint_minutes),
    ]


def frozen_copy(network: Network) -> Network:
    """A copy in evaluation mode whose weights take no gradient."""
    return copy.deepcopy(network).eval().requires_grad_(False)
