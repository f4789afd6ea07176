"""``hand-pose evaluate``: how wrong checkpoints or published predictions are on a data set.

In: checkpoints and a data set (synthetic, or ICVL, NYU, MSRA in their archives' layout), or published prediction
files with their ground truth. Out: a table, and on request JSON, the papers' two figures, a predictions file.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from tqdm import tqdm

from hand_pose_ros.datasets.benchmarks import BENCHMARKS, Benchmark
from hand_pose_ros.datasets.icvl import Icvl
from hand_pose_ros.datasets.msra import SUBJECTS, Msra
from hand_pose_ros.datasets.nyu import Nyu
from hand_pose_ros.datasets.sample import Sample, crop_sample
from hand_pose_ros.evaluation.angles import fit_angles
from hand_pose_ros.evaluation.metrics import THRESHOLDS_MM, evaluate
from hand_pose_ros.evaluation.outcomes import CHUNK, Outcome, checkpoints, named_files
from hand_pose_ros.evaluation.predict import Predictions, join, predict
from hand_pose_ros.evaluation.published import read_predictions, write_predictions
from hand_pose_ros.evaluation.report import joint_table, summary_table, to_dictionary, write_figures
from hand_pose_ros.evaluation.synthetic_hands import SYNTHETIC_COUNT, on_synthetic, parts_line
from hand_pose_ros.files import write_json
from hand_pose_ros.hand.skeleton import convert_joints
from hand_pose_ros.synthetic.mesh import MESH_NAMES

SYNTHETIC = "synthetic"
DATASETS: tuple[str, ...] = (SYNTHETIC, *BENCHMARKS)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``hand-pose evaluate``."""
    parser.add_argument("--dataset", choices=DATASETS, default=SYNTHETIC)
    networks = parser.add_argument_group("networks on a data set")
    networks.add_argument(
        "--checkpoint", nargs="+", metavar="[NAME=]FILE", help="weights (.safetensors), one or more"
    )
    networks.add_argument("--root", type=Path, help="folder of icvl, nyu or msra, as its archive unpacks")
    networks.add_argument("--split", choices=("test", "train"), default="test", help="of icvl and nyu")
    networks.add_argument(
        "--subjects", nargs="+", choices=SUBJECTS, metavar="P", help="of msra: P0 to P8 (default all)"
    )
    networks.add_argument(
        "--count", type=int, help=f"frames (default: {SYNTHETIC_COUNT} synthetic ones, else all)"
    )
    networks.add_argument("--seed", type=int, default=0, help="of the synthetic hands, 0 to 1048575")
    networks.add_argument(
        "--looks",
        type=int,
        default=1,
        help="of synthetic hands: 2 crops each picture again about the hand that the first look found, as the tracker "
        "does, and reports both (default: 1)",
    )
    networks.add_argument(
        "--families",
        nargs="+",
        choices=MESH_NAMES,
        metavar="NAME",
        help="mesh families of the synthetic hands",
    )
    networks.add_argument(
        "--border",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="of the synthetic hands that an edge of the picture cuts (default: 0)",
    )
    networks.add_argument("--device", default="auto", help="auto, cpu or cuda")
    networks.add_argument(
        "--write-predictions", type=Path, metavar="FILE", help="as papers publish them: u, v, mm"
    )
    files = parser.add_argument_group("published prediction files")
    files.add_argument("--groundtruth", type=Path, metavar="FILE", help="annotations in the same format")
    files.add_argument("--predictions", nargs="+", metavar="[NAME=]FILE", help="one or more methods")
    output = parser.add_argument_group("output")
    output.add_argument("--thresholds", nargs="+", type=float, default=list(THRESHOLDS_MM), metavar="MM")
    output.add_argument(
        "--fit-angles",
        action="store_true",
        help="angle errors too, against the hand model fitted to the annotations",
    )
    output.add_argument("--joints", action="store_true", help="print the error of each joint too")
    output.add_argument("--json", type=Path, metavar="FILE", help="write every figure here")
    output.add_argument(
        "--pictures",
        type=Path,
        metavar="PNG",
        help="of one network on synthetic hands: typical to worst frames, the true hand beside the found one",
    )
    output.add_argument(
        "--figures", type=Path, metavar="DIR", help="draw the papers' two figures here, PNG and SVG"
    )


