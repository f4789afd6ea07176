"""Training configuration: a YAML file to validated dataclasses.

In: a mapping with the sections ``network``, ``loss``, ``optimiser``, ``data`` and the fields of
:class:`TrainConfig`. Out: :class:`TrainConfig`; ValueError with one message that names the field.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

import yaml

from hand_pose_ros.datasets.benchmarks import BENCHMARKS
from hand_pose_ros.network.config import NetworkConfig
from hand_pose_ros.network.losses import LossConfig
from hand_pose_ros.network.skeleton_difference import SkeletonDifference

DEVICES: tuple[str, ...] = ("auto", "cpu", "cuda")
SYNTHETIC = "synthetic"
DATASETS: tuple[str, ...] = (SYNTHETIC, *BENCHMARKS)


@dataclass(frozen=True)
class OptimiserConfig:
    """AdamW with a linear warm-up, then a cosine down to ``final_factor`` of the peak over the run's budget.

    learning_rate: peak. weight_decay: on weight matrices only. warmup_samples: samples until the peak.
    clip_norm: bound of the gradient's norm. ema_decay: per step, of the averaged weights that are kept.
    """

    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    beta2: float = 0.99
    warmup_samples: int = 20_000
    final_factor: float = 0.005
    clip_norm: float = 2.0
    ema_decay: float = 0.999

    def __post_init__(self) -> None:
        _positive("optimiser", self, "learning_rate", "clip_norm", "final_factor")
        if not 0 <= self.ema_decay < 1 or not 0 <= self.beta2 < 1:
            raise ValueError(
                f"optimiser.ema_decay, beta2 are {self.ema_decay}, {self.beta2}, want 0 to below 1"
            )
        if self.weight_decay < 0 or self.warmup_samples < 0:
            raise ValueError("optimiser.weight_decay and warmup_samples want at least 0")


@dataclass(frozen=True)
class TrainConfig:
    """One training run.

    minutes: wall-clock budget; samples: budget in samples. With both, the run ends (and its cosine is
    finished) by whichever is nearer; 0 means no such budget; one of them is needed. batch: samples a step.
    seed: of the run; training and validation draw from disjoint seeds. threads: CPU threads, 0 = as many as
    cores. prefetch: batches made ahead in a background thread, 0 = made between the steps (the same threads
    do both, faster on few cores). bf16: convolutions in bfloat16. validation_samples, validation_minutes,
    checkpoint_minutes: how many, how often. mirrored: so many more crops, as a share of the batch, show hands of the
    batch mirrored, for a network that tells left from right. start: a weights file to go on from instead of random
    weights. dataset, root: what is trained on, and the folder of a recorded data set. data: fields of the data's
    configuration that differ from its defaults (``datasets.synthetic.SyntheticConfig`` or
    ``training.recorded_source.RecordedConfig``).
    """

    name: str = "default"
    minutes: float = 90.0
    samples: int = 0
    batch: int = 64
    seed: int = 1
    device: str = "auto"
    threads: int = 0
    prefetch: int = 0
    bf16: bool = True
    validation_samples: int = 1024
    validation_minutes: float = 2.0
    checkpoint_minutes: float = 2.0
    mirrored: float = 0.0
    start: str = ""
    network: NetworkConfig = field(default_factory=NetworkConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    dataset: str = SYNTHETIC
    root: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.device not in DEVICES:
            raise ValueError(f"device is '{self.device}', want one of {', '.join(DEVICES)}")
        if self.dataset not in DATASETS:
            raise ValueError(f"dataset is '{self.dataset}', want one of {', '.join(DATASETS)}")
        if not isinstance(self.root, str) or (self.root and self.dataset == SYNTHETIC):
            raise ValueError(f"root is '{self.root}', want a folder, and only with {', '.join(BENCHMARKS)}")
        if self.minutes < 0 or self.samples < 0 or not (self.minutes or self.samples):
            raise ValueError(f"minutes, samples are {self.minutes}, {self.samples}, want one of them above 0")
        _positive("", self, "batch", "validation_samples", "validation_minutes", "checkpoint_minutes")
        if self.batch < 2:
            raise ValueError(f"batch is {self.batch}, want at least 2 (batch normalisation)")
        if not 0 <= self.seed < 2**20 or self.threads < 0 or self.prefetch < 0:
            raise ValueError("seed wants 0 to 1048575; threads and prefetch at least 0")
        if not 0 <= self.mirrored <= 0.5 or (self.network.handedness and not self.mirrored):
            raise ValueError(
                f"mirrored is {self.mirrored}, want a share up to 0.5, above 0 for a network that tells handedness"
            )
        self._check_head()
        if not isinstance(self.data, Mapping):
            raise ValueError(f"data is {self.data!r}, want a mapping of fields")
        crop = {"size": self.network.crop_size, "cube_m": self.network.cube_m}
        for key, value in crop.items():
            if self.data.get(key, value) != value:
                raise ValueError(f"data.{key} is {self.data[key]}, want the network's {value} (leave it out)")
        object.__setattr__(self, "data", {**self.data, **crop})

    def _check_head(self) -> None:
        """The losses must be those that the head can have."""
        head, loss = self.network.head, self.loss
        if head == "direct_parameter" and (not loss.parameter or loss.joint or loss.coarse or loss.skeleton):
            raise ValueError(
                "head 'direct_parameter' wants loss.parameter above 0 and joint, coarse, skeleton at 0"
            )
        if head == "direct_joint" and loss.parameter:
            raise ValueError(
                "loss.parameter is above 0 with head 'direct_joint', want 0: it has no parameters"
            )
        if not (loss.joint or loss.coarse or loss.parameter):
            raise ValueError("loss.joint, coarse and parameter are all 0, want one above 0")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as stored in a checkpoint; :func:`config_from_dict` reads them back."""
        values = asdict(self)
        values["network"] = self.network.to_dict()
        values["data"] = dict(self.data)
        if self.dataset == SYNTHETIC:
            # As before recorded data sets could be trained on: settings stored then still compare equal.
            del values["dataset"], values["root"]
        for name in ("start", "mirrored"):
            if not values[name]:
                del values[name]  # as before there was one
        if not self.loss.earlier:
            del values["loss"]["earlier"]
        if not self.network.handedness:
            del values["loss"]["handedness"]
        return values


