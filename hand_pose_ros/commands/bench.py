"""``hand-pose bench refine``: what refinement brings, on synthetic sequences with known truth, term by term.

In: weights (the shipped ones), optionally a folder of real frames of a hand that is held. Out: tables on the terminal
(Markdown) and, with --output, all figures as JSON. Sequences and seeds are fixed (synthetic/sequences.py).
"""

from __future__ import annotations

import argparse
import platform
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from hand_pose_ros.commands.replay import intrinsics
from hand_pose_ros.evaluation import bench_measures
from hand_pose_ros.evaluation.bench_runs import Run, run_trackers
from hand_pose_ros.files import write_json
from hand_pose_ros.recording.frame_folder import RecordedFrames
from hand_pose_ros.refine.refiner import RefineConfig
from hand_pose_ros.synthetic.sequences import KINDS, bench_sequences
from hand_pose_ros.tracking.tracker import HandTracker, TrackerConfig, TrackState

BENCHES: tuple[str, ...] = ("refine",)
FULL = "all"
PAPER_TERMS: dict[str, float] = {
    "bone_mixture": 0.3, "bone_length": 0.3, "background": 3.0, "tip_order": 0.3, "prediction": 0.3,
}  # fmt: skip
"""Terms of the regressor's energy after SDNet's Eq. 9 to 12 and near them, and weights to try those that are 0 with."""


def variants() -> dict[str, RefineConfig]:
    """The default refinement, and without each of its parts."""
    full = RefineConfig()
    surface = full.surface
    table = {
        FULL: full,
        "without the regressor": replace(full, regressor=None),
        "without depth to model": replace(full, surface=replace(surface, surface_weight=0.0)),
        "without model to depth": replace(full, surface=replace(surface, free_weight=0.0)),
        "without the held shape": replace(full, shape=None),
        "without the filter": replace(full, filter=replace(full.filter, still_hz=0.0)),
    }
    if full.regressor is not None:
        # The papers' terms that are not used by default are put in, the others left out.
        for name, weight in PAPER_TERMS.items():
            used = getattr(full.regressor, name) > 0
            change: dict[str, Any] = {name: 0.0 if used else weight}
            title = f"{'without' if used else 'with'} {name}"
            table[title] = replace(full, regressor=replace(full.regressor, **change))
    return table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``hand-pose bench``."""
    parser.add_argument("what", choices=BENCHES)
    parser.add_argument("--model", type=Path, help="weights (default: the shipped ones)")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS), help="which sequences")
    parser.add_argument("--quick", action="store_true", help="the default refinement only, no part left out")
    parser.add_argument("--every", type=int, default=1, help="only every n-th sequence of a kind")
    parser.add_argument(
        "--real", type=Path, help="folder of 16-bit PNGs of a hand held still, for its jitter"
    )
    parser.add_argument("--intrinsics", type=intrinsics, metavar="FX,FY,CX,CY", help="pixels, of --real")
    parser.add_argument("--depth-unit", type=float, default=0.001, help="metres per count, of --real")
    parser.add_argument("--output", type=Path, help="JSON file for all figures")


def run(arguments: argparse.Namespace) -> None:
    """Measure and print."""
    if arguments.every < 1:
        raise ValueError(f"--every is {arguments.every}, want at least 1")
    if arguments.real and not arguments.intrinsics:
        raise ValueError("--real wants --intrinsics")
    figures: dict[str, Any] = {"machine": platform.processor() or platform.machine()}
    for kind in arguments.kinds:
        figures[kind] = _measure(kind, arguments)
        _print(kind, figures[kind])
    if arguments.real:
        figures["real"] = _real(arguments)
        _print("real", {FULL: figures["real"]})
    if arguments.output:
        write_json(arguments.output, figures)


def _measure(kind: str, arguments: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """All figures of one kind of sequences, a row a variant."""
    chosen = [s for s in bench_sequences() if s.kind == kind][:: arguments.every]
    table = variants() if kind in ("moving", "still") and not arguments.quick else {FULL: RefineConfig()}
    hands = 2 if kind == "two_hands" else 1
    trackers = {
        name: HandTracker(arguments.model, TrackerConfig(hands=hands, refine=config))
        for name, config in table.items()
    }
    runs: dict[str, list[Run]] = {name: [] for name in trackers}
    for tracker in trackers.values():
        tracker.warm_up()
    for of_sequence in tqdm(run_trackers(trackers, chosen), total=len(chosen), desc=kind, unit="sequence"):
        for run_ in of_sequence:
            runs[run_.variant].append(run_)
    common = set.intersection(*(bench_measures.found_hands(of_one) for of_one in runs.values()))
    return {name: _figures(kind, runs[name], common) for name in trackers}


def _figures(kind: str, runs: Sequence[Run], common: set[bench_measures.Key]) -> dict[str, Any]:
    figures: dict[str, Any] = bench_measures.validity(runs)
    if kind in ("moving", "still", "two_hands"):
        figures |= bench_measures.accuracy(runs, common)
    if kind == "still":
        figures |= bench_measures.stillness(runs)
    if kind == "moving":
        figures |= bench_measures.lag(runs)
        figures["times_ms"] = bench_measures.stage_times(runs)
    if kind in ("leave_return", "nothing"):
        figures |= bench_measures.presence(runs)
    if kind == "two_hands":
        figures |= bench_measures.labels(runs)
    return figures


def _real(arguments: argparse.Namespace) -> dict[str, float]:
    recording = RecordedFrames.open(arguments.real, arguments.intrinsics)
    tracker = HandTracker(arguments.model)
    tracker.warm_up()
    seen = []
    for index in range(len(recording)):
        counts = recording[index]
        depth = np.where(counts > 0, counts * np.float32(arguments.depth_unit), np.float32(np.nan))
        result = tracker.update(depth.astype(np.float32), recording.camera, index / 30.0)
        if result.state == TrackState.TRACK:
            seen.append((result.hands[0], result.raw[0]))
    return {"frames": len(recording), "tracked": len(seen), **bench_measures.held_jitter(seen)}


def _print(kind: str, table: dict[str, dict[str, Any]]) -> None:
    """A Markdown table: a column a variant."""
    print(f"\n### {kind}\n")
    names = list(table)
    print("| | " + " | ".join(names) + " |")
    print("|---" * (len(names) + 1) + "|")
    for key in table[names[0]]:
        if key != "times_ms":
            print(f"| {key} | " + " | ".join(_number(table[name].get(key)) for name in names) + " |")
    for stage, values in table[names[0]].get("times_ms", {}).items():
        print(
            f"| {stage}, ms p50 / p95 | {values['p50']:.2f} / {values['p95']:.2f} |" + " |" * (len(names) - 1)
        )


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.2f}"
