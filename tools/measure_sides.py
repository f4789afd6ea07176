"""How well one frame shows the side of a hand: python3 tools/measure_sides.py [--model F] [--count N].

Every synthetic right hand (validation split; noise, scenes, objects in hands and other hands on; half of them upright,
as tracked ones are) is given to the network as it is and mirrored; the right answer is the crop that was not mirrored.
Prints, for each thing that could decide, the share of hands that it decides rightly, and the weights of the others
against the logarithm of the expected error that a logistic regression finds (``visibility_weight`` and
``handedness_weight`` of ``ScoringConfig``).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from hand_pose_ros.datasets.seeds import validation_seed
from hand_pose_ros.datasets.synthetic import synthetic_source
from hand_pose_ros.depth.crop import CropFrame
from hand_pose_ros.evaluation.synthetic_benchmark import EVALUATION_DATA
from hand_pose_ros.network.checkpoint import load_checkpoint
from hand_pose_ros.network.model import HandNet
from hand_pose_ros.resources import model_file
from hand_pose_ros.synthetic.splits import VALIDATION_SPLIT
from hand_pose_ros.tracking.config import TrackerConfig
from hand_pose_ros.tracking.visibility import visibility_score

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


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="", help="weights file or name of a shipped one")
    parser.add_argument("--count", type=int, default=2048)
    parser.add_argument("--seed", type=int, default=11)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    net, _ = load_checkpoint(model_file(arguments.model))
    net.eval()
    hands = synthetic_source({**EVALUATION_DATA, "tracked": 0.5}, VALIDATION_SPLIT)
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
    print(
        f"weights of the visibility score and of the handedness: {', '.join(f'{w / of_error:.2f}' for w in others)}"
    )


if __name__ == "__main__":
    main()
