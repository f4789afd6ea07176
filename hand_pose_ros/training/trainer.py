"""The training loop: synthetic hands in, a trained network and its curve out.

In: :class:`TrainConfig`, sources of labelled hands to train and to validate on, a folder. Out, in the folder:
``curve.csv`` (errors in mm over time), ``state.safetensors`` (everything needed to go on: weights, averages,
optimiser, time used), ``model.safetensors`` (the averaged weights, loadable by ``network.checkpoint``),
``config.yaml``.

The learning rate follows the share of the budget that is used (time or samples), so a run of a given length
always finishes its cosine, however fast the machine is.
"""

from __future__ import annotations

import copy
import csv
import math
import os
import time
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numba
import torch
import yaml
from torch import Tensor
from tqdm import tqdm

from hand_pose_ros.datasets.seeds import training_seed
from hand_pose_ros.datasets.torch_batch import Source, TorchBatch, to_torch
from hand_pose_ros.evaluation.synthetic_report import SyntheticReport, evaluate_synthetic
from hand_pose_ros.network.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from hand_pose_ros.network.device import pick_device
from hand_pose_ros.network.losses import first_hands, hand_loss
from hand_pose_ros.network.model import HandNet
from hand_pose_ros.training.config import TrainConfig
from hand_pose_ros.training.prefetcher import Prefetcher
from hand_pose_ros.training.prune_channels import shrink
from hand_pose_ros.training.state import load_state, save_state

CURVE_FIELDS: tuple[str, ...] = (
    "step", "samples", "minutes", "learning_rate", "loss", "train_mean_mm", "train_coarse_mm",
    "gradient_norm", "mean_mm", "median_mm", "coarse_mean_mm", "coarse_median_mm", "angle_error_deg",
    "out_of_range", "hands_missed", "nothing_taken", "wrong_side",
)  # fmt: skip


class Trainer:
    """One run: :meth:`run` trains until the budget is used; what it needs to go on is saved on the way."""

    def __init__(
        self,
        config: TrainConfig,
        source: Source,
        output: str | Path,
        resume: bool = False,
        validation: Source | None = None,
    ) -> None:
        self.config = config
        self.source = source
        self.validation = validation or source
        self.output = Path(output)
        self.device = pick_device(config.device)
        if self.device.type == "cpu":
            threads = config.threads or os.cpu_count() or 1
            torch.set_num_threads(threads)
            numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))  # type: ignore[attr-defined]
        torch.manual_seed(config.seed)
        self.model = HandNet(config.network).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.model.to(self.device)
        self.model.autocast = config.bf16
        self.average = copy.deepcopy(self.model).eval().requires_grad_(False)
        self.average.autocast = False
        self.optimiser = _optimiser(self.model, config)
        self.step = 0
        self.used_s = 0.0
        if resume:
            self.step, self.used_s = load_state(self.state_path, self.model, self.average, self.optimiser)
        elif self.state_path.exists():
            raise ValueError(f"{self.state_path} exists: pass --resume to go on, or another --output")
        elif config.start:
            _start_from(config.start, self.model)
            self.average.load_state_dict(self.model.state_dict())
        self.output.mkdir(parents=True, exist_ok=True)
        (self.output / "config.yaml").write_text(
            yaml.safe_dump(config.to_dict(), sort_keys=False), encoding="utf-8"
        )

    @property
    def state_path(self) -> Path:
        """Where the run's state is kept."""
        return self.output / "state.safetensors"

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
        """Warm-up over samples, cosine over the budget."""
        o = self.config.optimiser
        warm = min(1.0, (self.samples + self.config.batch) / max(o.warmup_samples, 1))
        cosine = o.final_factor + (1 - o.final_factor) * 0.5 * (1 + math.cos(math.pi * self.progress))
        return o.learning_rate * warm * cosine

    def run(self) -> SyntheticReport:
        """Train until the budget is used, then validate and save; returns the last validation."""
        c = self.config
        last = time.monotonic()
        validated = saved = self.used_s
        totals: dict[str, Tensor] = {}
        count = 0
        batches = self._batches()
        bar = tqdm(total=100, bar_format="{l_bar}{bar}| {postfix}", desc=c.name, mininterval=1.0)
        try:
            while self.progress < 1:
                rate = self.learning_rate()
                terms = self._train_step(next(batches), rate)
                for key, value in terms.items():
                    totals[key] = totals.get(key, torch.zeros((), device=self.device)) + value
                count += 1
                self.step += 1
                now = time.monotonic()
                self.used_s, last = self.used_s + now - last, now
                bar.update(100 * self.progress - bar.n)
                if self.used_s - validated >= 60 * c.validation_minutes and self.progress < 1:
                    report = self._validate(totals, count, rate)
                    bar.set_postfix_str(self._postfix(report))
                    totals, count, validated = {}, 0, self.used_s
                if self.used_s - saved >= 60 * c.checkpoint_minutes:
                    self.save(None)
                    saved = self.used_s
            report = self._validate(totals, max(count, 1), self.learning_rate())
            bar.set_postfix_str(self._postfix(report))
            self.save(report)
            return report
        finally:
            batches.close()
            bar.close()

    def save(self, report: SyntheticReport | None) -> None:
        """Write the state and the averaged weights, each atomically."""
        save_state(self.state_path, self.model, self.average, self.optimiser, self.step, self.used_s)
        run: dict[str, Any] = {
            "name": self.config.name,
            "seed": self.config.seed,
            "samples": self.samples,
            "minutes": round(self.used_s / 60, 2),
            "config": self.config.to_dict(),
        }
        if report is not None:
            run["validation"] = report.to_dict()
        save_checkpoint(self.output / "model.safetensors", self.average, run, name=self.config.name)

    def _batches(self) -> Generator[TorchBatch, None, None]:
        c = self.config

        mirrored = round(c.mirrored * c.batch)

        def make(step: int) -> Any:
            return self.source.batch(training_seed(c.seed, step), c.batch)

        if c.prefetch == 0:
            while True:
                yield to_torch(make(self.step), self.device, mirrored)
        prefetcher = Prefetcher(make, self.step, c.prefetch)
        try:
            while True:
                yield to_torch(prefetcher.get(), self.device, mirrored)
        finally:
            prefetcher.close()

    def _train_step(self, batch: TorchBatch, rate: float) -> dict[str, Tensor]:
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.model.train()
        output = self.model(batch.crop.contiguous(memory_format=torch.channels_last), batch.distance)
        loss, _ = hand_loss(output, batch.target, self.model.layer.limits, self.config.loss)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.optimiser.clip_norm)
        if torch.isfinite(norm):
            self.optimiser.step()
            self._update_average()
        with torch.no_grad():
            truth = batch.target.joints
            output = first_hands(output, len(truth))
            return {
                "loss": loss.detach(),
                "gradient_norm": norm,
                "train_mean_mm": 1000 * (output.joints - truth).norm(dim=-1).mean(),
                "train_coarse_mm": 1000 * (output.coarse - truth).norm(dim=-1).mean(),
            }

    @torch.no_grad()
    def _update_average(self) -> None:
        decay = min(self.config.optimiser.ema_decay, (1 + self.step) / (10 + self.step))
        online, average = self.model.state_dict(), self.average.state_dict()
        floats = [key for key, value in online.items() if value.is_floating_point()]
        torch._foreach_lerp_([average[k] for k in floats], [online[k] for k in floats], 1 - decay)

    def _validate(self, totals: dict[str, Tensor], count: int, rate: float) -> SyntheticReport:
        report = evaluate_synthetic(
            self.average, self.validation, self.config.seed, self.config.validation_samples
        )
        row = {key: float(value) / count for key, value in totals.items()}
        values = {
            **row,
            **report.to_dict(),
            "step": self.step,
            "samples": self.samples,
            "learning_rate": rate,
        }
        values["minutes"] = self.used_s / 60
        _append_row(self.output / "curve.csv", values)
        return report

    def _postfix(self, report: SyntheticReport) -> str:
        speed = self.samples / max(self.used_s, 1e-9)
        final = f"mean {report.mean_mm:.2f} mm, median {report.median_mm:.2f} mm"
        seen = f"{self.samples / 1000:.0f}k samples, {speed:.0f}/s"
        return f"{seen}, {final}, coarse {report.coarse_mean_mm:.2f} mm"


