"""The full-frame detector as a training task: rendered pictures in, a :class:`DetectorNet` and its figures out.

In: :class:`DetectorTrainConfig`. Out: a :class:`~hand_pose_ros.training.trainer.Task`, whose weights are
``detector.safetensors``, loadable by ``detection.detector``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hand_pose_ros.datasets.detector_targets import make_target
from hand_pose_ros.datasets.full_frames import FullFrames, full_frame_config
from hand_pose_ros.datasets.seeds import training_seed
from hand_pose_ros.detection.detector_checkpoint import load_detector, save_detector
from hand_pose_ros.detection.detector_net import DetectorMaps, DetectorNet, DetectorTarget, detector_loss
from hand_pose_ros.evaluation.detector_evaluation import DetectorReport, evaluate_detector
from hand_pose_ros.network.device import multiplies_bfloat16
from hand_pose_ros.network.weights_file import CheckpointError
from hand_pose_ros.synthetic.splits import TRAINING_SPLIT, VALIDATION_SPLIT
from hand_pose_ros.training.config import OptimiserConfig, without_folders
from hand_pose_ros.training.detector_config import DetectorTrainConfig
from hand_pose_ros.training.hooks import Hook
from hand_pose_ros.training.trainer import Trainer, frozen_copy, usual_hooks

WEIGHTS = "detector.safetensors"
"""In the folder of a run: the averaged weights."""
CURVE_FIELDS: tuple[str, ...] = (
    "step", "samples", "minutes", "learning_rate", "loss", "heat", "offset", "size", "axes", "side", "found_20",
    "found_40", "found_60", "median_mm", "wrong_sides", "false_alarms", "false_alarms_without_hand",
)  # fmt: skip

DetectorBatch = tuple[Tensor, DetectorTarget]
DetectorTrainer = Trainer[DetectorNet, DetectorBatch, DetectorReport]


class DetectorTask:
    """Trains a :class:`DetectorNet` on pictures made on the fly."""

    curve_fields = CURVE_FIELDS
    checkpoint_minutes = None
    validation_counts = False

    def __init__(self, config: DetectorTrainConfig) -> None:
        self.config = config
        self.source = FullFrames(full_frame_config(config.data, TRAINING_SPLIT))
        self.validation = FullFrames(full_frame_config(config.data, VALIDATION_SPLIT))

    @property
    def optimiser(self) -> OptimiserConfig:
        """As configured."""
        return self.config.optimiser

    def network(self) -> DetectorNet:
        """A network with random weights."""
        return DetectorNet(self.config.network)

    def averaged(self, network: DetectorNet) -> DetectorNet:
        """A copy."""
        return frozen_copy(network)

    def start_from(self, path: str, network: DetectorNet) -> None:
        """Put a file's weights into the network; CheckpointError if they are another network's."""
        theirs, _ = load_detector(path)
        if theirs.config != network.config:
            raise CheckpointError(f"{path}: widths are {theirs.config.widths}, want {network.config.widths}")
        network.load_state_dict(theirs.state_dict())

    def parameter_groups(self, network: DetectorNet) -> list[dict[str, Any]]:
        """All weights decay."""
        return [{"params": list(network.parameters()), "weight_decay": self.config.weight_decay}]

    def warm_up(self) -> None:
        """Compile the renderer and make the subjects."""
        self.source.batch(0, 1)

    def raw_batch(self, step: int) -> DetectorBatch:
        """The step's pictures as the network's input, and what its maps should be."""
        return make_target(self.source.batch(training_seed(self.config.seed, step), self.config.batch))

    def to_device(self, raw: DetectorBatch, device: torch.device) -> DetectorBatch:
        """Input and target on the device."""
        features, target = raw
        return features.to(device), DetectorTarget(*(value.to(device) for value in target))

    def loss(self, network: DetectorNet, batch: DetectorBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """The detector's loss and its terms; the network in bfloat16 when configured so, the loss in float32."""
        features, target = batch
        bf16 = self.config.bf16 and multiplies_bfloat16(features.device)
        with torch.autocast(features.device.type, torch.bfloat16, enabled=bf16):
            maps = network(features.contiguous(memory_format=torch.channels_last))
        return detector_loss(DetectorMaps(*(value.float() for value in maps)), target)

    def evaluate(self, network: DetectorNet) -> DetectorReport:
        """Figures on pictures that training never draws."""
        return evaluate_detector(network, self.validation, self.config.seed, self.config.validation_pictures)

    def figures(self, report: DetectorReport) -> dict[str, Any]:
        """The curve's figures; the shares found by their limit in mm."""
        found = {f"found_{limit}": share for limit, share in report.found.items()}
        return {**found, **{key: getattr(report, key) for key in CURVE_FIELDS if hasattr(report, key)}}

    def save(
        self, folder: Path, network: DetectorNet, samples: int, minutes: float, report: DetectorReport | None
    ) -> None:
        """Write ``detector.safetensors``, with the run in its metadata."""
        config = without_folders(self.config.to_dict())
        run: dict[str, Any] = {"samples": samples, "minutes": minutes, "config": config}
        if report is not None:
            run["validation"] = report.to_dict()
        save_detector(folder / WEIGHTS, network, run)


def detector_trainer(
    config: DetectorTrainConfig, output: str | Path, resume: bool = False, hooks: Sequence[Hook] = ()
) -> DetectorTrainer:
    """A run of the detector with the usual hooks, and more on request."""
    task = DetectorTask(config)
    return Trainer(task, output, resume, [*usual_hooks(task, Path(output)), *hooks])
