"""``hand-pose bone-prior``: train the prior of bone lengths from the labels of the training hands.

In: how many subjects. Out: the JSON file of a BonePrior, as is shipped in models/ and replaced only where it is named,
and a line a bone on the terminal.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from hand_pose_ros.commands.arguments import require_outputs, seed_int, whole_number
from hand_pose_ros.datasets.synthetic_config import SyntheticConfig
from hand_pose_ros.hand import skeleton
from hand_pose_ros.refine.bone_prior import COMPONENTS, save_bone_prior
from hand_pose_ros.synthetic.splits import TRAINING_SPLIT
from hand_pose_ros.tuning.bone_prior import label_lengths, train_bone_prior


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``hand-pose bone-prior``."""
    parser.add_argument(
        "--samples",
        type=whole_number(10 * COMPONENTS),
        default=2000,
        help="subjects, half of each mesh family (default: 2000)",
    )
    parser.add_argument("--seed", type=seed_int, default=0, help="of EM's start (default: 0)")
    parser.add_argument("--output", type=Path, default=Path("bone_prior.json"), help="file to write")


def run(arguments: argparse.Namespace) -> None:
    """Train and write."""
    require_outputs(arguments.output)
    config = SyntheticConfig(split=TRAINING_SPLIT, identities=arguments.samples // 2)
    lengths = label_lengths(config)
    trained_on = {
        "dataset": "synthetic",
        "split": config.split,
        "families": list(config.families),
        "subjects": len(lengths),
        "seed": arguments.seed,
    }
    prior = train_bone_prior(lengths, arguments.seed, trained_on)
    save_bone_prior(arguments.output, prior)
    for bone, (_, child) in enumerate(skeleton.BONES):
        mean, spread = 1e3 * lengths[:, bone].mean(), 1e3 * lengths[:, bone].std()
        print(f"{skeleton.JOINT_NAMES[child]:14s} {mean:6.1f} mm, spread {spread:4.1f} mm")
    print(f"{arguments.output}: {len(lengths)} subjects")
