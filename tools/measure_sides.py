"""How well one frame tells a left hand from a right one: python3 tools/measure_sides.py [--model F] [--count N].

Every synthetic right hand (validation split, noise and scenes on) is given to the estimator's network as it is and
mirrored; the right answer is the crop that was not mirrored. Prints, for each thing that could decide, the share of
hands that it decides rightly, and the weight of the surface's agreement against the logarithm of the expected error
that a logistic regression finds (``estimator._AGREEMENT_WEIGHT``).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from hand_pose_ros.datasets.synthetic import SyntheticConfig, SyntheticHands
from hand_pose_ros.depth.crop import CropFrame
from hand_pose_ros.network.checkpoint import load_checkpoint
from hand_pose_ros.network.model import HandNet
from hand_pose_ros.refine.agreement import surface_agreement
from hand_pose_ros.resources import resource

BATCH = 128
CLUES = ("expected error (log)", "coarse joints off the hand model", "surface agreement")


def clues(net: HandNet, crop: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """(N, 3): what speaks for each crop, higher is better, in the order of CLUES."""
    with torch.inference_mode():
        out = net(torch.from_numpy(crop), torch.from_numpy(distance))
    joints = out.joints.double().numpy()
    agreement = [
        surface_agreement(CropFrame(np.array([0.0, 0.0, z])), picture[0], hand)
        for z, picture, hand in zip(distance, crop, joints, strict=True)
    ]
    misfit = (out.coarse - out.joints).norm(dim=-1).mean(1).numpy()
    return np.stack([-out.joint_sigma.log().mean(1).numpy(), -misfit, np.array(agreement)], axis=1)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=None)
    parser.add_argument("--count", type=int, default=2048)
    parser.add_argument("--seed", type=int, default=11)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    net, _ = load_checkpoint(arguments.model or resource("models", "default.safetensors"))
    net.eval()
    hands = SyntheticHands(SyntheticConfig(split=1))
    differences = []
    for index in range(-(-arguments.count // BATCH)):
        batch = hands.batch((1 << 41) + arguments.seed * 4096 + index, BATCH)
        mirrored = np.ascontiguousarray(batch.crop[..., ::-1])
        differences.append(clues(net, batch.crop, batch.distance) - clues(net, mirrored, batch.distance))
    difference = np.concatenate(differences)
    for name, column in zip(CLUES, difference.T, strict=True):
        print(f"{name:34s} right in {100 * (column > 0).mean():.1f} % of {len(column)} hands")
    features = np.concatenate([difference, -difference])[:, [0, 2]]
    labels = np.repeat([1, 0], len(difference))
    fitted = LogisticRegression(fit_intercept=False, C=1e3).fit(features, labels)
    weight = fitted.coef_[0, 1] / fitted.coef_[0, 0]
    print(f"error and agreement together       right in {100 * fitted.score(features, labels):.1f} %")
    print(f"weight of the agreement: {weight:.2f}")


if __name__ == "__main__":
    main()
