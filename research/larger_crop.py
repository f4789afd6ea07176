"""What more than one crop says of whether there is a hand: the search's other cues, and a larger crop about the place.

``python -m research.larger_crop --recipe config/train/detector_outlines.yaml --pictures 17000 --tested 2000``. In: a
detector recipe, whose scenes are drawn for training's people, and for the report's to test on. Every place that the
detector names and the pose network does not refuse at once goes through the pose network as in a search. Out: a table
of the shares of hands that pass at 2, 1 and 0.5 % of the false places, by the log odds as the tracker adds them up and
by networks that learnt from the places: of the search's cues, of these and the pose network's features, of these and a
larger crop in which the arm and what is about it show. Weights are not kept.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import logit
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from tqdm import tqdm

from hand_pose_ros.commands.arguments import positive_int, seed_int
from hand_pose_ros.commands.main import module_status
from hand_pose_ros.datasets.full_frames import FullFrames, full_frame_config
from hand_pose_ros.datasets.seeds import training_seed, validation_seed
from hand_pose_ros.datasets.still_images import StillImage, still_images
from hand_pose_ros.depth.crop import CropFrame, crop_depth
from hand_pose_ros.depth.frame import DepthFrame
from hand_pose_ros.detection.config import DetectionConfig
from hand_pose_ros.detection.detector import HandDetector
from hand_pose_ros.detection.proposals import score_log_odds
from hand_pose_ros.evaluation import false_shares
from hand_pose_ros.evaluation.detector_evaluation import NEAR_A_HAND_M
from hand_pose_ros.hand.skeleton import SIDES
from hand_pose_ros.network.checkpoint import load_checkpoint
from hand_pose_ros.resources import model_file
from hand_pose_ros.synthetic.splits import REPORT_SPLIT, TRAINING_SPLIT
from hand_pose_ros.tracking.config import TrackerConfig
from hand_pose_ros.tracking.estimate import CropRequest, Estimate
from hand_pose_ros.tracking.pose_inference import PoseEstimator, estimate_poses
from hand_pose_ros.tracking.scoring import best_hypothesis, evidence_log_odds
from hand_pose_ros.tracking.stage_timer import StageTimer
from hand_pose_ros.training.detector_config import load_detector_config

Array32 = NDArray[np.float32]

LARGER_M, LARGER_PX = 0.60, 64
"""The larger crop: twice the pose network's cube a side. Chosen: a forearm shows to its middle."""
_ON_HAND_M = 0.06  # places between this and NEAR_A_HAND_M are neither
_PLACES = 5  # of a picture
_AT_ONCE = 100  # pictures
_EPOCHS, _BATCH, _RATE, _DROP = 15, 64, 3e-3, 0.3  # guessed
_FARTHEST_INSIDE_M = 0.3  # beyond, the picture's edge says nothing; chosen


@dataclass(frozen=True, eq=False)
class Places:
    """N places that the detector named."""

    hand: NDArray[np.bool_]
    """(N,): whether there is a hand."""
    odds: Array32
    """(N,): log odds of a hand as the tracker adds them up."""
    cues: Array32
    """(N, 8): of the search."""
    features: Array32
    """(N, F): of the pose network, of both sides' crops."""
    crop: Array32
    """(N, LARGER_PX, LARGER_PX): the larger crop."""


class FeatureReader:
    """What the shipped pose network's heads read, for crops."""

    def __init__(self) -> None:
        self._net, _ = load_checkpoint(model_file())
        self._net.eval()
        self._kept: list[Tensor] = []
        self._net.presence_head.register_forward_hook(lambda _, given, __: self._kept.append(given[0]))

    def __call__(self, estimates: list[Estimate]) -> Array32:
        """(F,): of all the estimates' crops, one after the other."""
        self._kept.clear()
        crops = torch.from_numpy(np.stack([estimate.crop for estimate in estimates])[:, None])
        distances = torch.tensor([estimate.frame.distance for estimate in estimates], dtype=torch.float32)
        with torch.inference_mode():
            convolved = self._net.convolve(crops)
            self._net(crops, distances, convolved=convolved)
        return torch.cat([convolved.pooled, self._kept[0]], dim=1).flatten().numpy()


def places_of(
    images: list[StillImage], detector: HandDetector, estimator: PoseEstimator, features: FeatureReader
) -> list[tuple[bool, float, Array32, Array32, Array32]]:
    """A row of :class:`Places` for each place of the pictures that may be a hand."""
    config, rows = estimator.config, []
    for image in images:
        frame = DepthFrame(image.depth(), image.camera)
        for seen in detector.detect(frame, _PLACES):
            nearest = min(
                (float(np.linalg.norm(seen.centre - h.centre)) for h in image.hands), default=np.inf
            )
            requests = [[CropRequest(seen.centre, side == "left") for side in SIDES]]
            estimates = estimate_poses(estimator, frame, requests, StageTimer(), reject_early=True)[0]
            if _ON_HAND_M < nearest < NEAR_A_HAND_M or len(estimates) < len(SIDES):
                continue
            best = best_hypothesis(estimates, config.scoring)
            if best.centre[2] <= config.blob_detector.min_range_m:
                continue
            ordered = sorted(estimates, key=lambda estimate: estimate is not best)
            odds = evidence_log_odds(best, estimates, config.scoring)
            score = float(np.clip(seen.score, 1e-6, 1.0 - 1e-6))
            inside_m = min(best.inside_m, _FARTHEST_INSIDE_M)
            sigma = float(np.log(best.sigma).mean())
            fits = [estimate.fit for estimate in ordered]
            cues = [odds, logit(score), best.centre[2], inside_m, *fits, best.visibility, sigma]
            around = CropFrame(best.centre, LARGER_M, LARGER_PX, best.frame.mirrored, best.frame.roll_rad)
            total = odds + score_log_odds(seen.score, config.proposals)
            rows.append(
                (
                    nearest <= _ON_HAND_M,
                    total,
                    np.array(cues, np.float32),
                    features(ordered),
                    crop_depth(frame, around),
                )
            )
    return rows


