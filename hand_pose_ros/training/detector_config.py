"""Training configuration of the full-frame detector.

In: a mapping with the fields of :class:`DetectorTrainConfig`, as a YAML file or a run's folder holds it. Out: the
configuration; ValueError with one message that names the field.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hand_pose_ros.config_files import build, read_mapping
from hand_pose_ros.datasets.full_frames import full_frame_config
from hand_pose_ros.detection.detector_net import DetectorConfig
from hand_pose_ros.network.migration import migrate_config
from hand_pose_ros.synthetic.splits import TRAINING_SPLIT
from hand_pose_ros.training.config import OptimiserConfig, RunConfig, require_fields
from hand_pose_ros.validation import whole


@dataclass(frozen=True)
class DetectorTrainConfig(RunConfig):
    """One training run of the detector; a sample is a picture."""

    name: str = "detector"
    """Of the run, and of its folder."""
    minutes: float = 15.0
    """Budget of wall-clock time; 0 for none, then ``samples`` is needed. Guessed."""
    threads: int = 1
    """CPU threads; 0 for as many as there are cores. One, as the shipped weights were trained with."""
    learning_rate: float = 3e-3
    """Peak of the learning rate. Guessed."""
    weight_decay: float = 0.01
    """Decoupled weight decay, on all weights. Guessed."""
    warmup_samples: int = 6400
    """Samples until the peak of the learning rate: 100 steps of 64. Guessed."""
    clip_norm: float = 5.0
    """Bound of the gradient's norm; the pose network's 2 bounds another loss. Guessed."""
    ema_decay: float = 0.998
    """Decay per step of the averaged weights, which are those that are kept. Guessed."""
    validation_pictures: int = 1024
    """Pictures of a validation; the run's state is stored after each. Guessed."""
    network: DetectorConfig = field(default_factory=DetectorConfig)
    """The network's size."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """Fields of ``datasets.full_frames.FullFrameConfig`` that differ from its defaults."""

    def __post_init__(self) -> None:
        super().__post_init__()
        whole(self, "validation_pictures")
        self.optimiser  # noqa: B018 - checks its fields
        full_frame_config(self.data, TRAINING_SPLIT)

    @property
    def optimiser(self) -> OptimiserConfig:
        """The optimiser's settings."""
        return OptimiserConfig(
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            warmup_samples=self.warmup_samples,
            clip_norm=self.clip_norm,
            ema_decay=self.ema_decay,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values; :func:`detector_config` reads them back."""
        return {**asdict(self), "network": self.network.to_dict(), "data": dict(self.data)}


def detector_config(values: Mapping[str, Any]) -> DetectorTrainConfig:
    """Plain values, older names included -> configuration; ValueError names an unknown field or a wrong value."""
    values = migrate_config(values)
    network = build(DetectorConfig, "network", values.pop("network", None) or {})
    return build(DetectorTrainConfig, "", {**values, "network": network})


def load_detector_config(path: str | Path) -> DetectorTrainConfig:
    """Read a YAML file; ValueError names the file and the field."""
    values = read_mapping(path, "the detector's training configuration")
    require_fields(path, values)
    try:
        return detector_config(values)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
