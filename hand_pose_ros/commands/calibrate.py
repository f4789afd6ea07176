"""``hand-pose calibrate``: teach a weights file how far its hands can be trusted.

In: a weights file with a hand model. Out: the same weights with a calibration beside them, tables in Markdown on the
terminal, and on request a reliability diagram. Fitted on the synthetic CHOICE_SPLIT, measured on REPORT_SPLIT; a
network trains on neither.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from hand_pose_ros.commands.arguments import png_file, positive_int, require_all, require_outputs
from hand_pose_ros.evaluation.reliability import reliability, reliability_figure
from hand_pose_ros.files import followed
from hand_pose_ros.network.checkpoint import load_model
from hand_pose_ros.resources import model_file, resource
from hand_pose_ros.synthetic.splits import CHOICE_SPLIT, REPORT_SPLIT
from hand_pose_ros.tuning.calibration import confidence_table, fit_calibration, separation_table, store
from hand_pose_ros.tuning.calibration_cases import gather_cases
from hand_pose_ros.visualization.figures import save_figure

# Guessed.
_LEAST_CROPS = 40


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``hand-pose calibrate``."""
    parser.add_argument(
        "--model", type=model_file, help="weights: small, or a file (default: the shipped ones)"
    )
    parser.add_argument(
        "--count",
        type=positive_int,
        default=6000,
        help="crops to fit on; half as many to report (default: 6000)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        help="weights file to write (default: the model itself, unless it is a shipped one)",
    )
    parser.add_argument("--figure", type=png_file, help="PNG file for the reliability diagram")


def run(arguments: argparse.Namespace) -> None:
    """Fit, measure, store; ValueError on too few crops, a network without a hand model, and where a shipped file would
    be replaced that is not named as the output."""
    if arguments.count < _LEAST_CROPS:
        raise ValueError(f"count is {arguments.count}, want at least {_LEAST_CROPS} crops")
    path = model_file(arguments.model)
    shipped = followed(path).parent == resource("models")
    require_all((not shipped or arguments.output is not None, f"{path} is shipped, want --output"))
    require_outputs(arguments.output or path, arguments.figure)
    torch.set_num_threads(1)
    model = load_model(path)
    calibration = fit_calibration(gather_cases(model, CHOICE_SPLIT, arguments.count))
    cases = gather_cases(model, REPORT_SPLIT, arguments.count // 2)
    hand, joints = cases.confidence(calibration)
    measured = {
        "Hand": reliability(hand, cases.hand_right),
        "Joints": reliability(joints, cases.joints_right),
    }
    print(confidence_table(measured))
    print(separation_table(cases, hand))
    if arguments.figure is not None:
        save_figure(reliability_figure(measured), arguments.figure, dpi=200)
    store(path, arguments.output or path, calibration)
