"""How well one frame shows the side of a hand: python3 tools/measure_sides.py [--count N] [--recipe FILE].

Every synthetic right hand (validation split; noise, scenes, objects in hands and other hands on; half of them upright,
as tracked ones are) is given to the network as it is and mirrored; the right answer is the crop that was not mirrored.
Prints, for each thing that could decide, the share of hands that it decides rightly, and the weights of the others
against the logarithm of the expected error that a logistic regression finds (``visibility_weight`` and
``handedness_weight`` of ``ScoringConfig``); then how far what the tracker makes of them are log odds of the side. With
--sequences how these correlate between the frames of one hand (``side_correlation`` of ``TrackConfig``).
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from hand_pose_ros.commands.arguments import positive_int, seed_int, share
from hand_pose_ros.commands.main import exit_status
from hand_pose_ros.datasets.seeds import validation_seed
from hand_pose_ros.datasets.synthetic import synthetic_source
from hand_pose_ros.depth.crop import CropFrame
from hand_pose_ros.evaluation.bench_runs import LEAST_VISIBLE_EVALUATED, MATCH_M
from hand_pose_ros.evaluation.synthetic_benchmark import EVALUATION_DATA
from hand_pose_ros.network.checkpoint import load_checkpoint
from hand_pose_ros.network.model import HandNet
from hand_pose_ros.resources import model_file
from hand_pose_ros.synthetic.sequences import KINDS, bench_sequences
from hand_pose_ros.synthetic.splits import VALIDATION_SPLIT
from hand_pose_ros.tracking.config import TrackerConfig
from hand_pose_ros.tracking.tracker import HandTracker
from hand_pose_ros.tracking.visibility import visibility_score
from hand_pose_ros.training.config import load_config

BATCH = 128
CONFIG = TrackerConfig()
FEATURES = (
    "expected error (log)",
    "visibility score",
    "handedness (log odds)",
    "coarse joints off the hand model",
)


def side_features(net: HandNet, crop: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """(N, 4): the FEATURES of each crop, higher for the right side; 0 for what the network does not output."""
    with torch.inference_mode():
        out = net(torch.from_numpy(crop), torch.from_numpy(distance))
    joints = out.joints.double().numpy()
    visibility = [
        visibility_score(CropFrame(np.array([0.0, 0.0, z])), picture[0], hand, CONFIG.visibility)
        for z, picture, hand in zip(distance, crop, joints, strict=True)
    ]
    hand = np.zeros(len(crop)) if out.handedness is None else out.handedness.numpy()
    misfit = (out.coarse - out.joints).norm(dim=-1).mean(1).numpy()
    bounded = hand.clip(-CONFIG.scoring.most_handedness, CONFIG.scoring.most_handedness)
    return np.stack([-out.joint_sigma.log().mean(1).numpy(), np.array(visibility), bounded, -misfit], axis=1)


def print_log_odds(gain: np.ndarray) -> None:
    """What the tracker takes for the log odds of the side, (N,) with the right one positive: how right they are."""
    both, right = np.concatenate([gain, -gain])[:, None], np.repeat([1, 0], len(gain))
    unit = LogisticRegression(fit_intercept=False, C=1e3).fit(both, right).coef_[0, 0]
    print(f"as the tracker has it, right in {100 * (gain > 0).mean():.1f} %; log odds a unit: {unit:.2f}")
    for low, high in pairwise((0.0, 1.0, 2.0, 3.0, 4.0, 6.0, np.inf)):
        within = (np.abs(gain) >= low) & (np.abs(gain) < high)
        wrong = np.sum(gain[within] < 0)
        print(f"  {low:g} to {high:g}: wrong in {wrong} of {within.sum()}")


def measure_sequences(kinds: list[str], model: str, seed: int) -> None:
    """Print how the log odds of a hand's frames correlate, in the sequences of these kinds of the bench."""
    # Of independent frames the log odds add up: what a frame has is what the sum gains with it.
    track = replace(CONFIG.track, side_frames=10**6, side_correlation=0.0)
    tracker = HandTracker(model, replace(CONFIG, hands=2, track=track))
    for kind in kinds:
        gains: dict[Any, dict[int, float]] = defaultdict(dict)
        for sequence in (one for one in bench_sequences() if one.kind == kind):
            config = replace(sequence.config, seed=sequence.config.seed + seed)
            tracker.reset()
            before: dict[int, float] = {}
            for index, (stamp_s, picture) in enumerate(replace(sequence, config=config).frames()):
                tracker.update(picture.depth, sequence.camera, stamp_s)
                for one in tracker._tracks:
                    total = one.side_selector.left_log_odds
                    gain, before[one.track_id] = total - before.get(one.track_id, 0.0), total
                    truth = [hand for hand in picture.hands if hand.visible >= LEAST_VISIBLE_EVALUATED]
                    if one.hand is None or one.seen_s != stamp_s or not truth:
                        continue
                    middle = one.hand.joints.mean(0)
                    apart = [np.linalg.norm(hand.joints.mean(0) - middle) for hand in truth]
                    if min(apart) < MATCH_M:
                        side = truth[int(np.argmin(apart))].side
                        gains[sequence.name, one.track_id, side][index] = gain if side == "left" else -gain
        frames = np.array([gain for of_hand in gains.values() for gain in of_hand.values()])
        print(
            f"{kind}: {len(frames)} frames, right in {100 * (frames > 0).mean():.1f} %; correlation", end=""
        )
        for apart_by in (1, 2, 4, 8, 15, 30):
            pairs = [
                (gain, of_hand[index + apart_by])
                for of_hand in gains.values()
                for index, gain in of_hand.items()
                if index + apart_by in of_hand
            ]
            print(f", {apart_by} frames on {np.corrcoef(np.array(pairs).T)[0, 1]:.2f}", end="")
        print(flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="", help="weights file or name of a shipped one")
    parser.add_argument("--count", type=positive_int, default=2048)
    parser.add_argument("--seed", type=seed_int, default=11)
    parser.add_argument("--recipe", type=Path, help="of the hands, as config/train/default.yaml")
    parser.add_argument("--stereo", type=share, help="share before stereo matchers, instead of the recipe's")
    parser.add_argument(
        "--sequences", nargs="+", choices=KINDS, help="of these, instead of crops (seed 0: the bench's)"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.sequences:
        measure_sequences(arguments.sequences, arguments.model, arguments.seed)
        return
    net, _ = load_checkpoint(model_file(arguments.model))
    net.eval()
    data = EVALUATION_DATA if arguments.recipe is None else load_config(arguments.recipe).data
    data = {**data, "tracked": 0.5, "negative_fraction": 0.0}
    if arguments.stereo is not None:
        data["stereo"] = arguments.stereo
    hands = synthetic_source(data, VALIDATION_SPLIT)
    differences = []
    for index in range(-(-arguments.count // BATCH)):
        batch = hands.batch(validation_seed(arguments.seed, index), BATCH)
        mirrored = np.ascontiguousarray(batch.crop[..., ::-1])
        differences.append(
            side_features(net, batch.crop, batch.distance) - side_features(net, mirrored, batch.distance)
        )
    difference = np.concatenate(differences)
    for name, column in zip(FEATURES, difference.T, strict=True):
        print(f"{name:34s} right in {100 * (column > 0).mean():.1f} % of {len(column)} hands")
    features = np.concatenate([difference, -difference])[:, :3]
    labels = np.repeat([1, 0], len(difference))
    fitted = LogisticRegression(fit_intercept=False, C=1e3).fit(features, labels)
    of_error, *others = fitted.coef_[0]
    print(f"the first three together           right in {100 * fitted.score(features, labels):.1f} %")
    print(f"log odds a unit of the log error: {of_error:.2f}")
    scoring = CONFIG.scoring
    print_log_odds(difference[:, :3] @ np.array([1.0, scoring.visibility_weight, scoring.handedness_weight]))
    print(
        f"weights of the visibility score and of the handedness: {', '.join(f'{w / of_error:.2f}' for w in others)}"
    )


if __name__ == "__main__":
    sys.exit(exit_status("tools/measure_sides.py", lambda _: main(), argparse.Namespace()))
