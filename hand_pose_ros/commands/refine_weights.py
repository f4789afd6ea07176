"""``hand-pose refine-weights``: choose the weights of the hierarchical regressor, and report what each term is worth.

In: a network's weights file. Out: tables on the terminal and the best RegressorConfig as YAML. The search sees
CHOICE_SPLIT and motions of seeds below 50; what is reported is measured on REPORT_SPLIT and motions of seeds 60 to 99,
so neither training nor the bench's sequences (100 and above) are touched. Nothing is stored but the YAML.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from rich.console import Console

from hand_pose_ros.commands.arguments import (
    count_int,
    positive_int,
    require_outputs,
    seed_int,
    whole_number,
)
from hand_pose_ros.files import write_text
from hand_pose_ros.network.checkpoint import load_model
from hand_pose_ros.refine.bone_prior import load_bone_prior
from hand_pose_ros.refine.regressor import RegressorConfig
from hand_pose_ros.resources import model_file
from hand_pose_ros.synthetic.splits import CHOICE_SPLIT, REPORT_SPLIT
from hand_pose_ros.tuning.labelled_views import Views, motion_views, single_views
from hand_pose_ros.tuning.refine_weights import choose_weights, contribution_table, read_config, to_yaml

_CHOICE_SEED, _REPORT_SEED = 10, 60  # first motions of each; chosen by hand


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``hand-pose refine-weights``."""
    parser.add_argument(
        "--checkpoint", type=model_file, help="weights: small, or a file (default: the shipped ones)"
    )
    parser.add_argument("--crops", type=positive_int, default=1500, help="single crops (default: 1500)")
    parser.add_argument(
        "--motions", type=whole_number(1, 40), default=10, help="sequences, at most 40 (default: 10)"
    )
    parser.add_argument(
        "--frames", type=whole_number(2), default=100, help="frames of a sequence (default: 100)"
    )
    parser.add_argument(
        "--evaluations", type=count_int, default=200, help="settings to try; 0 only reports (default: 200)"
    )
    parser.add_argument("--seed", type=seed_int, default=0, help="of the search's order (default: 0)")
    parser.add_argument("--start", type=Path, help="YAML to start from (default: the built-in values)")
    parser.add_argument("--output", type=Path, help="YAML file for the best values")


def run(arguments: argparse.Namespace) -> None:
    """Search, then report; ValueError on an argument that makes no sense."""
    a = arguments
    require_outputs(a.output, read=[a.checkpoint])
    start = RegressorConfig() if a.start is None else read_config(a.start)
    torch.set_num_threads(1)
    model = load_model(model_file(a.checkpoint))
    prior, console = load_bone_prior(), Console(width=110, markup=False, emoji=False)

    def views(split: int, first: int) -> list[Views]:
        seeds = range(first, first + a.motions)
        return [single_views(model, split, a.seed, a.crops), motion_views(model, seeds, a.frames)]

    best = start
    if a.evaluations:
        sets = views(CHOICE_SPLIT, _CHOICE_SEED)
        best = choose_weights(sets, prior, start, a.evaluations, a.seed, console.print)
    console.print(contribution_table(views(REPORT_SPLIT, _REPORT_SEED), prior, best))
    text = to_yaml(best)
    console.print(text, highlight=False)
    if a.output is not None:
        write_text(a.output, text)
