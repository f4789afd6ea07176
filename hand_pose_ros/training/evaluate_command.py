"""``hand-pose evaluate``: how wrong checkpoints or published predictions are on a data set.

In: checkpoints and a data set (synthetic, or ICVL, NYU, MSRA in their archives' layout), or published prediction
files with their ground truth. Out: a table, and on request JSON, the papers' two figures, a predictions file.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from tqdm import tqdm

from hand_pose_ros.datasets.icvl import Icvl
from hand_pose_ros.datasets.msra import SUBJECTS, Msra
from hand_pose_ros.datasets.nyu import Nyu
from hand_pose_ros.datasets.sample import Sample, crop_sample
from hand_pose_ros.datasets.synthetic import Batch
from hand_pose_ros.evaluation.angles import fit_angles
from hand_pose_ros.evaluation.metrics import THRESHOLDS_MM, Evaluation, evaluate
from hand_pose_ros.evaluation.predict import Predictions, join, predict
from hand_pose_ros.evaluation.published import BENCHMARKS, Benchmark, read_predictions, write_predictions
from hand_pose_ros.evaluation.report import (
    joint_table,
    summary_table,
    to_dictionary,
    write_figures,
    write_json,
)
from hand_pose_ros.hand.skeleton import BONES, JOINT_NAMES, convert_joints
from hand_pose_ros.network.checkpoint import CheckpointInfo, load_checkpoint
from hand_pose_ros.network.model import HandNet
from hand_pose_ros.synthetic.mesh import MESH_NAMES
from hand_pose_ros.training.batches import validation_seed
from hand_pose_ros.training.command import VALIDATION_SPLIT, synthetic_source
from hand_pose_ros.training.train import pick_device

SYNTHETIC = "synthetic"
DATASETS: tuple[str, ...] = (SYNTHETIC, *BENCHMARKS)
EVALUATION_DATA: dict[str, Any] = {"scene": {"held": 0.12, "other_hand": 0.12}}
"""What every network is judged on, whatever it was trained on: both mesh families, every view, noise of all sensors,
bodies, walls and things about the hand, held things, other hands."""
_MARGIN_M = 0.06
"""How far the pictures reach beyond the first crop when networks look twice."""
END_ON_COSINE = float(np.cos(np.radians(30.0)))
"""A hand is seen end-on when its axis is within 30 degrees of the viewing ray."""
_CHUNK = 128
_SYNTHETIC_COUNT = 4096


class Outcome(NamedTuple):
    """One method's figures, the facts about where they come from, and its joints as the data set's (N, K, 3) m."""

    evaluation: Evaluation
    source: dict[str, Any]
    joints: NDArray[np.float64]


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
        "--count", type=int, help=f"frames (default: {_SYNTHETIC_COUNT} synthetic ones, else all)"
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
        outcomes = _on_synthetic(arguments)
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
            wide.print(_parts(outcome), highlight=False)
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
            (a.looks != 1 or a.families is not None) and (real or not a.checkpoint),
            "--looks and --families are for networks on synthetic hands",
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


def named_files(values: Sequence[str]) -> list[tuple[str, Path]]:
    """[NAME=]FILE arguments -> names (the file's stem by default) and paths. ValueError when two names are equal."""
    pairs = []
    for value in values:
        name, equals, rest = value.partition("=")
        named = bool(equals and name and rest) and not Path(value).exists()
        path = Path(rest if named else value)
        pairs.append((name if named else path.stem, path))
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two methods are named '{name}': tell them apart with NAME=FILE")
    return pairs


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


def _checkpoints(a: argparse.Namespace) -> Iterator[tuple[str, HandNet, CheckpointInfo, dict[str, Any]]]:
    device = pick_device(a.device)
    for name, path in named_files(a.checkpoint):
        model, info = load_checkpoint(path, device)
        yield name, model, info, {"file": path.name, "model": info.name, "sha256": info.sha256}


def _on_synthetic(a: argparse.Namespace) -> list[Outcome]:
    outcomes = []
    for name, model, _, source in _checkpoints(a):
        crop: dict[str, Any] = {"size": model.config.crop_size, "cube_m": model.config.cube_m}
        if a.looks > 1:
            crop["margin_m"] = _MARGIN_M
        if a.families is not None:
            crop["families"] = tuple(a.families)
        hands = synthetic_source({**EVALUATION_DATA, **crop}, VALIDATION_SPLIT)
        count = a.count or _SYNTHETIC_COUNT
        looks: list[list[tuple[Predictions, Batch]]] = [[] for _ in range(a.looks)]
        starts = range(0, count, _CHUNK)
        for index, start in enumerate(tqdm(starts, desc=name, unit="batch", disable=None, leave=False)):
            seed, offset = validation_seed(a.seed, index), None
            for look in looks:
                batch = hands.batch(seed, min(_CHUNK, count - start), offset)
                look.append((predict(model, batch.crop, batch.distance), batch))
                offset = look[-1][0].joints.mean(axis=1)
        for number, look in enumerate(looks):
            label = name if number == 0 else f"{name}, second look"
            outcomes.append(_synthetic_outcome(label, a, look, hands.config.families, source))
    return outcomes


def _synthetic_outcome(
    name: str,
    a: argparse.Namespace,
    look: list[tuple[Predictions, Batch]],
    families: tuple[str, ...],
    source: dict[str, Any],
) -> Outcome:
    """Figures of one look at the synthetic hands; each look has frames of its own."""
    found, batches = join([predictions for predictions, _ in look]), [batch for _, batch in look]
    truth = np.concatenate([batch.joints for batch in batches])
    evaluation = evaluate(
        name,
        found.joints,
        truth,
        JOINT_NAMES,
        thresholds_mm=a.thresholds,
        bones=BONES,
        angles=found.angles,
        true_angles=np.concatenate([batch.angles for batch in batches]),
        raw_angles=found.raw_angles,
    )
    source = source | {"seed": a.seed, **_network_figures(found, truth)}
    family = np.concatenate([batch.family for batch in batches])
    source["mesh_family_error_mm"] = {
        str(families[f]): float(evaluation.mean_mm[family == f].mean()) for f in np.unique(family)
    }
    end_on = np.concatenate([np.abs(batch.rotation[:, 2, 0]) for batch in batches]) > END_ON_COSINE
    source["end_on_share"] = float(end_on.mean())
    source["end_on_error_mm"] = float(evaluation.mean_mm[end_on].mean()) if end_on.any() else None
    source["worst_joint_under_30_mm"] = float((1e3 * _worst_m(found.joints, truth) < 30.0).mean())
    return Outcome(evaluation, source, found.joints.astype(np.float64))


def _parts(outcome: Outcome) -> str:
    """Errors of parts of the synthetic hands, one line."""
    source = outcome.source
    families = ", ".join(f"{name} {error:.2f}" for name, error in source["mesh_family_error_mm"].items())
    end_on = source["end_on_error_mm"]
    seen = "none" if end_on is None else f"{end_on:.2f}"
    return (
        f"{outcome.evaluation.name}: mean error, mm: {families}, end-on {seen} "
        f"({100 * source['end_on_share']:.0f} % of frames); "
        f"worst joint under 30 mm in {100 * source['worst_joint_under_30_mm']:.1f} % of frames"
    )


def _worst_m(joints: NDArray[np.floating], truth: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.asarray(np.linalg.norm(joints - truth, axis=-1).max(axis=1))


def _network_figures(found: Predictions, truth: NDArray[np.floating]) -> dict[str, float]:
    """What only a network has: the error before the hand model, and how well it knows its own error."""
    error = np.linalg.norm(found.joints - truth, axis=-1).ravel()
    ranks = [values.argsort().argsort() for values in (error, found.sigma.ravel())]
    return {
        "coarse_error_mm": float(np.linalg.norm(found.coarse - truth, axis=-1).mean() * 1000.0),
        "confidence_rank_correlation": float(np.corrcoef(ranks[0], ranks[1])[0, 1]),
    }


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
    for name, model, _, source in _checkpoints(a):
        parts: list[Predictions] = []
        joints, truth, subjects = [], [], []
        chunks = [frames[i : i + _CHUNK] for i in range(0, count, _CHUNK)]
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