T = TypeVar("T")


def load_config(path: str | Path) -> TrainConfig:
    """Read a YAML training configuration; ValueError names the file and the field."""
    path = Path(path)
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"{path}: cannot read the training configuration: {error}") from error
    if not isinstance(values, dict):
        raise ValueError(f"{path}: want a mapping of fields")
    try:
        return config_from_dict(values)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error


def merged(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """``values`` with ``changes`` laid over it, section by section."""
    result = dict(values)
    for key, value in changes.items():
        inner = result.get(key)
        both = isinstance(inner, Mapping) and isinstance(value, Mapping)
        result[key] = merged(inner, value) if both else value  # type: ignore[arg-type]
    return result


def config_from_dict(values: Mapping[str, Any]) -> TrainConfig:
    """Plain values -> configuration; ValueError names a field that does not exist or a value out of range."""
    rest = dict(values)
    network = NetworkConfig.from_dict(rest.pop("network", None) or {})
    weights = dict(rest.pop("loss", None) or {})
    parts = weights.pop("skeleton_difference", None) or {}
    parts = _build(SkeletonDifference, "loss.skeleton_difference", parts)
    loss = _build(LossConfig, "loss", {**weights, "skeleton_difference": parts})
    optimiser = _build(OptimiserConfig, "optimiser", rest.pop("optimiser", None) or {})
    return _build(TrainConfig, "", {**rest, "network": network, "loss": loss, "optimiser": optimiser})


def _build(kind: type[T], section: str, values: Mapping[str, Any]) -> T:
    defaults = {f.name: f for f in fields(kind)}  # type: ignore[arg-type]
    for key, value in values.items():
        label = f"{section}.{key}" if section else key
        if key not in defaults:
            raise ValueError(f"no field '{label}', want one of {', '.join(defaults)}")
        default = defaults[key].default
        if (
            isinstance(default, (int, float))
            and not isinstance(default, bool)
            and not isinstance(value, (int, float))
        ):
            raise ValueError(f"{label} is {value!r}, want a number")
        if isinstance(default, bool) and not isinstance(value, bool):
            raise ValueError(f"{label} is {value!r}, want true or false")
    return kind(**values)


def _positive(section: str, config: Any, *names: str) -> None:
    for name in names:
        if not getattr(config, name) > 0:
            label = f"{section}.{name}" if section else name
            raise ValueError(f"{label} is {getattr(config, name)}, want more than 0")