def run(arguments: argparse.Namespace) -> int:
    """Evaluate, print and write; ValueError and OSError carry one line for the user."""
    _check(arguments)
    benchmark = BENCHMARKS.get(arguments.dataset)
    if arguments.predictions:
        assert benchmark is not None
        outcomes = _published(arguments, benchmark)
    elif benchmark is None:
        outcomes = on_synthetic(arguments)
    else:
        outcomes = _on_benchmark(arguments, benchmark)
    evaluations = [outcome.evaluation for outcome in outcomes]
    order = None if benchmark is None else benchmark.figure_order
    console = Console()
    # A pipe has no width of its own; a table cut off there would lose its figures.
    wide = console if console.is_terminal else Console(width=200)
    wide.print(summary_table(evaluations, f"{arguments.dataset}: errors of {evaluations[0].frames} frames"))
    if benchmark is None:
        for outcome in outcomes:
            wide.print(parts_line(outcome), highlight=False)
    if arguments.joints:
        wide.print(joint_table(evaluations, order))
    if arguments.json is not None:
        content = to_dictionary(evaluations, arguments.dataset)
        for method, outcome in zip(content["methods"], outcomes, strict=True):
            method.update(outcome.source)
        write_json(arguments.json, content)
    if arguments.write_predictions is not None and benchmark is not None:
        write_predictions(arguments.write_predictions, outcomes[0].joints, benchmark)
    if arguments.figures is not None:
        for path in write_figures(arguments.figures, arguments.dataset, evaluations, order):
            wide.print(str(path), highlight=False)
    return 0


def _check(a: argparse.Namespace) -> None:
    """ValueError naming the first argument that does not fit the others."""
    real = a.dataset != SYNTHETIC
    wrong: list[tuple[bool, str]] = [
        (
            bool(a.checkpoint) == bool(a.predictions),
            "want either --checkpoint or --groundtruth and --predictions",
        ),
        (bool(a.predictions) != (a.groundtruth is not None), "--groundtruth and --predictions go together"),
        (
            a.fit_angles and not real,
            "--fit-angles is for icvl, nyu and msra: synthetic hands know their angles",
        ),
        (bool(a.predictions) and not real, f"--predictions needs --dataset {', '.join(BENCHMARKS)}"),
        (
            bool(a.checkpoint) and real and a.root is None,
            f"--dataset {a.dataset} needs --root, its unpacked archive",
        ),
        (
            a.root is not None and not (a.checkpoint and real),
            "--root is for --checkpoint on icvl, nyu or msra",
        ),
        (a.subjects is not None and a.dataset != "msra", "--subjects is for --dataset msra"),
        (a.looks not in (1, 2), f"--looks is {a.looks}, want 1 or 2"),
        (
            (a.looks != 1 or a.families is not None or a.border != 0) and (real or not a.checkpoint),
            "--looks, --families and --border are for networks on synthetic hands",
        ),
        (
            a.pictures is not None and (real or len(a.checkpoint or []) != 1),
            "--pictures is for one --checkpoint on synthetic hands",
        ),
        (a.count is not None and a.count < 1, f"--count is {a.count}, want at least 1"),
        (not 0 <= a.seed < 2**20, f"--seed is {a.seed}, want 0 to 1048575"),
        (
            any(not t > 0.0 for t in a.thresholds),
            f"--thresholds are {a.thresholds}, want positive millimetres",
        ),
        (
            a.write_predictions is not None and not (real and len(a.checkpoint or []) == 1),
            "--write-predictions is for one --checkpoint on icvl, nyu or msra",
        ),
    ]
    for is_wrong, message in wrong:
        if is_wrong:
            raise ValueError(message)


