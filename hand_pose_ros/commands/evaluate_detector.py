"""``hand-pose evaluate-detector``: how well the shipped detector, or another one, finds hands in whole pictures.

In: weights. Out: a table over three kinds of pictures, on stored seeds: cluttered single pictures of people that no
training or validation draws, the bench's sequences with hands at full resolution, and those without. With --search it
is the tracker's whole search that is measured, end to end, in such single pictures at a sensor's resolution.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from hand_pose_ros.commands.train_detector import print_report
from hand_pose_ros.datasets.detector_targets import LEAST_VISIBLE
from hand_pose_ros.datasets.full_frames import FullFrames
from hand_pose_ros.datasets.seeds import validation_seed
from hand_pose_ros.datasets.still_images import still_images
from hand_pose_ros.detection.detector import LEAST_SCORE, HandDetector
from hand_pose_ros.detection.proposals import LEAST_SCORE as SEARCH_SCORE
from hand_pose_ros.detection.proposals import ProposalGenerator
from hand_pose_ros.evaluation.detector import DetectorReport, Tally, evaluate_detector
from hand_pose_ros.evaluation.search import report, search_image
from hand_pose_ros.evaluation.search_report import lines
from hand_pose_ros.files import write_json
from hand_pose_ros.synthetic.sequences import Sequence, bench_sequences
from hand_pose_ros.tracking.tracker import MOST_HANDS, HandTracker, TrackerConfig
from hand_pose_ros.training.detector_trainer import full_frame_config

FIGURES_SPLIT = 3
PICTURES, SEARCH_PICTURES = 4096, 600
_LOOKALIKES: dict[str, Any] = {"hands": [0.66, 0.2, 0.14], "scene": {"mug": 0.5, "gripper": 0.6}}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``hand-pose evaluate-detector``."""
    parser.add_argument("--weights", type=Path, help="default: the shipped ones")
    parser.add_argument(
        "--pictures", type=int, help="cluttered single pictures (default: 4096, with --search 600)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the single pictures")
    parser.add_argument(
        "--least-score",
        type=float,
        help=f"what scores less is no hand (default: {LEAST_SCORE}, with --search {SEARCH_SCORE}: the tracker's)",
    )
    parser.add_argument("--every", type=int, default=5, help="look at every n-th frame of the sequences")
    parser.add_argument(
        "--search",
        action="store_true",
        help="measure not the detector alone but what a tracker (two hands, either side) publishes that is shown one "
        "still scene for --frames frames: how often the middle of a hand is within 20 mm of the true one, and where "
        "hands are lost",
    )
    parser.add_argument("--frames", type=int, default=5, help="frames at 30 Hz of each scene, with --search")
    parser.add_argument("--model", type=Path, help="weights of the pose network, with --search")
    parser.add_argument(
        "--start-odds", type=float, help="log odds from which on a track begins, instead of the tracker's own"
    )
    parser.add_argument(
        "--lookalikes",
        action="store_true",
        help="with --search, scenes for false hands: none in two of three, but robots' grippers and empty cups",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here")


def run(arguments: argparse.Namespace) -> None:
    """Measure and print; ValueError on a number that makes no sense."""
    if arguments.pictures is None:
        arguments.pictures = SEARCH_PICTURES if arguments.search else PICTURES
    if min(arguments.pictures, arguments.every, arguments.frames) < 1:
        raise ValueError("--pictures, --every and --frames want at least 1")
    torch.set_num_threads(1)
    if arguments.search:
        run_search(arguments)
        return
    least_score = LEAST_SCORE if arguments.least_score is None else arguments.least_score
    detector = HandDetector(arguments.weights, least_score)
    pictures = FullFrames(full_frame_config({}, FIGURES_SPLIT))
    reports = {
        "single pictures": evaluate_detector(
            detector.network, pictures, arguments.seed, arguments.pictures, least_score
        )
    }
    sequences = bench_sequences()
    for kind in ("moving", "two_hands", "nothing"):
        chosen = [sequence for sequence in sequences if sequence.kind == kind]
        reports[f"sequences, {kind}"] = on_sequences(detector, chosen, arguments.every)
    for name, figures in reports.items():
        print(f"{name}:", end=" ")
        print_report(figures)
    milliseconds = time_of_find(detector)
    print(f"time a 640x480 image: {milliseconds:.2f} ms (median, one thread)")
    if arguments.json is not None:
        content = {name: figures.to_dict() for name, figures in reports.items()}
        write_json(arguments.json, _known({**content, "find_ms": milliseconds}))


def run_search(arguments: argparse.Namespace) -> None:
    """Measure the whole search and print it."""
    config = TrackerConfig(hands=MOST_HANDS)
    if arguments.start_odds is not None:
        config = replace(config, start_odds=arguments.start_odds)
    tracker = HandTracker(arguments.model, config)
    if arguments.weights is not None or arguments.least_score is not None:
        detector = HandDetector(
            arguments.weights, SEARCH_SCORE if arguments.least_score is None else arguments.least_score
        )
        tracker.search_image = ProposalGenerator(detector, tracker.config.locate)
    tracker.warm_up()
    source = FullFrames(full_frame_config(_LOOKALIKES if arguments.lookalikes else {}, FIGURES_SPLIT))
    images = still_images(source, validation_seed(arguments.seed, 0), arguments.pictures)
    bar = tqdm(images, total=arguments.pictures, unit="picture", disable=None, leave=False)
    figures = report([search_image(tracker, image, arguments.frames) for image in bar])
    print("\n".join(lines(figures)))
    if arguments.json is not None:
        write_json(arguments.json, _known(figures.to_dict()))


def _known(content: Any) -> Any:
    """JSON has no NaN: what was not counted is null."""
    if isinstance(content, dict):
        return {key: _known(value) for key, value in content.items()}
    return None if isinstance(content, float) and np.isnan(content) else content


def on_sequences(detector: HandDetector, sequences: Iterable[Sequence], every: int) -> DetectorReport:
    """Figures of every n-th frame, looked at alone, at the cameras' own resolution."""
    tally = Tally()
    for sequence in tqdm(list(sequences), unit="sequence", disable=None, leave=False):
        renderer = sequence.open()
        for t in sequence.times()[::every]:
            frame = renderer.frame(t)
            found = detector.find(frame.depth, sequence.camera)
            centres = np.array([hand.joints.mean(axis=0) for hand in frame.hands]).reshape(-1, 3)
            inside = [_inside(sequence, centre) for centre in centres]
            tally.add(
                found,
                centres,
                np.array([hand.side == "left" for hand in frame.hands], bool),
                np.array(
                    [
                        np.linalg.norm(hand.joints - centre, axis=1).max()
                        for hand, centre in zip(frame.hands, centres, strict=True)
                    ]
                ),
                np.array(
                    [h.visible >= LEAST_VISIBLE and i for h, i in zip(frame.hands, inside, strict=True)], bool
                ),
            )
    return tally.report()


def _inside(sequence: Sequence, centre: np.ndarray) -> bool:
    u, v = sequence.camera.project(centre)
    return bool(-0.5 < u < sequence.camera.width - 0.5 and -0.5 < v < sequence.camera.height - 0.5)


def time_of_find(detector: HandDetector, calls: int = 100) -> float:
    """Median time of ``find`` on a 640x480 image, ms."""
    sequence = bench_sequences()[0]
    depth = sequence.open().frame(0.5).depth
    times = []
    for _ in range(calls + 5):
        start = time.perf_counter()
        detector.find(depth, sequence.camera)
        times.append(time.perf_counter() - start)
    return 1000.0 * float(np.median(times[5:]))