def gather(recipe: Path, split: int, first_seed: int, pictures: int) -> Places:
    """The places of so many pictures."""
    config = TrackerConfig()
    detector = HandDetector(config=DetectionConfig(least_score=config.proposals.candidate_score))
    estimator, features = PoseEstimator(model_file(), config), FeatureReader()
    source = FullFrames(full_frame_config(load_detector_config(recipe).data, split))
    seed_of = training_seed if split == TRAINING_SPLIT else validation_seed
    rows = []
    for start in tqdm(range(0, pictures, _AT_ONCE), unit="x 100 pictures"):
        images = still_images(source, seed_of(first_seed, start), min(_AT_ONCE, pictures - start))
        rows += places_of([*images], detector, estimator, features)
    if not rows:
        raise ValueError(f"in {pictures} pictures of {recipe} no place may be a hand, want more pictures")
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    return Places(*columns)


class PlaceNet(nn.Module):
    """Log odds of a hand from features and, where it is made so, a crop."""

    def __init__(self, features: int, sees: bool) -> None:
        super().__init__()
        widths = ((2, 16, 2), (16, 32, 2), (32, 32, 1), (32, 64, 2), (64, 64, 1), (64, 96, 2))
        layers = [
            nn.Sequential(nn.Conv2d(i, o, 3, stride, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU())
            for i, o, stride in widths
        ]
        self.eye = nn.Sequential(*layers) if sees else None
        known = features + (widths[-1][1] if sees else 0)
        self.head = nn.Sequential(
            nn.Dropout(_DROP), nn.Linear(known, 64), nn.ReLU(), nn.Dropout(_DROP), nn.Linear(64, 1)
        )

    def forward(self, features: Tensor, crop: Tensor) -> Tensor:
        """(B, F), (B, 1, S, S) -> (B,)."""
        if self.eye is not None:
            shown = torch.cat([crop, (crop < 1.0).to(crop.dtype)], dim=1)
            features = torch.cat([features, self.eye(shown).mean((2, 3))], dim=1)
        return self.head(features).squeeze(-1)


def learnt(
    trained: Places, tested: Places, read: Callable[[Places], Array32], sees: bool, seed: int
) -> Array32:
    """A network's log odds (N,) for the tested places, that learnt from the others."""
    torch.manual_seed(seed)
    mean, spread = read(trained).mean(axis=0), read(trained).std(axis=0) + 1e-6

    def tensors(places: Places) -> tuple[Tensor, Tensor]:
        return torch.from_numpy((read(places) - mean) / spread), torch.from_numpy(places.crop[:, None])

    (features, crop), hand = tensors(trained), torch.from_numpy(trained.hand.astype(np.float32))
    net, count = PlaceNet(features.shape[1], sees), len(hand) // _BATCH * _BATCH
    optimiser = torch.optim.AdamW(net.parameters(), _RATE, weight_decay=1e-3)
    steps = _EPOCHS * count // _BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, _RATE, total_steps=steps)
    for _ in range(_EPOCHS):
        for chosen in torch.randperm(len(hand))[:count].reshape(-1, _BATCH):
            loss = binary_cross_entropy_with_logits(net(features[chosen], crop[chosen]), hand[chosen])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    net.eval()
    with torch.inference_mode():
        return net(*tensors(tested)).numpy()


def report(trained: Places, tested: Places, seed: int) -> list[str]:
    """Lines of Markdown."""
    with_features = lambda places: np.concatenate([places.cues, places.features], axis=1)  # noqa: E731
    cues_alone = lambda places: places.cues  # noqa: E731
    rules = {
        "as the tracker adds them up": tested.odds,
        "learnt from the search's cues": learnt(trained, tested, cues_alone, False, seed),
        "and the pose network's features": learnt(trained, tested, with_features, False, seed),
        "and the larger crop": learnt(trained, tested, with_features, True, seed),
        "the cues and the larger crop": learnt(trained, tested, cues_alone, True, seed),
    }
    return [
        f"learnt from {trained.hand.sum()} places on hands and {(~trained.hand).sum()} others, tested on "
        f"{tested.hand.sum()} and {(~tested.hand).sum()}",
        "",
        *false_shares.table(rules, tested.hand),
    ]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``python -m research.larger_crop``."""
    parser.add_argument("--recipe", type=Path, required=True, help="detector recipe whose scenes are drawn")
    parser.add_argument("--pictures", type=positive_int, default=17000, help="to learn from")
    parser.add_argument("--tested", type=positive_int, default=2000, help="pictures to test on")
    parser.add_argument("--seed", type=seed_int, default=0)


def run(given: argparse.Namespace) -> None:
    """Gather, learn and print."""
    torch.set_num_threads(1)
    tested = gather(given.recipe, REPORT_SPLIT, given.seed, given.tested)
    trained = gather(given.recipe, TRAINING_SPLIT, given.seed, given.pictures)
    print("\n".join(report(trained, tested, given.seed)))


def main(arguments: Sequence[str] | None = None) -> int:
    """``python -m research.larger_crop``; bad input ends in one line on stderr and status 2."""
    return module_status("python -m research.larger_crop", __doc__, add_arguments, run, arguments)


if __name__ == "__main__":
    sys.exit(main())
