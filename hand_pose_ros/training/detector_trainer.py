"""Training of the full-frame detector: rendered pictures in, weights and their curve out.

In: :class:`DetectorTrainConfig` (a YAML file), a folder. Out, in the folder: ``curve.csv``, ``state.safetensors``
(everything needed to go on), ``detector.safetensors`` (the averaged weights), ``config.yaml``. The learning rate
follows the share of the budget that is used, as for the pose network.
"""

from __future__ import annotations

import copy
import csv
import math
import time
from collections.abc import Generator, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numba
import torch
import yaml
from torch import Tensor

from hand_pose_ros.datasets.detector_targets import make_target
from hand_pose_ros.datasets.full_frames import FullFrameConfig, FullFrames
from hand_pose_ros.datasets.seeds import training_seed
from hand_pose_ros.detection.detector import load_detector, save_detector
from hand_pose_ros.detection.detector_net import (
    DetectorConfig,
    DetectorMaps,
    DetectorNet,
    DetectorTarget,
    detector_loss,
)
from hand_pose_ros.evaluation.detector_evaluation import DetectorReport, evaluate_detector
from hand_pose_ros.network.checkpoint import CheckpointError
from hand_pose_ros.synthetic.surroundings import SurroundingsConfig
from hand_pose_ros.training.prefetcher import Prefetcher
from hand_pose_ros.training.state import load_state, save_state

TRAINING_SPLIT, VALIDATION_SPLIT = 0, 1
CURVE_FIELDS = (
    "step", "samples", "minutes", "learning_rate", "loss", "heat", "offset", "size", "axes", "side", "found_20",
    "found_40", "found_60", "median_mm", "wrong_sides", "false_alarms", "false_alarms_without_hand",
)  # fmt: skip


@dataclass(frozen=True)
class DetectorTrainConfig:
    """One run. minutes: wall-clock budget; samples: budget in pictures; the run ends by whichever is nearer, 0 = none.
    batch: pictures a step. threads: CPU threads. bf16: the network in bfloat16 while training. prefetch: batches made
    ahead in a thread of their own, 0 = between the steps. start: a weights file to go on from instead of random
    weights. data: fields of ``FullFrameConfig`` that differ from its
    defaults."""

    name: str = "detector"
    minutes: float = 15.0
    samples: int = 0
    batch: int = 64
    seed: int = 1
    threads: int = 1
    bf16: bool = True
    prefetch: int = 0
    learning_rate: float = 3e-3
    weight_decay: float = 0.01
    warmup_samples: int = 6400
    ema_decay: float = 0.998
    validation_pictures: int = 1024
    validation_minutes: float = 2.0
    start: str = ""
    network: DetectorConfig = field(default_factory=DetectorConfig)
    data: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.minutes < 0 or self.samples < 0 or not (self.minutes or self.samples):
            raise ValueError(f"minutes, samples are {self.minutes}, {self.samples}, want one of them above 0")
        if self.batch < 2 or self.threads < 1 or not 0 <= self.seed < 2**20 or self.prefetch < 0:
            raise ValueError(
                "want batch at least 2, threads at least 1, seed 0 to 1048575, prefetch at least 0"
            )
        if not (self.learning_rate > 0 and 0 <= self.ema_decay < 1 and self.weight_decay >= 0):
            raise ValueError("want learning_rate above 0, ema_decay 0 to below 1, weight_decay at least 0")
        if self.validation_pictures < 1 or not self.validation_minutes > 0:
            raise ValueError("want validation_pictures at least 1 and validation_minutes above 0")
        full_frame_config(self.data, TRAINING_SPLIT)

    def to_dict(self) -> dict[str, Any]:
        """Plain values; :func:`detector_config` reads them back."""
        return {**asdict(self), "network": self.network.to_dict(), "data": dict(self.data)}


def full_frame_config(data: Mapping[str, Any], split: int) -> FullFrameConfig:
    """Fields that differ from the defaults -> configuration; ValueError names a wrong one."""
    try:
        values: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in data.items()
        }
        if "scene" in values:
            values["scene"] = SurroundingsConfig(**values["scene"])
        return FullFrameConfig(**{**values, "split": split})
    except TypeError as error:
        raise ValueError(f"data: {error}") from error


def detector_config(values: Mapping[str, Any]) -> DetectorTrainConfig:
    """Plain values -> configuration; ValueError names a field that does not exist or makes no sense."""
    names = [f.name for f in fields(DetectorTrainConfig)]
    for key in values:
        if key not in names:
            raise ValueError(f"no field '{key}', want one of {', '.join(names)}")
    network = {key: tuple(value) for key, value in (values.get("network") or {}).items()}
    try:
        return DetectorTrainConfig(**{**values, "network": DetectorConfig(**network)})
    except TypeError as error:
        raise ValueError(str(error)) from error


def load_detector_config(path: str | Path) -> DetectorTrainConfig:
    """Read a YAML file; ValueError names the file and the field."""
    try:
        values = yaml.safe_load(Path(path).read_text(encoding="utf-8")) or {}
        if not isinstance(values, dict):
            raise ValueError("want a mapping of fields")
        return detector_config(values)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error