def _published(a: argparse.Namespace, benchmark: Benchmark) -> list[Outcome]:
    truth = read_predictions(a.groundtruth, benchmark)
    whole = benchmark.sequences[-1].stop in (None, len(truth))
    sequences = benchmark.sequences if whole else (slice(None),)
    fitted = fit_angles(truth, benchmark, sequences) if a.fit_angles else None
    outcomes = []
    for name, path in named_files(a.predictions):
        joints = read_predictions(path, benchmark)
        if len(joints) != len(truth):
            raise ValueError(f"{path}: {len(joints)} frames, but {a.groundtruth} has {len(truth)}")
        own = fit_angles(joints, benchmark, sequences) if a.fit_angles else None
        evaluation = evaluate(
            name,
            joints,
            truth,
            benchmark.labels,
            thresholds_mm=a.thresholds,
            bones=benchmark.bones,
            sequences=sequences,
            angles=own and own.angles,
            true_angles=fitted and fitted.angles,
        )
        source: dict[str, Any] = {"file": path.name}
        if own and fitted:
            source |= {"fit_residual_mm": own.residual_mm, "groundtruth_fit_residual_mm": fitted.residual_mm}
        outcomes.append(Outcome(evaluation, source, joints))
    return outcomes


def open_dataset(a: argparse.Namespace) -> Sequence[Sample]:
    """The data set that the arguments name. DatasetError when it is not there or damaged."""
    if a.dataset == "icvl":
        return Icvl(a.root, a.split)
    if a.dataset == "nyu":
        return Nyu(a.root, a.split)
    return Msra(a.root, a.subjects)


def _on_benchmark(a: argparse.Namespace, benchmark: Benchmark) -> list[Outcome]:
    dataset = open_dataset(a)
    count = min(a.count or len(dataset), len(dataset))
    frames = np.linspace(0, len(dataset) - 1, count).round().astype(int).tolist()
    outcomes = []
    for name, model, _, source in checkpoints(a):
        parts: list[Predictions] = []
        joints, truth, subjects = [], [], []
        chunks = [frames[i : i + CHUNK] for i in range(0, count, CHUNK)]
        for chunk in tqdm(chunks, desc=name, unit="batch", disable=None, leave=False):
            samples = [dataset[i] for i in chunk]
            # The network's own cube, not the literature's: the hand must have the size that it was trained on.
            crops = [crop_sample(s, model.config.crop_size, model.config.cube_m) for s in samples]
            distance = np.array([c.frame.distance for c in crops], dtype=np.float32)
            parts.append(predict(model, np.stack([c.crop for c in crops])[:, None], distance))
            for sample, crop, local in zip(samples, crops, parts[-1].joints, strict=True):
                joints.append(convert_joints(crop.frame.local_to_camera(local), benchmark.joint_set))
                truth.append(sample.joints)
                subjects.append(sample.subject)
        found, predicted, annotated = join(parts), np.stack(joints), np.stack(truth)
        people = _runs(subjects)
        angles: NDArray[np.floating] | None = found.angles
        true_angles = None
        if a.fit_angles:
            fitted = fit_angles(annotated, benchmark, people)
            true_angles, source["groundtruth_fit_residual_mm"] = fitted.angles, fitted.residual_mm
            if angles is None:
                angles = fit_angles(predicted, benchmark, people).angles
        evaluation = evaluate(
            name,
            predicted,
            annotated,
            benchmark.labels,
            thresholds_mm=a.thresholds,
            bones=benchmark.bones,
            sequences=people,
            angles=angles,
            true_angles=true_angles,
            raw_angles=found.raw_angles,
        )
        outcomes.append(Outcome(evaluation, source, predicted))
    return outcomes


def _runs(subjects: Sequence[str]) -> list[slice]:
    """Consecutive frames of one person or recording."""
    slices, start = [], 0
    for _, group in groupby(subjects):
        length = len(list(group))
        slices.append(slice(start, start + length))
        start += length
    return slices
