"""``hand-pose bench latency``, ``throughput`` and ``parity``: what the tracker takes for a frame and for a batch of
crops, and whether a backend computes what torch computes.

In: scenes, sizes, a number of frames. Out: tables on the terminal, the figures as plain values. ``--ros`` measures the
node, too (needs ROS); ``--against mediapipe`` measures MediaPipe Hands in alternating blocks.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.progress import Progress

from hand_pose_ros.commands.arguments import model_parameter, positive_int, require_all, seed_int
from hand_pose_ros.evaluation.bench_latency import Latency, conditions, rows_of, warm_tracker
from hand_pose_ros.evaluation.bench_mediapipe import Comparison, compare, python_of
from hand_pose_ros.evaluation.bench_throughput import fastest_of_one_core, measure_bound, measure_throughput
from hand_pose_ros.evaluation.detector_parity import measure_detector_parity
from hand_pose_ros.evaluation.latency_scenes import SCENES, SIZES, LatencyScene
from hand_pose_ros.evaluation.parity import measure_parity, parity_crops
from hand_pose_ros.evaluation.refinement_parity import RefinementParity, compare_refiners, refine_requests
from hand_pose_ros.network.backend import BACKENDS, DEVICES, PRECISIONS
from hand_pose_ros.network.weights_file import read_info
from hand_pose_ros.refine.refiner import RefineConfig, Refiner, open_refiner
from hand_pose_ros.resources import model_file
from hand_pose_ros.tracking.config import TrackerConfig
from hand_pose_ros.tracking.pose_inference import PoseEstimator

# Chosen: what depth cameras send at.
_RATES_HZ = (30.0, 60.0, 90.0)


def add_latency_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``bench latency``."""
    _add_running(parser)
    parser.add_argument("--frames", type=positive_int, default=1000, help="of each row, after a warm-up")
    parser.add_argument(
        "--pictures", type=positive_int, default=60, help="rendered frames, played to and fro"
    )
    parser.add_argument("--scenes", nargs="+", choices=SCENES, default=list(SCENES), help="what is in view")
    parser.add_argument("--sizes", nargs="+", choices=tuple(SIZES), help="of the images (default: all)")
    parser.add_argument("--ros", action="store_true", help="the node, too, at 30, 60 and 90 Hz (needs ROS)")
    parser.add_argument("--against", choices=("mediapipe",), help="the same scenes by MediaPipe Hands")
    parser.add_argument(
        "--mediapipe-python", metavar="PATH", help="Python of an environment with mediapipe==0.10.21"
    )


def add_throughput_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``bench throughput``."""
    _add_running(parser)
    parser.add_argument(
        "--batches", nargs="+", type=positive_int, default=[1, 2, 8, 64], help="crops at once"
    )


def add_parity_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``bench parity``."""
    parser.add_argument("--crops", type=positive_int, default=1000, help="of free hands, by every sensor")
    parser.add_argument("--pictures", type=positive_int, default=400, help="for the detector")
    parser.add_argument("--seed", type=seed_int, default=0, help="of the hands")
    parser.add_argument(
        "--backends",
        nargs="+",
        choices=BACKENDS[1:],
        help="which (default: all that are installed)",
    )
    parser.add_argument(
        "--device",
        choices=DEVICES[1:],
        default="cpu",
        help="cuda: torch there, in every precision, and the refinement",
    )
    parser.add_argument(
        "--precision", choices=PRECISIONS, default="auto", help="on the CPU; bfloat16: of those that have it"
    )
    parser.add_argument(
        "--frames", type=positive_int, default=60, help="of one hand and of two, for the refinement on cuda"
    )