class DetectorTrainer:
    """One run: :meth:`run` trains until the budget is used, saving on the way."""

    def __init__(self, config: DetectorTrainConfig, output: str | Path, resume: bool = False) -> None:
        self.config, self.output = config, Path(output)
        torch.set_num_threads(config.threads)
        numba.set_num_threads(min(config.threads, numba.config.NUMBA_NUM_THREADS))  # type: ignore[attr-defined]
        torch.manual_seed(config.seed)
        self.model = DetectorNet(config.network).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = copy.deepcopy(self.model).eval().requires_grad_(False)
        self.optimiser = torch.optim.AdamW(
            self.model.parameters(),
            lr=config.learning_rate,
            betas=(0.9, 0.99),
            weight_decay=config.weight_decay,
            fused=True,
        )
        self.source = FullFrames(full_frame_config(config.data, TRAINING_SPLIT))
        self.validation = FullFrames(full_frame_config(config.data, VALIDATION_SPLIT))
        self.step, self.used_s = 0, 0.0
        if resume:
            self.step, self.used_s = load_state(self.state_path, self.model, self.average, self.optimiser)
        elif self.state_path.exists():
            raise ValueError(f"{self.state_path} exists: pass --resume to go on, or another --output")
        elif config.start:
            _start_from(config.start, self.model)
            self.average.load_state_dict(self.model.state_dict())
        self.output.mkdir(parents=True, exist_ok=True)
        text = yaml.safe_dump(config.to_dict(), sort_keys=False)
        (self.output / "config.yaml").write_text(text, encoding="utf-8")

    @property
    def state_path(self) -> Path:
        """Where the run's state is kept."""
        return self.output / "state.safetensors"

    @property
    def progress(self) -> float:
        """Share of the budget used, 0 to 1."""
        c = self.config
        time_share = self.used_s / (60 * c.minutes) if c.minutes else 0.0
        return min(1.0, max(time_share, self.step * c.batch / c.samples if c.samples else 0.0))

    def run(self) -> DetectorReport:
        """Train until the budget is used; returns the last validation."""
        self.source.batch(0, 1)  # compiled, and the people made, before the clock starts
        totals: dict[str, Tensor] = {}
        count, validated, last = 0, self.used_s, time.monotonic()
        batches = self._batches()
        while self.progress < 1:
            for key, value in self._train_step(*next(batches)).items():
                totals[key] = totals.get(key, torch.zeros(())) + value
            count, self.step = count + 1, self.step + 1
            now = time.monotonic()
            self.used_s, last = self.used_s + now - last, now
            if self.used_s - validated >= 60 * self.config.validation_minutes and self.progress < 1:
                self._validate(totals, count)
                totals, count, validated, last = {}, 0, self.used_s, time.monotonic()
        batches.close()
        return self._validate(totals, max(count, 1))

    def _batches(self) -> Generator[tuple[Tensor, DetectorTarget], None, None]:
        def make(step: int) -> tuple[Tensor, DetectorTarget]:
            return make_target(self.source.batch(training_seed(self.config.seed, step), self.config.batch))

        if self.config.prefetch == 0:
            while True:
                yield make(self.step)
        prefetcher = Prefetcher(make, self.step, self.config.prefetch)
        try:
            while True:
                yield prefetcher.get()
        finally:
            prefetcher.close()

    def _rate(self) -> float:
        warm = min(1.0, (self.step + 1) * self.config.batch / max(self.config.warmup_samples, 1))
        return (
            self.config.learning_rate * warm * (0.005 + 0.995 * 0.5 * (1 + math.cos(math.pi * self.progress)))
        )

    def _train_step(self, features: Tensor, target: DetectorTarget) -> dict[str, Tensor]:
        for group in self.optimiser.param_groups:
            group["lr"] = self._rate()
        self.model.train()
        with torch.autocast("cpu", torch.bfloat16, enabled=self.config.bf16):
            maps = self.model(features.contiguous(memory_format=torch.channels_last))
        loss, terms = detector_loss(DetectorMaps(*(value.float() for value in maps)), target)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
        if torch.isfinite(norm):
            self.optimiser.step()
            decay = min(self.config.ema_decay, (1 + self.step) / (10 + self.step))
            online, average = self.model.state_dict(), self.average.state_dict()
            floats = [key for key, value in online.items() if value.is_floating_point()]
            torch._foreach_lerp_([average[k] for k in floats], [online[k] for k in floats], 1 - decay)
        return terms

    def _validate(self, totals: Mapping[str, Tensor], count: int) -> DetectorReport:
        """Measure the averaged weights, write the curve's next line, save."""
        report = evaluate_detector(
            self.average, self.validation, self.config.seed, self.config.validation_pictures
        )
        row = {key: float(value) / count for key, value in totals.items()}
        row |= {f"found_{limit}": share for limit, share in report.found.items()}
        row |= {key: getattr(report, key) for key in CURVE_FIELDS if hasattr(report, key)}
        row |= {"step": self.step, "samples": self.step * self.config.batch, "minutes": self.used_s / 60}
        row["learning_rate"] = self._rate()
        path = self.output / "curve.csv"
        new = not path.exists()
        with path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, CURVE_FIELDS, extrasaction="ignore", restval="")
            if new:
                writer.writeheader()
            writer.writerow({k: f"{v:.6g}" if isinstance(v, float) else v for k, v in row.items()})
        save_state(self.state_path, self.model, self.average, self.optimiser, self.step, self.used_s)
        run = {"samples": self.step * self.config.batch, "minutes": round(self.used_s / 60, 2)}
        training = {**run, "config": self.config.to_dict(), "validation": report.to_dict()}
        save_detector(self.output / "detector.safetensors", self.average, training)
        return report


def _start_from(path: str, model: DetectorNet) -> None:
    """Put a file's weights into the model; CheckpointError if they are another network's."""
    theirs, _ = load_detector(path)
    if theirs.config != model.config:
        raise CheckpointError(f"{path}: widths are {theirs.config.widths}, want {model.config.widths}")
    model.load_state_dict(theirs.state_dict())
