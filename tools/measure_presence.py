"""How well log odds of a hand tell hands from what is none, by the crop of one side or of both.

In: weights, a training recipe whose distribution is drawn (validation split), crops. Every crop is given to the network
as it is and mirrored, as a tracker crops for either side; the side that counts as chosen is the one that the network
takes for a right hand. Out: the share of hands that pass at given shares of false places, the same at
``TrackerConfig.start_odds``, the weights of both sides that a logistic regression finds (``other_side_weight`` and
``both_sides_scale`` of ``ScoringConfig``), and what lies below ``reject_log_odds``.

    python tools/measure_presence.py --recipe config/train/history/default_5.yaml --count 3840
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from hand_pose_ros.commands.arguments import positive_int, seed_int
from hand_pose_ros.commands.main import exit_status
from hand_pose_ros.datasets.seeds import validation_seed
from hand_pose_ros.datasets.synthetic import synthetic_source
from hand_pose_ros.evaluation import false_shares
from hand_pose_ros.network.checkpoint import load_model
from hand_pose_ros.network.model import HandNet
from hand_pose_ros.resources import model_file
from hand_pose_ros.synthetic.splits import VALIDATION_SPLIT
from hand_pose_ros.tracking.config import TrackerConfig
from hand_pose_ros.tracking.scoring_config import ScoringConfig
from hand_pose_ros.training.config import load_config

Array = NDArray[np.float64]
_BATCH = 64
_NEGATIVE_SHARE = 0.6  # of the crops: false places are the rare ones
_FALSE_SHARES = (0.02, 0.01, 0.005, 0.002)


def both_sides(model: HandNet, recipe: Path, count: int, seed: int) -> tuple[Array, NDArray[np.bool_]]:
    """Log odds (count, 2) of a hand in crops, chosen side first, and which of them show one (count,)."""
    data = {key: value for key, value in load_config(recipe).data.items() if key not in ("size", "cube_m")}
    source = synthetic_source({**data, "negative_fraction": _NEGATIVE_SHARE}, VALIDATION_SPLIT)
    odds, hands = [], []
    for index in range(-(-count // _BATCH)):
        batch = source.batch(validation_seed(seed, index), _BATCH)
        crop, distance = torch.from_numpy(batch.crop), torch.from_numpy(batch.distance)
        with torch.inference_mode():
            views = [model(view, distance) for view in (crop, crop.flip(-1))]
        presence = np.stack([view.presence.numpy() for view in views], axis=1).astype(np.float64)
        right = np.stack([view.handedness.numpy() for view in views], axis=1)
        odds.append(np.where(right[:, :1] >= right[:, 1:], presence, presence[:, ::-1]))
        hands.append(np.arange(len(presence)) < len(batch.joints))
    return np.concatenate(odds), np.concatenate(hands)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", help="weights (default: the shipped ones)")
    parser.add_argument("--recipe", type=Path, required=True)
    parser.add_argument("--count", type=positive_int, default=3840)
    parser.add_argument("--seed", type=seed_int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model = load_model(model_file(arguments.model)).eval()
    odds, hands = both_sides(model, arguments.recipe, arguments.count, arguments.seed)
    scoring, begins = ScoringConfig(), TrackerConfig().start_odds
    chosen, other = odds.T
    weighted = scoring.both_sides_scale * (chosen + scoring.other_side_weight * (other - chosen))
    rules = {"chosen side": chosen, "mean": odds.mean(axis=1), "best": odds.max(axis=1), "as used": weighted}
    print(f"{hands.sum()} hands, {(~hands).sum()} crops without one\n")
    at = " | ".join(f"{100 * share:g} %" for share in _FALSE_SHARES)
    print(f"| log odds | hands at false places of {at} | at {begins:g}: hands | false |")
    print("|---" * (len(_FALSE_SHARES) + 3) + "|")
    for name, values in rules.items():
        limits = false_shares.limits(values, hands, _FALSE_SHARES)
        cells = [values[hands] >= limit for limit in limits] + [
            values[mask] >= begins for mask in (hands, ~hands)
        ]
        print(f"| {name} | " + " | ".join(f"{100 * cell.mean():.2f} %" for cell in cells) + " |")
    found = LogisticRegression(C=10.0).fit(odds, hands)
    own, beside = found.coef_[0]
    print(
        f"\nlogistic regression: chosen {own:.2f}, other {beside:.2f}: a share of {beside / (own + beside):.2f}"
    )
    below = (odds.min(axis=1) < scoring.reject_log_odds, chosen < scoring.reject_log_odds)
    for name, low in zip(("worse", "chosen"), below, strict=True):
        shares = (
            f"{100 * low[hands].mean():.2f} % of the hands, {100 * low[~hands].mean():.1f} % of the others"
        )
        print(f"below reject_log_odds ({scoring.reject_log_odds:g}), by the {name} side: {shares}")


if __name__ == "__main__":
    sys.exit(exit_status("tools/measure_presence.py", lambda _: main(), argparse.Namespace()))
