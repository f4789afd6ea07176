"""``hand-pose evaluate``: how wrong checkpoints or published predictions are on a data set.

In: checkpoints and a data set (synthetic, or ICVL, NYU, MSRA in their archives' layout), published prediction files
with their ground truth, or replays of recordings with known hands. Out: a table, and on request JSON, the papers' two
figures, a predictions file.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from hand_pose_ros.commands.arguments import (
    png_file,
    positive_float,
    positive_int,
    require_all,
    require_outputs,
    seed_int,
    share,
    wide_console,
)
from hand_pose_ros.config_files import read_mapping, require_mapping
from hand_pose_ros.datasets.benchmarks import BENCHMARKS
from hand_pose_ros.datasets.msra import SUBJECTS
from hand_pose_ros.datasets.sample import SPLITS
from hand_pose_ros.evaluation import benchmark_evaluation
from hand_pose_ros.evaluation.methods import MethodResult, load_networks, named_files
from hand_pose_ros.evaluation.metrics import THRESHOLDS_MM
from hand_pose_ros.evaluation.prediction_files import write_predictions
from hand_pose_ros.evaluation.replay_evaluation import evaluate_replays, found_line
from hand_pose_ros.evaluation.report import joint_table, summary_table, to_dictionary, write_figures
from hand_pose_ros.evaluation.synthetic_benchmark import (
    SyntheticBenchmark,
    evaluate_on_synthetic,
    parts_line,
)
from hand_pose_ros.files import no_empty_folders, require_writable, write_json
from hand_pose_ros.recording.hand_table import hands_file
from hand_pose_ros.resources import model_file
from hand_pose_ros.synthetic.mesh import MESH_NAMES
from hand_pose_ros.training.config import DATASETS, SYNTHETIC

# Columns of a terminal. Chosen by hand.
_TABLE_WIDTH = 200


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``hand-pose evaluate``."""
    count = SyntheticBenchmark.count
    parser.add_argument(
        "--dataset", choices=DATASETS, default=SYNTHETIC, help="of the hands (default: synthetic)"
    )
    # fmt: off
    networks = parser.add_argument_group("networks on a data set").add_argument
    networks("--checkpoint", nargs="+", metavar="[NAME=]FILE", help="weights, one or more: small, or files")
    networks("--root", type=Path, help="folder of icvl, nyu or msra, as its archive unpacks")
    networks("--split", choices=SPLITS, help="of icvl and nyu (default: test)")
    networks("--subjects", nargs="+", choices=SUBJECTS, metavar="P", help="of msra: P0 to P8 (default all)")
    networks("--count", type=positive_int, help=f"frames (default: {count} synthetic ones, else all)")
    networks("--seed", type=seed_int, default=0, help="of the synthetic hands, 0 to 1048575")
    networks("--passes", type=positive_int, default=1,
             help="of synthetic hands: 2 crops each picture again about the hand that the first pass found, as the "
             "tracker does, and reports both (default: 1)")
    networks("--families", nargs="+", choices=MESH_NAMES, metavar="NAME", help="mesh families of the synthetic hands")
    networks("--border", type=share, default=0.0, metavar="SHARE",
             help="of the synthetic hands that an edge of the picture cuts (default: 0)")
    networks("--recipe", type=Path, metavar="FILE",
             help="YAML whose section data describes the synthetic hands, such as config/evaluate/before.yaml")
    networks("--regress", action="store_true",
             help="report each network's joints after SDNet's hierarchical regression (Eq. 8 to 12) beside them; "
             "synthetic hands are single frames, so the temporal terms (Eq. 11, 12) are for icvl, nyu and msra, where "
             "the frame before is of the same recording and evaluated, too: with --count few are")
    networks("--device", default="auto", help="auto, cpu or cuda")
    networks("--write-predictions", type=Path, metavar="FILE",
             help="as papers publish them: u, v, mm; with --regress the regressed joints")
    files = parser.add_argument_group("published prediction files").add_argument
    files("--groundtruth", type=Path, metavar="FILE", help="annotations in the same format")
    files("--predictions", nargs="+", metavar="[NAME=]FILE", help="one or more methods")
    replays = parser.add_argument_group("replays of recordings with known hands").add_argument
    replays("--replay", nargs="+", metavar="[NAME=]DIR", help="what hand-pose replay wrote, one or more")
    output = parser.add_argument_group("output").add_argument
    output("--thresholds", nargs="+", type=positive_float, default=list(THRESHOLDS_MM), metavar="MM",
           help="shares of frames whose worst joint is within these (default: 20 40)")
    output("--fit-angles", action="store_true",
           help="angle errors too, against the hand model fitted to the annotations")
    output("--joints", action="store_true", help="print the error of each joint too")
    output("--json", type=Path, metavar="FILE", help="write every figure here")
    output("--pictures", type=png_file, metavar="PNG",
           help="of one network on synthetic hands: typical to worst frames, the true hand beside the found one")
    output("--figures", type=Path, metavar="DIR", help="draw the papers' two figures here, PNG and SVG")
    # fmt: on