def _add_running(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--backend", choices=BACKENDS, default="auto", help="what runs the networks")
    parser.add_argument("--device", choices=DEVICES, default="auto", help="where")
    parser.add_argument("--precision", choices=PRECISIONS, default="auto", help="of the convolutions")
    parser.add_argument("--threads", type=positive_int, default=1, help="of the CPU")


def latency(arguments: argparse.Namespace, figures: dict[str, Any]) -> list[str]:
    """Measure, print and put into ``figures``, row by row -> problems."""
    against = arguments.against is not None
    require_all(
        (
            not against or arguments.mediapipe_python is not None,
            "--against mediapipe wants --mediapipe-python: an environment with mediapipe==0.10.21",
        ),
        (against or arguments.mediapipe_python is None, "--mediapipe-python goes with --against mediapipe"),
        (
            not against or arguments.ros or arguments.sizes in (None, [LatencyScene.size]),
            f"--against mediapipe compares at {LatencyScene.size}, want no other --sizes with it",
        ),
    )
    arguments.sizes = arguments.sizes or list(SIZES)
    python = python_of(arguments.mediapipe_python) if against else None
    config, model = _config(arguments), str(model_file(arguments.model))
    figures["conditions"] = _print_conditions(config, model)
    problems: list[str] = []
    if python is not None:
        compared: list[dict[str, Any]] = []
        figures["against_mediapipe"] = compared
        for name in arguments.scenes:
            scene = LatencyScene(name, frames=arguments.pictures)
            of_scene = dataclasses.replace(config, hands=max(scene.hands, config.hands))
            row = compare(python, scene, of_scene, model, arguments.frames)
            compared.append(dataclasses.asdict(row))
            _print_comparison(row)
            problems += [f"{name}: {row.problem}"] if row.problem else []
    elif not arguments.ros:
        print(f"{'ms':15} {'size':9}   {'p5':>6} {'p50':>6} {'p95':>6}   found   p50 of the stages")
        rows: list[dict[str, Any]] = []
        figures["rows"] = rows

        def keep(row: Latency) -> None:
            _print_row(row)
            rows.append(row.to_dict())

        rows_of(config, model, arguments.frames, arguments.scenes, arguments.sizes, arguments.pictures, keep)
    if arguments.ros:
        figures["node"] = []
        _node(arguments, figures["node"])
    return problems


def throughput(arguments: argparse.Namespace, figures: dict[str, Any]) -> list[str]:
    """Measure, print and put into ``figures`` -> no problems."""
    config, weights = _config(arguments), model_file(arguments.model)
    figures["conditions"] = _print_conditions(config, str(weights))
    rows = measure_throughput(weights, config, arguments.batches)
    for row in rows:
        low, high = row.spread
        print(
            f"batch {row.batch:3}: {row.crops_a_second:7.1f} crops/s ({low:.1f} to {high:.1f}), {row.backend}"
        )
    bound = measure_bound(weights, fastest_of_one_core(rows, config.threads))
    print(
        f"bound: {bound.operations * 1e-9:.3f} GFLOP a crop, {bound.peak_a_second * 1e-9:.1f} GFLOP/s measured of one"
        f" core in float32: {bound.bound_ms:.2f} ms"
    )
    figures["rows"] = [dataclasses.asdict(row) for row in rows]
    figures["bound"] = dataclasses.asdict(bound) | {"bound_ms": bound.bound_ms}
    return []


def parity(arguments: argparse.Namespace, figures: dict[str, Any]) -> list[str]:
    """Measure, print and put into ``figures`` -> which backends do not agree with torch."""
    weights = model_file(arguments.model)
    network = read_info(weights).network
    if arguments.device == "cuda":
        configs = [TrackerConfig(device="cuda", precision=precision) for precision in PRECISIONS[1:]]
    else:
        configs = _installed(weights, arguments.backends, arguments.precision)
    with Progress(transient=True) as progress:
        task = progress.add_task("crops", total=arguments.crops)
        shown = parity_crops(
            arguments.crops, network.crop_size, network.cube_m, arguments.seed,
            lambda done: progress.update(task, completed=done),
        )  # fmt: skip
    rows = measure_parity(weights, configs, *shown)
    for row in rows:
        median, most, worst = row.joint_mm
        print(
            f"{row.backend} in {row.precision}, {row.crops} crops: mean error {row.mean_change_mm:+.5f} mm, joints move"
            f" by {median:.5f} (median), {most:.5f} (99.9 %), {worst:.5f} mm (most) {row.problem}"
        )
    problems = [f"{row.backend} in {row.precision}: {row.problem}" for row in rows if row.problem]
    figures["rows"] = [dataclasses.asdict(row) for row in rows]
    others = [config.backend for config in configs if config.backend not in ("torch", "auto")]
    detectors = measure_detector_parity(list(dict.fromkeys(others)), arguments.pictures, arguments.seed)
    for seen in detectors:
        print(
            f"{seen.backend}, the detector in float32, {seen.pictures} pictures with {seen.hands} hands: middles move"
            f" by {seen.middle_mm:.5f} mm (most), scores by {seen.score:.6f} {seen.problem}"
        )
    problems += [f"{seen.backend}, the detector: {seen.problem}" for seen in detectors if seen.problem]
    figures["detector"] = [dataclasses.asdict(seen) for seen in detectors]
    if arguments.device == "cuda":
        refined = _refinement(weights, network.crop_size, arguments.frames)
        figures["refinement"] = dataclasses.asdict(refined)
        problems += [f"refinement: {refined.problem}"] if refined.problem else []
    return problems


def _refinement(weights: Path, crop_size: int, frames: int) -> RefinementParity:
    """The refinement on the GPU against that on the CPU, printed."""
    config = RefineConfig()
    row = compare_refiners(
        Refiner(config), open_refiner(config, "cuda", crop_size), refine_requests(weights, frames)
    )
    median, most, worst = row.joint_mm
    print(
        f"refinement, {row.hands} hands: joints move by {median:.7f} (median), {most:.7f} (99.9 %), {worst:.7f} mm"
        f" (most), angles by up to {row.angle_rad:.2g} rad {row.problem}"
    )
    for hands, (cpu_ms, gpu_ms) in row.milliseconds.items():
        print(f"refinement, {hands} at once: p50 {cpu_ms:.3f} ms on the CPU, {gpu_ms:.3f} on the GPU")
    return row


def _installed(weights: Path, backends: Sequence[str] | None, precision: str) -> list[TrackerConfig]:
    """One for each of these backends in this precision, ValueError where one is not there; None: all that there are,
    the others are told."""
    configs = []
    for name in backends or BACKENDS[1:]:
        try:
            config = TrackerConfig(backend=name, device="cpu", precision=precision)
            PoseEstimator(weights, config)
        except ValueError as error:
            if backends:
                raise
            print(f"left out: {error}")
            continue
        configs.append(config)
    return configs


def _config(arguments: argparse.Namespace) -> TrackerConfig:
    return TrackerConfig(
        backend=arguments.backend, device=arguments.device, precision=arguments.precision, threads=arguments.threads
    )  # fmt: skip


def _print_conditions(config: TrackerConfig, model: str) -> dict[str, Any]:
    found = conditions(warm_tracker(config, model))
    load = ", ".join(f"{value:.1f}" for value in found["load"])
    print(
        f"{found['processor']}, {found['cores']} cores, {found['threads']} threads, device {found['device']}, "
        f"{found['backend']} in {found['precision']}, model {found['model']}, load {load}"
    )
    return found


def _print_row(row: Latency) -> None:
    total = row.total_ms
    stages = ", ".join(f"{name} {of['p50']:.2f}" for name, of in row.stages_ms.items() if of["p95"] > 0.0)
    print(
        f"{row.name:15} {row.size:9}   {total['p5']:6.2f} {total['p50']:6.2f} {total['p95']:6.2f}   "
        f"{100 * row.found:4.0f} %   {stages}",
        flush=True,
    )


def _print_comparison(row: Comparison) -> None:
    (p50, low, high), (mean, least, most) = row.ratios["p50"], row.ratios["mean"]
    print(
        f"{row.scene:10} p50 {row.ours_ms['p50']:6.2f} / {row.theirs_ms['p50']:6.2f} ms = {p50:.2f} ({low:.2f} to"
        f" {high:.2f} by block), p95 {row.ratios['p95'][0]:.2f}, mean {mean:.2f} ({least:.2f} to {most:.2f}), found "
        f"{100 * row.found[0]:.0f} / {100 * row.found[1]:.0f} %",
        flush=True,
    )


def _node(arguments: argparse.Namespace, rows: list[dict[str, Any]]) -> None:
    """Measure the node, print and append to ``rows``."""
    from hand_pose_ros.nodes.bench.latency import measure_node  # needs ROS

    model = model_parameter(arguments.model)
    parameters = {
        "model": model, "backend": arguments.backend, "device": arguments.device, "precision": arguments.precision,
        "threads": arguments.threads,
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        for size in arguments.sizes:
            scene = LatencyScene("hand", size, arguments.pictures)
            for rate_hz in _RATES_HZ:
                row = measure_node(scene, rate_hz, arguments.frames, Path(folder), parameters)
                rows.append(dataclasses.asdict(row))
                age = row.age_ms
                print(
                    f"node {size} at {rate_hz:g} Hz: {row.answered} of {row.sent} answered, age p5/p50/p95 "
                    f"{age['p5']:.1f}/{age['p50']:.1f}/{age['p95']:.1f} ms, {100 * row.core_share:.1f} % of a core",
                    flush=True,
                )
