"""``hand-pose evaluate-detector``: how well the shipped detector, or another one, finds hands in whole pictures.

In: weights. Out: a table over three kinds of pictures, on stored seeds: cluttered single pictures of subjects that no
training or validation draws, the bench's sequences with hands at full resolution, and those without. With --search it
is the tracker's whole search that is measured, end to end, in such single pictures at a sensor's resolution.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from hand_pose_ros.commands.arguments import (
    finite_float,
    positive_int,
    require_all,
    require_outputs,
    seed_int,
    share,
)
from hand_pose_ros.commands.compiled_kernels import compile_missing
from hand_pose_ros.commands.kept_figures import figures_kept
from hand_pose_ros.datasets.full_frames import FullFrames, full_frame_config
from hand_pose_ros.datasets.seeds import validation_seed
from hand_pose_ros.datasets.still_images import still_images
from hand_pose_ros.detection.config import DetectionConfig, ProposalConfig
from hand_pose_ros.detection.detector import HandDetector
from hand_pose_ros.detection.proposals import ProposalGenerator
from hand_pose_ros.evaluation.detector_evaluation import (
    evaluate_everywhere,
    report_lines,
    time_of_find,
    without_nan,
)
from hand_pose_ros.evaluation.search_report import search_lines, summarise_search
from hand_pose_ros.evaluation.search_trials import SearchedImage, search_images
from hand_pose_ros.resources import model_file
from hand_pose_ros.synthetic.splits import REPORT_SPLIT
from hand_pose_ros.tracking.config import MOST_HANDS, TrackerConfig
from hand_pose_ros.tracking.tracker import HandTracker
from hand_pose_ros.training.detector_config import load_detector_config

# All of these are chosen by hand.
PICTURES, SEARCH_PICTURES = 4096, 600
EVERY, FRAMES = 5, 5
_LOOKALIKES: dict[str, Any] = {"hands": [0.66, 0.2, 0.14], "scene": {"mug": 0.5, "gripper": 0.6}}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``hand-pose evaluate-detector``."""
    # fmt: off
    add = parser.add_argument
    add("--weights", type=model_file, help="of the detector (default: the shipped ones)")
    add("--pictures", type=positive_int,
        help=f"cluttered single pictures (default: {PICTURES}, with --search {SEARCH_PICTURES})")
    add("--seed", type=seed_int, default=0, help="of the single pictures")
    add("--least-score", type=share,
        help=f"what scores less is no hand (default: {DetectionConfig.least_score}, with --search "
        f"{ProposalConfig.candidate_score}: the tracker's)")
    add("--every", type=positive_int, help=f"take every n-th frame of the sequences (default: {EVERY})")
    add("--search", action="store_true",
        help="measure not the detector alone but what a tracker (two hands, either side) publishes that is shown one "
        "still scene for --frames frames: how often the middle of a hand is within 20 mm of the true one, and where "
        "hands are lost")
    add("--frames", type=positive_int,
        help=f"frames at 30 Hz of each scene, with --search (default: {FRAMES})")
    add("--model", type=model_file,
        help="weights of the pose network, with --search: small, or a file (default: the shipped ones)")
    add("--start-odds", type=finite_float, help="log odds from which on a track begins, instead of the tracker's own")
    add("--lookalikes", action="store_true",
        help="with --search, scenes for false hands: none in two of three, but robots' grippers and empty cups")
    add("--recipe", type=Path, metavar="FILE",
        help="with --search, scenes of this detector training recipe, as config/train/detector.yaml, drawn for people "
        "that no training draws (default: scenes without stereo matching, grasps and work benches)")
    add("--json", type=Path, metavar="FILE", help="write the figures here")
    # fmt: on


def run(arguments: argparse.Namespace) -> None:
    """Measure and print; ValueError on a number that makes no sense."""
    if arguments.pictures is None:
        arguments.pictures = SEARCH_PICTURES if arguments.search else PICTURES
    require_outputs(arguments.json, read=[arguments.weights, arguments.model, arguments.recipe])
    if arguments.recipe is not None and (arguments.lookalikes or not arguments.search):
        raise ValueError("--recipe sets the scenes of --search, want it with that and without --lookalikes")
    _require_of_use(arguments)
    arguments.every, arguments.frames = arguments.every or EVERY, arguments.frames or FRAMES
    torch.set_num_threads(1)
    with figures_kept(arguments.json) as figures:
        (_search if arguments.search else _detect)(arguments, figures)


def _require_of_use(a: argparse.Namespace) -> None:
    """ValueError for an option that the asked-for measurement would not look at."""
    of_search = {
        "--model": a.model,
        "--frames": a.frames,
        "--start-odds": a.start_odds,
        "--lookalikes": a.lookalikes or None,
    }
    require_all(
        *(
            (a.search or value is None, f"{name} goes with --search: without, the detector alone is measured")
            for name, value in of_search.items()
        ),
        (not a.search or a.every is None, "--every is of the sequences, which --search does not measure"),
    )


def _detect(a: argparse.Namespace, figures: dict[str, Any]) -> None:
    """Measure the detector alone, print and add the figures."""
    config = _detection_config(a.least_score, DetectionConfig.least_score)
    detector = HandDetector(a.weights, config)
    for name, report in evaluate_everywhere(detector, config, a.seed, a.pictures, a.every):
        print(f"{name}: {report_lines(report)}", flush=True)
        figures[name] = without_nan(report.to_dict())
    milliseconds = time_of_find(detector)
    print(f"time a 640x480 image: {milliseconds:.2f} ms (median, one thread)")
    figures["find_ms"] = milliseconds


def _search(a: argparse.Namespace, figures: dict[str, Any]) -> None:
    """Measure the whole search, print and add the figures; interrupted, those of the scenes searched by then."""
    config = TrackerConfig(hands=MOST_HANDS)
    if a.start_odds is not None:
        config = replace(config, start_odds=a.start_odds)
    data = _LOOKALIKES if a.lookalikes else load_detector_config(a.recipe).data if a.recipe else {}
    detector = None
    if a.weights is not None or a.least_score is not None:
        detector = HandDetector(a.weights, _detection_config(a.least_score, config.proposals.candidate_score))
    compile_missing(a.model)
    tracker = HandTracker(a.model, config)
    if detector is not None:
        tracker.proposal_generator = ProposalGenerator(detector, config.proposals, config.blob_detector)
    tracker.warm_up()
    source = FullFrames(full_frame_config(data, REPORT_SPLIT))
    images = still_images(source, validation_seed(a.seed, 0), a.pictures)
    searched: list[SearchedImage] = []
    try:
        for image in search_images(tracker, images, a.frames, a.pictures):
            searched.append(image)
    finally:
        if searched:
            report = summarise_search(searched)
            print("\n".join(search_lines(report)), flush=True)
            figures |= without_nan(report.to_dict())


def _detection_config(least_score: float | None, default: float) -> DetectionConfig:
    """How the detector's maps are read, with a least score of its own or else the default."""
    return DetectionConfig(least_score=default if least_score is None else least_score)
