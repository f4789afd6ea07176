"""``hand-pose fit``: the hand model fitted to annotated joints, or to random hands that it should recover.

In: a benchmark's annotation file (a line a frame; u, v in px, depth in mm), or a number of random hands. Out: a table
of residuals a sequence; on request the parameters as .npz (plain arrays, see
:func:`~hand_pose_ros.evaluation.fit_report.save_fits`) and the figures as JSON.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from hand_pose_ros.commands.arguments import (
    positive_int,
    real_number,
    require_all,
    require_outputs,
    seed_int,
    wide_console,
)
from hand_pose_ros.commands.kept_figures import figures_kept
from hand_pose_ros.datasets.benchmarks import BENCHMARKS
from hand_pose_ros.evaluation import fit_report
from hand_pose_ros.evaluation.fit_self_test import LEAST_RECOVERED, run_self_test, self_test_table
from hand_pose_ros.evaluation.prediction_files import read_predictions
from hand_pose_ros.files import write_json
from hand_pose_ros.hand.fit_config import GEOMETRIES, SHAPE_MODES, SIDE_CHOICES, FitConfig
from hand_pose_ros.network.device import pick_device

DATASETS: tuple[str, ...] = tuple(BENCHMARKS)
_FOLLOWS_DATASET = "dataset"
# Columns of a terminal. Chosen by hand.
_TABLE_WIDTH = 160


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``hand-pose fit``."""
    what = parser.add_mutually_exclusive_group(required=True)
    add = parser.add_argument
    # fmt: off
    what.add_argument("--groundtruth", type=Path, metavar="FILE", help="annotations: u, v, mm, a line a frame")
    what.add_argument("--self-test", type=positive_int, metavar="N", help="recover N random valid hands instead")
    add("--dataset", choices=DATASETS, help="of --groundtruth")
    add("--sequences", metavar="N,N,...", help="frames of each sequence (default: the benchmark's own)")
    add("--shape", choices=SHAPE_MODES, default="sequence", help="one hand a sequence or a frame, or the template")
    add("--geometry", choices=GEOMETRIES[1:], default="scales",
        help="of a sequence's hand: 9 scale factors, or every bone and the palm's outline")
    add("--side", choices=(_FOLLOWS_DATASET, *SIDE_CHOICES), default=_FOLLOWS_DATASET,
        help="which hand; auto: the one that fits better")
    add("--noise-mm", type=real_number(0.0, 100.0), default=0.0, help="of --self-test: spread of each coordinate")
    add("--seed", type=seed_int, default=0, help="of --self-test and of the search (default 0)")
    add("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where it is computed")
    add("--output", type=Path, metavar="FILE.npz", help="write parameters, shapes and joints here")
    add("--json", type=Path, metavar="FILE", help="write the table's figures here")
    # fmt: on


def run(arguments: argparse.Namespace) -> int:
    """Fit, print and write. ValueError and OSError carry one line for the user; 1 when a self-test recovers
    fewer than 99 %."""
    _check(arguments)
    require_outputs(arguments.output, arguments.json, read=[arguments.groundtruth])
    return _self_test(arguments) if arguments.self_test is not None else _fit_file(arguments)


def _fit_file(a: argparse.Namespace) -> int:
    benchmark, console = BENCHMARKS[a.dataset], wide_console(_TABLE_WIDTH)
    joints = read_predictions(a.groundtruth, benchmark)
    sequences = fit_report.sequence_slices(_counts(a.sequences), benchmark, len(joints))
    side = benchmark.side if a.side == _FOLLOWS_DATASET else a.side
    config = FitConfig(side=side, shape=a.shape, geometry=a.geometry, seed=a.seed)
    device = pick_device(a.device)
    given = {"groundtruth": str(a.groundtruth), "shape": a.shape, "geometry": a.geometry, "seed": a.seed}
    fits: list[fit_report.TimedFit] = []
    with figures_kept(a.json, dataset=a.dataset, **given) as figures:
        try:
            for fit in fit_report.fit_sequences(
                joints, benchmark, sequences, config, device, console.is_terminal
            ):
                fits.append(fit)
        finally:
            if fits:  # interrupted, those of the sequences before
                rows, together = [fit_report.summarise([fit]) for fit in fits], fit_report.summarise(fits)
                fitted = f"{together['frames']} frames, shape: {a.shape} ({a.geometry})"
                title = f"{a.dataset}: hand model fitted to {fitted}"
                console.print(fit_report.residual_table(rows, together, title))
                figures |= {"sequences": rows, "all": together}
        if a.output is not None:
            fit_report.save_fits(a.output, [timed.fit for timed in fits])
    return 0


def _self_test(a: argparse.Namespace) -> int:
    console = wide_console(_TABLE_WIDTH)
    results = run_self_test(a.self_test, a.noise_mm / 1000, a.seed, pick_device(a.device))
    title = f"{a.self_test} random hands, noise {a.noise_mm:g} mm a coordinate, seed {a.seed}"
    console.print(self_test_table(results, title))
    if a.json is not None:
        methods = [result._asdict() for result in results]
        write_json(a.json, {"hands": a.self_test, "noise_mm": a.noise_mm, "seed": a.seed, "methods": methods})
    short = [result.name for result in results if result.recovered < LEAST_RECOVERED]
    if short:
        console.print(f"fewer than {LEAST_RECOVERED:.0%} recovered: {'; '.join(short)}")
    return 1 if short else 0


def _counts(text: str | None) -> list[int] | None:
    """``"702,894"`` -> [702, 894]."""
    try:
        return None if text is None else [int(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(f"--sequences is '{text}', want frame counts such as 702,894") from None


def _check(a: argparse.Namespace) -> None:
    """ValueError naming the first argument that does not fit the others."""
    test = a.self_test is not None
    of_file = a.dataset is not None or a.sequences is not None
    require_all(
        (test or a.dataset is not None, f"--groundtruth needs --dataset {' or '.join(DATASETS)}"),
        (a.noise_mm == 0 or test, "--noise-mm is for --self-test"),
        (not test or a.output is None, "--output is for --groundtruth"),
        (not test or not of_file, "--dataset and --sequences are for --groundtruth"),
        # Before the work, not after it.
        *(
            (path is None or path.parent.is_dir(), f"{path}: its folder does not exist")
            for path in (a.output, a.json)
        ),
    )