def _start_from(path: str, model: HandNet) -> None:
    """Put a file's weights into the model; what the file lacks keeps its first values. CheckpointError if one does not
    fit.

    A layer that has got more inputs since keeps its old ones in their places and starts with zero weights on the new
    ones, so the network begins as the file's. Of a network that was wider the most important channels are taken
    (:func:`~hand_pose_ros.training.prune_channels.shrink`).
    """
    loaded, _ = load_checkpoint(path)
    theirs, ours = loaded.state_dict(), model.state_dict()
    narrow = replace(loaded.config, widths=model.config.widths)
    if narrow != loaded.config and all(
        n <= w for n, w in zip(narrow.widths, loaded.config.widths, strict=True)
    ):
        theirs = shrink(theirs, loaded.config, narrow)
    for key, value in theirs.items():
        if key not in ours or not _fits(value, ours[key]):
            raise CheckpointError(f"{path}: weight '{key}' does not fit the configured network")
        if value.shape == ours[key].shape:
            ours[key] = value
        else:
            ours[key] = torch.zeros_like(ours[key])
            ours[key][:, : value.shape[1]] = value
    model.load_state_dict(ours)


def _fits(smaller: Tensor, larger: Tensor) -> bool:
    """Equal shapes, or a weight matrix that only needs more inputs (its second dimension)."""
    if smaller.shape == larger.shape:
        return True
    matrices = smaller.dim() == larger.dim() == 2
    return matrices and smaller.shape[0] == larger.shape[0] and smaller.shape[1] < larger.shape[1]


def _optimiser(model: HandNet, config: TrainConfig) -> torch.optim.AdamW:
    o = config.optimiser
    decayed = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() <= 1]
    groups = [{"params": decayed, "weight_decay": o.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=o.learning_rate, betas=(0.9, o.beta2), fused=True)


def _append_row(path: Path, values: dict[str, Any]) -> None:
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, CURVE_FIELDS, extrasaction="ignore", restval="")
        if new:
            writer.writeheader()
        writer.writerow({k: f"{v:.6g}" if isinstance(v, float) else v for k, v in values.items()})