def run(arguments: argparse.Namespace) -> int:
    """Evaluate, print and write; ValueError and OSError carry one line for the user."""
    _check(arguments)
    require_outputs(
        arguments.json, arguments.pictures, arguments.write_predictions, read=_files_read(arguments)
    )
    if arguments.figures is not None:
        with no_empty_folders(arguments.figures):
            require_writable(arguments.figures)
    results = _evaluate(arguments)
    console = wide_console(_TABLE_WIDTH)
    _print(arguments, results, console)
    benchmark, evaluations = BENCHMARKS.get(arguments.dataset), [result.evaluation for result in results]
    if arguments.json is not None:
        content = to_dictionary(evaluations, "replays" if arguments.replay else arguments.dataset)
        for method, result in zip(content["methods"], results, strict=True):
            method.update(result.source)
        write_json(arguments.json, content)
    if arguments.write_predictions is not None and benchmark is not None:
        write_predictions(arguments.write_predictions, results[-1].joints, benchmark)
    if arguments.figures is not None:
        order = None if benchmark is None else benchmark.figure_order
        for path in write_figures(arguments.figures, arguments.dataset, evaluations, order):
            console.print(str(path), highlight=False)
    return 0


def _files_read(a: argparse.Namespace) -> list[Path | None]:
    """What is evaluated, and against what."""
    weights, predictions = named_files(a.checkpoint or [], model_file), named_files(a.predictions or [])
    replays = [hands_file(path) for _, path in named_files(a.replay or [])]
    return [a.groundtruth, a.recipe, *replays, *(path for _, path in (*weights, *predictions))]


def _evaluate(a: argparse.Namespace) -> list[MethodResult]:
    """The result of each method that the arguments name."""
    if a.replay:
        return evaluate_replays(a.replay, a.thresholds)
    if a.dataset == SYNTHETIC:
        benchmark = SyntheticBenchmark(
            a.count or SyntheticBenchmark.count, a.seed, a.passes, a.families and tuple(a.families), a.border,
            tuple(a.thresholds), _recipe_data(a.recipe), a.regress,
        )  # fmt: skip
        return evaluate_on_synthetic(load_networks(a.checkpoint, a.device), benchmark, a.pictures)
    real = BENCHMARKS[a.dataset]
    if a.predictions:
        return benchmark_evaluation.evaluate_prediction_files(
            a.predictions, a.groundtruth, real, a.thresholds, a.fit_angles
        )
    dataset = benchmark_evaluation.open_dataset(a.dataset, a.root, a.split or "test", a.subjects)
    networks = load_networks(a.checkpoint, a.device)
    return benchmark_evaluation.evaluate_networks(
        networks, dataset, real, a.count, a.thresholds, a.fit_angles, a.regress
    )


def _recipe_data(path: Path | None) -> dict[str, Any] | None:
    """The section ``data`` of a recipe; ValueError names the file when there is none."""
    if path is None:
        return None
    data = read_mapping(path, "the recipe").get("data")
    require_mapping(f"{path}: data", data)
    return dict(data or {})


def _print(a: argparse.Namespace, results: Sequence[MethodResult], console: Console) -> None:
    """The tables."""
    benchmark, evaluations = BENCHMARKS.get(a.dataset), [result.evaluation for result in results]
    subject = "replays" if a.replay else a.dataset
    console.print(summary_table(evaluations, f"{subject}: errors of {evaluations[0].frames} frames"))
    if benchmark is None:
        for result in results:
            line = parts_line(result) if a.replay is None else found_line(result)
            console.print(line, highlight=False)
    if a.joints:
        console.print(joint_table(evaluations, None if benchmark is None else benchmark.figure_order))


def _check(a: argparse.Namespace) -> None:
    """ValueError naming the first argument that does not fit the others."""
    real, one_network = a.dataset != SYNTHETIC, len(a.checkpoint or []) == 1
    varied = a.passes != 1 or a.families is not None or a.border != 0 or a.recipe is not None or a.seed != 0
    # fmt: off
    require_all(
        (bool(a.checkpoint) + bool(a.predictions) + bool(a.replay) == 1,
         "want either --checkpoint, or --groundtruth and --predictions, or --replay"),
        (not (a.replay and (real or a.pictures or a.write_predictions)),
         "--dataset, --pictures and --write-predictions are not for --replay"),
        (bool(a.predictions) == (a.groundtruth is not None), "--groundtruth and --predictions go together"),
        (real or not a.fit_angles, "--fit-angles is for icvl, nyu and msra: synthetic hands know their angles"),
        (real or not a.predictions, f"--predictions needs --dataset {', '.join(BENCHMARKS)}"),
        (not a.checkpoint or not real or a.root is not None,
         f"--dataset {a.dataset} needs --root, its unpacked archive"),
        (a.root is None or bool(a.checkpoint and real), "--root is for --checkpoint on icvl, nyu or msra"),
        (a.subjects is None or bool(a.checkpoint and a.dataset == "msra"),
         "--subjects is for --checkpoint and --dataset msra"),
        (a.split is None or bool(a.checkpoint and a.dataset in ("icvl", "nyu")),
         "--split is for --checkpoint on icvl or nyu"),
        (a.count is None or bool(a.checkpoint), "--count is for --checkpoint: files are evaluated whole"),
        (not a.regress or bool(a.checkpoint), "--regress is for --checkpoint"),
        (a.passes in (1, 2), f"--passes is {a.passes}, want 1 or 2"),
        (not varied or bool(a.checkpoint and not real),
         "--passes, --families, --border, --recipe and --seed are for networks on synthetic hands"),
        (a.pictures is None or (one_network and not real), "--pictures is for one --checkpoint on synthetic hands"),
        (a.write_predictions is None or (one_network and real),
         "--write-predictions is for one --checkpoint on icvl, nyu or msra"),
    )
    # fmt: on
