"""Training configuration of the pose network, and what every training run has in common.

In: a mapping with the sections ``network``, ``loss``, ``optimiser``, ``data`` and the fields of :class:`TrainConfig`,
as a YAML file or a checkpoint holds it. Out: :class:`TrainConfig`; ValueError with one message that names the field.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hand_pose_ros.config_files import build, read_mapping, require_mapping
from hand_pose_ros.datasets.benchmarks import BENCHMARKS
from hand_pose_ros.datasets.recorded_source import recorded_config
from hand_pose_ros.datasets.synthetic import synthetic_config
from hand_pose_ros.network.backend import DEVICES
from hand_pose_ros.network.config import NetworkConfig
from hand_pose_ros.network.losses import LossConfig
from hand_pose_ros.network.migration import migrate_config
from hand_pose_ros.network.skeleton_difference import SkeletonDifference
from hand_pose_ros.synthetic.splits import TRAINING_SPLIT
from hand_pose_ros.validation import between, not_negative, one_of, positive, require, typed, whole

SYNTHETIC = "synthetic"
DATASETS: tuple[str, ...] = (SYNTHETIC, *BENCHMARKS)
NON_SEMANTIC_FIELDS: tuple[str, ...] = (
    "device", "threads", "prefetch", "workers", "checkpoint_minutes", "validation_minutes",
)  # fmt: skip
"""Fields of a training configuration that mean nothing for a run's result.

Two runs may differ in them and be the same experiment.
"""


@dataclass(frozen=True)
class OptimiserConfig:
    """AdamW with a linear warm-up, then a cosine down to ``final_factor`` of the peak over the run's budget. The
    defaults are guessed; recipes name what they change."""

    learning_rate: float = 2e-3
    """Peak of the learning rate."""
    weight_decay: float = 0.02
    """Decoupled weight decay; of which weights, the task decides."""
    beta2: float = 0.99
    """Decay of the mean squared gradient."""
    warmup_samples: int = 20_000
    """Samples until the peak."""
    final_factor: float = 0.005
    """The last learning rate as a share of the peak."""
    clip_norm: float = 2.0
    """Bound of the gradient's norm."""
    ema_decay: float = 0.999
    """Decay per step of the averaged weights, which are those that are kept."""

    def __post_init__(self) -> None:
        section = "optimiser"
        typed(self, section)
        positive(self, "learning_rate", "clip_norm", "final_factor", section=section)
        not_negative(self, "weight_decay", "warmup_samples", section=section)
        for name in ("ema_decay", "beta2"):
            value = getattr(self, name)
            require(0 <= value < 1, section, name, value, "0 to below 1")


