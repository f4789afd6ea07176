"""What refinement brings, part by part: trackers with and without each of its parts over the bench's sequences.

In: weights, kinds of synthetic sequences with known truth, or a recording of a hand that is held. Out: figures by name,
a column of the printed table for each variant of the refinement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from hand_pose_ros.depth.image import DEPTH_UNIT_M
from hand_pose_ros.evaluation import bench_metrics
from hand_pose_ros.evaluation.bench_runs import Run, run_trackers
from hand_pose_ros.evaluation.hierarchical_regression import PAPER_TERMS
from hand_pose_ros.recording.frame_folder import RecordedFrames
from hand_pose_ros.recording.recorded_frame import RecordingError
from hand_pose_ros.synthetic.sequences import bench_sequences
from hand_pose_ros.tracking.config import TrackerConfig
from hand_pose_ros.tracking.hand import TrackState
from hand_pose_ros.tracking.tracker import HandTracker

FULL = "all"
"""Name of the default refinement among its variants."""
RECORDING_HZ = 30.0
"""Frame rate that a recording is played at. Chosen: what most depth cameras send."""
_VARIED_KINDS = ("moving", "still", "stereo")
_PAIRS = ("two_hands", "stereo_pairs", "one_of_two")
"""Kinds in which two hands are looked for."""
_TIMES = "times_ms"


def refinement_variants() -> dict[str, TrackerConfig]:
    """The default tracker, and without each part of its refinement."""
    full = TrackerConfig()
    refine = full.refine
    regressor, surface = refine.regressor, refine.surface
    without_surface = replace(refine, surface=replace(surface, surface_weight=0.0))
    in_full = replace(refine, surface=replace(surface, trusted_sigma_m=float("inf")))
    without_free_space = replace(refine, surface=replace(surface, free_space_weight=0.0))
    table = {
        FULL: full,
        "without the regressor": replace(full, refine=replace(refine, regressor=None)),
        "without depth to model": replace(full, refine=without_surface),
        "without model to depth": replace(full, refine=without_free_space),
        "surface always in full": replace(full, refine=in_full),
        "without the held shape": replace(full, shape=None),
        "without the filter": replace(full, filter=replace(full.filter, still_hz=0.0)),
    }
    if regressor is not None:
        # The papers' terms that are not used by default are put in, the others left out.
        for name, weight in PAPER_TERMS.items():
            used = getattr(regressor, name) > 0
            change: dict[str, Any] = {name: 0.0 if used else weight}
            title = f"{'without' if used else 'with'} {name}"
            table[title] = replace(full, refine=replace(refine, regressor=replace(regressor, **change)))
    return table


def pair_variants() -> dict[str, TrackerConfig]:
    """The default tracker of two hands, and without what one hand says of the other."""
    full = TrackerConfig(hands=2)
    without_side = replace(full, track=replace(full.track, same_side_share=0.5))
    without_odds = replace(full, scoring=replace(full.scoring, other_hand_log_odds=0.0))
    return {FULL: full, "without the other's side": without_side, "without the other's odds": without_odds}


def measure_sequences(
    kind: str, model: Path | None = None, *, every: int = 1, quick: bool = False, seed: int = 0
) -> dict[str, dict[str, Any]]:
    """All figures of one kind of sequences, by the name of the variant.

    model: weights, the shipped ones when None; every: only each n-th sequence; quick: the default refinement alone;
    seed: added to the sequences' own, for other people, motions and scenes.
    """
    chosen = [
        replace(sequence, config=replace(sequence.config, seed=sequence.config.seed + seed))
        for sequence in bench_sequences()
        if sequence.kind == kind
    ][::every]
    variants = pair_variants() if kind in _PAIRS else refinement_variants()
    if quick or kind not in (*_VARIED_KINDS, *_PAIRS):
        variants = {FULL: variants[FULL]}
    trackers = {name: HandTracker(model, config) for name, config in variants.items()}
    runs: dict[str, list[Run]] = {name: [] for name in trackers}
    for tracker in trackers.values():
        tracker.warm_up()
    for of_sequence in tqdm(run_trackers(trackers, chosen), total=len(chosen), desc=kind, unit="sequence"):
        for run in of_sequence:
            runs[run.variant].append(run)
    common = set.intersection(*(bench_metrics.found_hands(of_one) for of_one in runs.values()))
    return {name: _figures(kind, runs[name], common) for name in trackers}


def _figures(kind: str, runs: Sequence[Run], common: set[bench_metrics.Key]) -> dict[str, Any]:
    """The figures that a kind of sequences is made for."""
    figures: dict[str, Any] = bench_metrics.validity(runs)
    if kind in ("moving", "still", "stereo", *_PAIRS):
        figures |= bench_metrics.accuracy(runs, common)
    if kind == "still":
        figures |= bench_metrics.stillness(runs)
    if kind == "moving":
        figures |= bench_metrics.lag(runs)
        figures[_TIMES] = bench_metrics.stage_times(runs)
    if kind in ("leave_return", "nothing"):
        figures |= bench_metrics.presence(runs)
    if kind in _PAIRS:
        figures |= bench_metrics.labels(runs)
    return figures


def measure_recording(
    recording: RecordedFrames, depth_unit_m: float = DEPTH_UNIT_M, model: Path | None = None
) -> dict[str, float]:
    """How steady a real hand is that is held still: frames, tracked frames and :func:`bench_metrics.held_jitter`."""
    tracker = HandTracker(model)
    tracker.warm_up()
    tracked = []
    for index in range(len(recording)):
        try:
            depth = recording.depth(index, depth_unit_m)
        except RecordingError as error:
            print(f"left out: {error}")
            continue
        result = tracker.update(depth, recording.camera, index / RECORDING_HZ)
        if result.state == TrackState.TRACK:
            tracked.append((result.hands[0], result.raw[0]))
    return {"frames": len(recording), "tracked": len(tracked), **bench_metrics.held_jitter(tracked)}


def markdown_table(title: str, figures: Mapping[str, Mapping[str, Any]]) -> str:
    """The figures of :func:`measure_sequences` as a Markdown table: a column a variant, a row a figure."""
    names = list(figures)
    first = figures[names[0]]
    lines = [f"### {title}", "", "| | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for key in first:
        if key != _TIMES:
            lines.append(f"| {key} | " + " | ".join(_number(figures[name].get(key)) for name in names) + " |")
    for stage, values in first.get(_TIMES, {}).items():
        times = f"{values['p50']:.2f} / {values['p95']:.2f}"
        lines.append(f"| {stage}, ms p50 / p95 | {times} |" + " |" * (len(names) - 1))
    return "\n".join(lines)


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.2f}"
