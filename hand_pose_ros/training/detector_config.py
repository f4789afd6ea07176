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
from hand_pose_ros.datasets.seeds import TRAINING_SPLIT
from hand_pose_ros.detection.detector_net import DetectorConfig
from hand_pose_ros.network.migration import migrate_config
from hand_pose_ros.training.config import OptimiserConfig, RunConfig
from hand_pose_ros.validation import whole

_CLIP_NORM = 5.0  # guessed; the pose network's 2 bounds another loss


@dataclass(frozen=True)
class DetectorTrainConfig(RunConfig):
    """One training run of the detector; a sample is a picture."""

    name: str = "detector"
    minutes: float = 15.0
    threads: int = 1
    learning_rate: float = 3e-3
    """As in :class:`OptimiserConfig`, and so the next three."""
    weight_decay: float = 0.01
    """On all weights."""
    warmup_samples: int = 6400
    ema_decay: float = 0.998
    validation_pictures: int = 1024
    """Pictures of a validation; the run's state is stored after each."""
    network: DetectorConfig = field(default_factory=DetectorConfig)
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
            clip_norm=_CLIP_NORM,
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
    try:
        return detector_config(values)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
