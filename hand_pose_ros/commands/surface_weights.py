"""``hand-pose surface-weights``: choose and measure the weights of the surface fit for a network.

In: a network's weights file. Out: a table on the terminal: errors (mm) of the network's joints and of the fitted ones,
with each term left out, and the values that the search chose, to be written into ``SurfaceFitConfig``. Weights are
chosen on the synthetic CHOICE_SPLIT and measured on REPORT_SPLIT, neither of which a network trains on.
"""

from __future__ import annotations

import argparse

import torch

from hand_pose_ros.commands.arguments import count_int, positive_int, share
from hand_pose_ros.network.checkpoint import load_model
from hand_pose_ros.refine.surface_config import SurfaceFitConfig
from hand_pose_ros.resources import model_file
from hand_pose_ros.synthetic.splits import CHOICE_SPLIT, REPORT_SPLIT
from hand_pose_ros.tuning.surface_weights import GRID, STEREO, choose_weights, report, surface_cases


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``hand-pose surface-weights``."""
    parser.add_argument(
        "--weights", type=model_file, help="the network's: small, or a file (default: the shipped ones)"
    )
    parser.add_argument(
        "--samples", type=positive_int, default=1000, help="crops of each split (default: 1000)"
    )
    parser.add_argument(
        "--stereo",
        type=share,
        default=STEREO,
        help=f"share of them before stereo cameras (default: {STEREO})",
    )
    parser.add_argument(
        "--rounds",
        type=count_int,
        default=1,
        help="times that the search goes over all fields; 0: only measure",
    )


def run(arguments: argparse.Namespace) -> None:
    """Search on CHOICE_SPLIT, report on REPORT_SPLIT."""
    torch.set_num_threads(1)
    model = load_model(model_file(arguments.weights))
    config = SurfaceFitConfig()
    if arguments.rounds:
        print(f"chosen on split {CHOICE_SPLIT}:")
        cases = surface_cases(model, CHOICE_SPLIT, arguments.samples, stereo=arguments.stereo)
        config = choose_weights(cases, config, GRID, arguments.rounds)
    print(f"measured on split {REPORT_SPLIT}:")
    report(surface_cases(model, REPORT_SPLIT, arguments.samples, stereo=arguments.stereo), config)
