"""The pose network as a training task: labelled hands in, a :class:`HandNet` and its errors out.

In: :class:`TrainConfig`, sources of labelled hands to train and to validate on. Out: a
:class:`~hand_pose_ros.training.trainer.Task`, whose weights are ``model.safetensors``, loadable by
``network.checkpoint``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hand_pose_ros.datasets.seeds import training_seed
from hand_pose_ros.datasets.torch_batch import Source, TorchBatch, to_torch
from hand_pose_ros.evaluation.synthetic_report import SyntheticReport, evaluate_synthetic
from hand_pose_ros.network.checkpoint import load_checkpoint, save_checkpoint
from hand_pose_ros.network.device import multiplies_bfloat16, pick_device
from hand_pose_ros.network.losses import first_hands, hand_loss
from hand_pose_ros.network.model import HandNet
from hand_pose_ros.network.weights_file import CheckpointError
from hand_pose_ros.training.config import OptimiserConfig, TrainConfig, without_folders
from hand_pose_ros.training.hooks import Hook, ProgressBar
from hand_pose_ros.training.prune_channels import prune_channels
from hand_pose_ros.training.trainer import Trainer, frozen_copy, usual_hooks

WEIGHTS = "model.safetensors"
"""In the folder of a run: the averaged weights."""
CURVE_FIELDS: tuple[str, ...] = (
    "step", "samples", "minutes", "learning_rate", "loss", "train_mean_mm", "train_coarse_mm",
    "gradient_norm", "mean_mm", "median_mm", "coarse_mean_mm", "coarse_median_mm", "angle_error_deg",
    "out_of_range", "hands_missed", "nothing_taken", "wrong_side",
)  # fmt: skip

PoseTrainer = Trainer[HandNet, TorchBatch, SyntheticReport]


class PoseTask:
    """Trains a :class:`HandNet` on batches of ``source``; evaluates it on ``validation``, by default the same."""

    curve_fields = CURVE_FIELDS
    validation_counts = True

    def __init__(self, config: TrainConfig, source: Source, validation: Source | None = None) -> None:
        self.config = config
        self.source = source
        self.validation = validation or source
        self._mirrored = round(config.mirrored * config.batch)

    @property
    def checkpoint_minutes(self) -> float:
        """As configured."""
        return self.config.checkpoint_minutes

    @property
    def optimiser(self) -> OptimiserConfig:
        """As configured."""
        return self.config.optimiser

    def network(self) -> HandNet:
        """A network with random weights."""
        network = HandNet(self.config.network)
        network.autocast = self.config.bf16 and multiplies_bfloat16(pick_device(self.config.device))
        return network

    def averaged(self, network: HandNet) -> HandNet:
        """Its copy runs in float32 throughout."""
        average = frozen_copy(network)
        average.autocast = False
        return average

    def start_from(self, path: str, network: HandNet) -> None:
        """Put a file's weights into the network; what the file lacks keeps its first values. CheckpointError if one
        does not fit.

        A layer that has got more inputs since keeps its old ones in their places and starts with zero weights on the
        new ones, so the network begins as the file's. Of a network that was wider the most important channels are taken
        (:func:`~hand_pose_ros.training.prune_channels.prune_channels`).
        """
        loaded, _ = load_checkpoint(path)
        theirs, ours = loaded.state_dict(), network.state_dict()
        narrow = replace(loaded.config, widths=network.config.widths)
        if narrow != loaded.config and all(
            n <= w for n, w in zip(narrow.widths, loaded.config.widths, strict=True)
        ):
            theirs = prune_channels(theirs, loaded.config, narrow)
        for key, value in theirs.items():
            if key not in ours or not _fits(value, ours[key]):
                raise CheckpointError(f"{path}: weight '{key}' does not fit the configured network")
            if value.shape == ours[key].shape:
                ours[key] = value
            else:
                ours[key] = torch.zeros_like(ours[key])
                ours[key][:, : value.shape[1]] = value
        network.load_state_dict(ours)

    def parameter_groups(self, network: HandNet) -> list[dict[str, Any]]:
        """Weight matrices decay, biases and normalisations do not."""
        decayed = [p for p in network.parameters() if p.dim() > 1]
        others = [p for p in network.parameters() if p.dim() <= 1]
        decay = self.config.optimiser.weight_decay
        return [{"params": decayed, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]

    def warm_up(self) -> None:
        """Compile the renderer and make the subjects, where processes are to share them; the fit of a recorded data set
        is made by the command."""
        if self.config.workers:
            self.source.batch(training_seed(self.config.seed, 0), 2)

    def raw_batch(self, step: int) -> Any:
        """The source's batch of the step."""
        return self.source.batch(training_seed(self.config.seed, step), self.config.batch)

    def to_device(self, raw: Any, device: torch.device) -> TorchBatch:
        """With the mirrored hands."""
        return to_torch(raw, device, self._mirrored)

    def loss(self, network: HandNet, batch: TorchBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """The weighted sum of the losses; beside it the mean joint errors of the batch, mm."""
        output = network(batch.crop.contiguous(memory_format=torch.channels_last), batch.distance)
        loss, _ = hand_loss(output, batch.target, network.layer.limits, self.config.loss)
        with torch.no_grad():
            truth = batch.target.joints
            hands = first_hands(output, len(truth))
            terms = {
                "loss": loss.detach(),
                "train_mean_mm": 1000 * (hands.joints - truth).norm(dim=-1).mean(),
                "train_coarse_mm": 1000 * (hands.coarse - truth).norm(dim=-1).mean(),
            }
        return loss, terms

    def evaluate(self, network: HandNet) -> SyntheticReport:
        """Errors on hands that training never draws."""
        return evaluate_synthetic(network, self.validation, self.config.seed, self.config.validation_samples)

    def figures(self, report: SyntheticReport) -> dict[str, Any]:
        """All figures; the curve takes those of its fields."""
        return report.to_dict()

    def save(
        self, folder: Path, network: HandNet, samples: int, minutes: float, report: SyntheticReport | None
    ) -> None:
        """Write ``model.safetensors``, with the run in its metadata."""
        run: dict[str, Any] = {
            "name": self.config.name,
            "seed": self.config.seed,
            "samples": samples,
            "minutes": minutes,
            "config": without_folders(self.config.to_dict()),
        }
        if report is not None:
            run["validation"] = report.to_dict()
        save_checkpoint(folder / WEIGHTS, network, run, name=self.config.name)


def pose_trainer(
    config: TrainConfig,
    source: Source,
    output: str | Path,
    resume: bool = False,
    validation: Source | None = None,
    hooks: Sequence[Hook] = (),
) -> PoseTrainer:
    """A run of the pose network with the usual hooks, a progress bar, and more hooks on request."""
    task = PoseTask(config, source, validation)
    return Trainer(task, output, resume, [*usual_hooks(task, Path(output)), ProgressBar(_described), *hooks])


def _described(run: PoseTrainer, report: SyntheticReport) -> str:
    """The last validation in words, for the progress bar."""
    speed = run.samples / max(run.used_s, 1e-9)
    final = f"mean {report.mean_mm:.2f} mm, median {report.median_mm:.2f} mm"
    seen = f"{run.samples / 1000:.0f}k samples, {speed:.0f}/s"
    return f"{seen}, {final}, coarse {report.coarse_mean_mm:.2f} mm"


def _fits(smaller: Tensor, larger: Tensor) -> bool:
    """Equal shapes, or a weight matrix that only needs more inputs (its second dimension)."""
    if smaller.shape == larger.shape:
        return True
    matrices = smaller.dim() == larger.dim() == 2
    return matrices and smaller.shape[0] == larger.shape[0] and smaller.shape[1] < larger.shape[1]