@dataclass(frozen=True)
class RunConfig:
    """What every training run has, of whatever network. The run ends, and its cosine with it, by the nearer budget."""

    name: str = "run"
    """Of the run, and of its folder and weights."""
    minutes: float = 90.0
    """Budget of wall-clock time; 0 for none, then ``samples`` is needed. Guessed, as the
    other numbers here; recipes name what they change."""
    samples: int = 0
    """Budget in samples; 0 for none."""
    batch: int = 64
    """Samples a step."""
    seed: int = 1
    """Of the run; training and validation draw from disjoint seeds."""
    device: str = "auto"
    """``cpu``, ``cuda``, or ``auto``: CUDA where there is one."""
    threads: int = 0
    """CPU threads; 0 for as many as there are cores."""
    prefetch: int = 0
    """Batches made ahead in a background thread; 0: made between the steps (faster on few cores)."""
    workers: int = 0
    """Processes that make batches ahead, ``prefetch`` (at least 1) each; for a GPU, beside which cores are idle."""
    bf16: bool = True
    """Convolutions in bfloat16 while training, where the device multiplies it itself; else in float32."""
    validation_minutes: float = 2.0
    """Minutes from one validation to the next. Guessed."""
    start: str = ""
    """Weights to go on from, instead of random ones: a file (relative to the working directory, else to the package, as
    ``models/default.safetensors``), or a shipped one by its name."""

    def __post_init__(self) -> None:
        typed(self)
        if self.minutes < 0 or self.samples < 0 or not (self.minutes or self.samples):
            raise ValueError(f"minutes, samples are {self.minutes}, {self.samples}, want one of them above 0")
        plain = re.fullmatch(r"\w[\w.-]*", self.name) is not None
        require(plain, "", "name", self.name, "letters, digits, _, - and dots, for a folder of this name")
        between(self, 2, 2**16, "batch")  # batch normalisation; what no memory holds
        between(self, 0, 2**20 - 1, "seed")
        one_of(self, DEVICES, "device")
        whole(self, "threads", least=0, most=1024)
        whole(self, "prefetch", least=0, most=1024)
        whole(self, "workers", least=0, most=256)
        positive(self, "validation_minutes")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as stored with the weights."""
        return asdict(self)


@dataclass(frozen=True)
class TrainConfig(RunConfig):
    """One training run of the pose network."""

    name: str = "default"
    """Of the run, and of its folder and weights."""
    validation_samples: int = 1024
    """Hands of a validation. Guessed."""
    checkpoint_minutes: float = 2.0
    """Minutes from one stored state to the next. Guessed: so much an ended run loses at most."""
    mirrored: float = 0.0
    """So many more crops, as a share of the batch, show hands of the batch mirrored, for a network with a
    handedness head; 0 to 0.5."""
    network: NetworkConfig = field(default_factory=NetworkConfig)
    """The network's input, backbone and head."""
    loss: LossConfig = field(default_factory=LossConfig)
    """Weights of the loss's terms; which may be above 0 depends on the head."""
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    """The optimiser's settings; its weight decay is on weight matrices only."""
    dataset: str = SYNTHETIC
    """What is trained on, one of DATASETS."""
    root: str = ""
    """The folder of a recorded data set."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the data's configuration that differ from its defaults: of ``datasets.synthetic.SyntheticConfig`` or
    ``datasets.recorded_source.RecordedConfig``."""

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of(self, DATASETS, "dataset")
        right = isinstance(self.root, str) and not (self.root and self.dataset == SYNTHETIC)
        require(right, "", "root", self.root, f"a folder, and only with {', '.join(BENCHMARKS)}")
        whole(self, "validation_samples")
        positive(self, "checkpoint_minutes")
        right = 0 <= self.mirrored <= 0.5 and bool(self.mirrored or not self.network.handedness)
        want = "a share up to 0.5, above 0 for a network with a handedness head"
        require(right, "", "mirrored", self.mirrored, want)
        self._check_head()
        require_mapping("data", self.data)
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


def without_folders(values: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration's plain values as they are stored with weights, which others get: of absolute paths, which are
    this computer's, the last part alone."""
    named = {name: Path(values[name]) for name in ("start", "root") if values.get(name)}
    return {**values, **{name: path.name for name, path in named.items() if path.expanduser().is_absolute()}}


def require_fields(path: str | Path, values: Mapping[str, Any]) -> None:
    """ValueError where a file of a configuration holds none of its fields: all of them are left out by mistake only."""
    if not values:
        raise ValueError(f"{path}: holds no field, want at least a name")


def load_config(path: str | Path) -> TrainConfig:
    """Read a YAML training configuration; ValueError names the file and the field."""
    values = read_mapping(path, "the training configuration")
    require_fields(path, values)
    try:
        config = config_from_dict(values)
        if config.dataset == SYNTHETIC:
            synthetic_config(config.data, TRAINING_SPLIT)
        else:
            recorded_config(config.data)
        return config
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def config_from_dict(values: Mapping[str, Any]) -> TrainConfig:
    """Plain values, older names included -> configuration; ValueError names an unknown field or a wrong value."""
    rest = migrate_config(values)
    network = NetworkConfig.from_dict(rest.pop("network", None) or {})
    given = rest.pop("loss", None) or {}
    require_mapping("loss", given)
    weights = dict(given)
    parts = build(
        SkeletonDifference, "loss.skeleton_difference", weights.pop("skeleton_difference", None) or {}
    )
    loss = build(LossConfig, "loss", {**weights, "skeleton_difference": parts})
    optimiser = build(OptimiserConfig, "optimiser", rest.pop("optimiser", None) or {})
    return build(TrainConfig, "", {**rest, "network": network, "loss": loss, "optimiser": optimiser})
