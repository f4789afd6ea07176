"""What the detector's score adds to the pose network's log odds of a hand at the places that it names.

In: weights of both networks, a detector training recipe whose scenes are drawn for people that no training draws.
Every place that the detector proposes in still pictures goes through the pose network as in a search. Out: a logistic
regression of "there is a hand within 60 mm" on the network's log odds and on the score's (``score_weight`` and
``even_score`` of ``ProposalConfig`` follow from it), the shares of hands that pass at given shares of false places by
the network alone, with the score as configured and as fitted, and how many places lie at each score.

    python tools/measure_proposals.py --recipe config/train/detector.yaml --pictures 600
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from hand_pose_ros.commands.arguments import positive_int, seed_int
from hand_pose_ros.datasets.full_frames import FullFrames, full_frame_config
from hand_pose_ros.datasets.seeds import validation_seed
from hand_pose_ros.datasets.still_images import StillImage, still_images
from hand_pose_ros.depth.frame import DepthFrame
from hand_pose_ros.detection.config import DetectionConfig, ProposalConfig
from hand_pose_ros.detection.detector import HandDetector
from hand_pose_ros.detection.proposals import score_log_odds
from hand_pose_ros.evaluation import false_shares
from hand_pose_ros.evaluation.detector_evaluation import NEAR_A_HAND_M
from hand_pose_ros.hand.skeleton import SIDES
from hand_pose_ros.resources import model_file
from hand_pose_ros.synthetic.splits import REPORT_SPLIT
from hand_pose_ros.tracking.config import TrackerConfig
from hand_pose_ros.tracking.estimate import CropRequest
from hand_pose_ros.tracking.pose_inference import PoseEstimator, estimate_poses
from hand_pose_ros.tracking.scoring import best_hypothesis, evidence_log_odds
from hand_pose_ros.tracking.stage_timer import StageTimer
from hand_pose_ros.training.detector_config import load_detector_config

Array = NDArray[np.float64]

_ON_HAND_M = 0.06  # places between this and NEAR_A_HAND_M are neither
_PLACES = 4
"""Places of a picture, as a search for two hands tries them."""


def places_of(
    image: StillImage, detector: HandDetector, estimator: PoseEstimator, config: TrackerConfig
) -> list[tuple[float, float, bool]]:
    """Network's log odds, detector's score and whether a hand is there, for each place of one picture."""
    frame, found = DepthFrame(image.depth(), image.camera), []
    for seen in detector.detect(frame, _PLACES):
        apart = [float(np.linalg.norm(seen.centre - hand.centre)) for hand in image.hands]
        nearest = min(apart, default=np.inf)
        if _ON_HAND_M < nearest < NEAR_A_HAND_M:
            continue
        requests = [[CropRequest(seen.centre, side == "left") for side in SIDES]]
        estimates = estimate_poses(estimator, frame, requests, StageTimer(), reject_early=True)[0]
        if not estimates:
            continue
        chosen = best_hypothesis(estimates, config.scoring)
        odds = evidence_log_odds(chosen, estimates, config.scoring)
        found.append((odds, seen.score, nearest <= _ON_HAND_M))
    return found


def report(odds: Array, score: Array, hand: NDArray[np.bool_], config: ProposalConfig) -> Sequence[str]:
    """Lines of Markdown."""
    of_scores = logit(np.clip(score, 1e-6, 1.0 - 1e-6))
    fit = LogisticRegression(C=100.0, max_iter=2000).fit(np.stack([odds, of_scores], axis=1), hand)
    own, of_score = fit.coef_[0]
    even = expit(-fit.intercept_[0] / of_score) if of_score > 0 else float("nan")
    prior = np.array([score_log_odds(float(s), config) for s in score])
    fitted = odds + of_score / own * of_scores
    rules = {
        "network alone": odds,
        "with the score, as used": odds + prior,
        "with the score, as fitted": fitted,
    }
    lines = [
        f"{hand.sum()} places on hands, {(~hand).sum()} on other things",
        f"logistic regression: {own:.2f} of the network's log odds, {of_score:.2f} of the score's, bias "
        f"{fit.intercept_[0]:.2f}: weight {of_score / own:.2f}, even at a score of {even:.2f}",
        "",
        *false_shares.table(rules, hand),
    ]
    lines += ["", "| score | places on hands | on other things |", "|---|---|---|"]
    edges = (0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 1.0)
    for low, high in pairwise(edges):
        here = (score >= low) & (score < high)
        lines.append(f"| {low:g} to {high:g} | {(here & hand).sum()} | {(here & ~hand).sum()} |")
    return lines


def measured(arguments: argparse.Namespace) -> Sequence[str]:
    """The report's lines; ValueError where all places are on hands, or none is."""
    config = TrackerConfig()
    detector = HandDetector(arguments.weights, DetectionConfig(least_score=config.proposals.candidate_score))
    estimator = PoseEstimator(model_file(arguments.model), config)
    data = load_detector_config(arguments.recipe).data if arguments.recipe else {}
    source = FullFrames(full_frame_config(data, REPORT_SPLIT))
    rows = []
    for image in still_images(source, validation_seed(arguments.seed, 0), arguments.pictures):
        rows += places_of(image, detector, estimator, config)
    hand = np.array([row[2] for row in rows], bool)
    if hand.all() or not hand.any():
        raise ValueError(
            f"{hand.sum()} of {len(hand)} places are on hands, want some of both: more --pictures"
        )
    odds, score = np.array([row[:2] for row in rows]).T
    return report(odds, score, hand, config.proposals)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", help="weights of the pose network (default: the shipped ones)")
    parser.add_argument("--weights", type=Path, help="weights of the detector (default: the shipped ones)")
    parser.add_argument(
        "--recipe", type=Path, help="whose scenes are drawn (default: without stereo matching)"
    )
    parser.add_argument("--pictures", type=positive_int, default=600)
    parser.add_argument("--seed", type=seed_int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    try:
        print("\n".join(measured(arguments)))
    except (ValueError, OSError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
