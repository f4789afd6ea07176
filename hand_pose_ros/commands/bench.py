"""``hand-pose bench``: what refinement brings (``refine``), how gestures are told (``gestures``), hostile input
(``fuzz``), a long run (``soak``), a robot's hand that follows (``retarget``); in bench_speed.py times of frames
(``latency``) and batches (``throughput``), and what backends compute (``parity``).

In, ``refine``: weights (the shipped ones), optionally a folder of real frames of a hand that is held; sequences and
seeds are fixed (synthetic/sequences.py). In, ``gestures``: how many synthetic people, the first one's seed. In,
``fuzz``: a number of messages, a seed. In, ``soak``: minutes, a rate. In, ``retarget``: robots, sides, an engine. Out:
tables or lines on the terminal and, with --output, all figures as JSON. What is driven over DDS needs ROS. Exit status
1: the tracker, or what a robot is sent, did what it must not.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import platform
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.progress import Progress

from hand_pose_ros.commands.arguments import (
    depth_unit,
    intrinsics,
    minutes,
    model_parameter,
    positive_int,
    rate_hz,
    real_number,
    require_all,
    require_outputs,
    seed_int,
)
from hand_pose_ros.commands.bench_speed import (
    add_latency_arguments,
    add_parity_arguments,
    add_throughput_arguments,
    latency,
    parity,
    throughput,
)
from hand_pose_ros.commands.compiled_kernels import compile_missing
from hand_pose_ros.commands.kept_figures import figures_kept
from hand_pose_ros.depth.image import DEPTH_UNIT_M
from hand_pose_ros.evaluation.bench_fuzz import FuzzFigures, fuzz_tracker
from hand_pose_ros.evaluation.bench_gestures import measure
from hand_pose_ros.evaluation.bench_refinement import (
    FULL,
    markdown_table,
    measure_recording,
    measure_sequences,
)
from hand_pose_ros.evaluation.bench_retarget import measure_robot, retarget_lines, still_hand
from hand_pose_ros.files import followed
from hand_pose_ros.hand.skeleton import SIDES
from hand_pose_ros.recording.frame_folder import RecordedFrames
from hand_pose_ros.resources import model_file
from hand_pose_ros.retarget.retargeter import ENGINES, build_retargeter
from hand_pose_ros.retarget.robot_config import read_robot, robot_file
from hand_pose_ros.synthetic.sequences import KINDS
from hand_pose_ros.texts import shown
from hand_pose_ros.tracking.tracker import HandTracker


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``hand-pose bench``."""
    benches = parser.add_subparsers(dest="what", required=True, metavar="BENCH")
    refine = benches.add_parser("refine", help="what refinement brings, term by term")
    fuzz = benches.add_parser("fuzz", help="hostile images, camera infos and stamps")
    soak = benches.add_parser("soak", help="the node at camera rate for a long time: does it grow?")
    gestures = benches.add_parser("gestures", help="pinches and grasps of people who show them by a script")
    retarget = benches.add_parser(
        "retarget", help="a robot's hand that follows a person's: how well, how safely"
    )
    speed = benches.add_parser("latency", help="what a frame takes, stage by stage")
    batches = benches.add_parser("throughput", help="crops a second in batches, and what this core could do")
    add_latency_arguments(speed)
    add_throughput_arguments(batches)
    same = benches.add_parser("parity", help="whether every backend computes what torch does")
    add_parity_arguments(same)
    for bench in (refine, gestures, fuzz, soak, retarget, speed, batches, same):
        bench.add_argument(
            "--model", type=model_file, help="weights: small, or a file (default: the shipped ones)"
        )
        bench.add_argument("--output", "--json", type=Path, help="JSON file for all figures")
    _add_refine_arguments(refine)
    gestures.add_argument("--people", type=positive_int, default=8, help="how many")
    gestures.add_argument("--seed", type=seed_int, default=0, help="the first one's; even: right hands")
    fuzz.add_argument("--messages", type=positive_int, default=10_000, help="hostile ones, for each")
    fuzz.add_argument("--seed", type=seed_int, default=0, help="same seed, same messages")
    fuzz.add_argument(
        "--over",
        choices=("both", "library", "dds"),
        default="both",
        help="HandTracker alone, the node, or both",
    )
    soak.add_argument("--minutes", type=minutes, default=20.0, help="how long")
    soak.add_argument("--rate", type=rate_hz, default=60.0, help="frames a second")
    _add_retarget_arguments(retarget)
    for bench in (fuzz, soak, retarget):
        bench.add_argument("--log", type=Path, help="folder to keep the node's log in")


def _add_refine_arguments(refine: argparse.ArgumentParser) -> None:
    refine.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS), help="which sequences")
    refine.add_argument("--quick", action="store_true", help="the default refinement only, no part left out")
    refine.add_argument(
        "--seed", type=seed_int, default=0, help="added to the sequences' own, for other people and motions"
    )
    refine.add_argument("--every", type=positive_int, default=1, help="only every n-th sequence of a kind")
    refine.add_argument(
        "--real", type=Path, help="folder of 16-bit PNGs of a hand held still, for its jitter"
    )
    refine.add_argument("--intrinsics", type=intrinsics, metavar="FX,FY,CX,CY", help="pixels, of --real")
    refine.add_argument(
        "--depth-unit", type=depth_unit, default=DEPTH_UNIT_M, help="metres per count, of --real"
    )


def _add_retarget_arguments(retarget: argparse.ArgumentParser) -> None:
    retarget.add_argument(
        "--robots",
        nargs="+",
        default=["allegro", "shadow"],
        help="names of config/retarget, or files of YAML",
    )
    retarget.add_argument("--sides", nargs="+", choices=SIDES, default=list(SIDES), help="of the hands")
    retarget.add_argument("--engine", choices=ENGINES, default="auto", help="as the node's parameter")
    retarget.add_argument("--frames", type=positive_int, default=2000, help="images with faults")
    retarget.add_argument("--seed", type=seed_int, default=0, help="same seed, same hands and faults")
    retarget.add_argument("--quick", action="store_true", help="leave out the tracked hand at rest")
    retarget.add_argument(
        "--seconds", type=real_number(0.0, 86_400.0), default=0.0,
        help="how long the first robot is driven over DDS, a node for each side; 0: not at all",
    )  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    """Measure and print -> the exit status."""
    robots = [file for file in map(Path, getattr(arguments, "robots", ())) if file.is_file()]
    require_outputs(arguments.output, read=[arguments.model, *robots])
    log: Path | None = getattr(arguments, "log", None)
    if log is not None and log.exists() and not log.is_dir():
        raise ValueError(f"--log is {shown(log)}, which is no folder, want one for the node's log")
    checks = {
        "refine": _check_refine,
        "fuzz": _check_fuzz,
        "soak": lambda _: _require_ros(),
        "retarget": _check_retarget,
    }
    benches = {
        "refine": _refine,
        "gestures": _gestures,
        "fuzz": _fuzz,
        "soak": _soak,
        "retarget": _retarget,
        "latency": latency,
        "throughput": throughput,
        "parity": parity,
    }
    if arguments.what in checks:
        checks[arguments.what](arguments)
    compile_missing(arguments.model)
    with figures_kept(arguments.output, machine=platform.processor() or platform.machine()) as figures:
        problems = benches[arguments.what](arguments, figures)
    for problem in problems:
        print(f"not as it must be: {problem}", file=sys.stderr)
    return int(bool(problems))


def _require_ros() -> None:
    """ModuleNotFoundError where it is not there."""
    importlib.import_module("rclpy")


def _check_refine(arguments: argparse.Namespace) -> None:
    require_all(
        (not arguments.real or bool(arguments.intrinsics), "--real wants --intrinsics"),
        (not arguments.intrinsics or bool(arguments.real), "--intrinsics goes with --real"),
    )
    if arguments.real:
        arguments.recording = RecordedFrames.open(arguments.real, arguments.intrinsics)


def _refine(arguments: argparse.Namespace, figures: dict[str, Any]) -> list[str]:
    for kind in arguments.kinds:
        figures[kind] = measure_sequences(
            kind, arguments.model, every=arguments.every, quick=arguments.quick, seed=arguments.seed
        )
        print(f"\n{markdown_table(kind, figures[kind])}")
    if arguments.real:
        figures["real"] = measure_recording(arguments.recording, arguments.depth_unit, arguments.model)
        print(f"\n{markdown_table('real', {FULL: figures['real']})}")
    return []


def _gestures(arguments: argparse.Namespace, figures: dict[str, Any]) -> list[str]:
    with Progress(transient=True) as progress:
        task = progress.add_task("people", total=arguments.people)
        found = measure(
            arguments.people,
            lambda: HandTracker(arguments.model),
            lambda number: progress.update(task, completed=number + 1),
            arguments.seed,
        )
    print("\n".join(found.lines()))
    figures |= found.as_json()
    return []


def _check_fuzz(arguments: argparse.Namespace) -> None:
    node = arguments.over != "library"
    require_all((node or arguments.log is None, "--log is of the node, want --over both or dds with it"))
    if node:
        _require_ros()


def _fuzz(arguments: argparse.Namespace, figures: dict[str, Any]) -> list[str]:
    node = arguments.over != "library"
    if node:
        from hand_pose_ros.nodes.bench.fuzz import fuzz_node  # needs ROS
    count, seed = arguments.messages, arguments.seed
    found: dict[str, FuzzFigures] = {}
    with tempfile.TemporaryDirectory() as scratch, Progress(transient=True) as progress:
        folder = _log_folder(arguments, scratch)
        if arguments.over != "dds":
            task = progress.add_task("library", total=count)
            found["library"] = fuzz_tracker(
                count, seed, arguments.model, lambda done: progress.update(task, completed=done)
            )
            figures["library"] = dataclasses.asdict(found["library"])
        if node:
            task = progress.add_task("DDS", total=count)
            found["dds"] = fuzz_node(
                count,
                seed,
                folder,
                model_parameter(arguments.model),
                lambda done: progress.update(task, completed=done),
            )
            figures["dds"] = dataclasses.asdict(found["dds"])
    problems = []
    for name, of_one in found.items():
        print(
            f"{name}: {of_one.frames} messages, {of_one.answered} answered, {of_one.hands} hands; "
            f"{of_one.deaths} deaths, {of_one.impossible} impossible hands, {of_one.tracebacks} tracebacks; "
            f"good frames after a reset differ by {of_one.difference_mm:.4f} mm"
        )
        for note in of_one.notes:
            print(f"  {note}")
        problems += [f"{name}: {problem}" for problem in of_one.problems]
    return problems


def _soak(arguments: argparse.Namespace, figures: dict[str, Any]) -> list[str]:
    from hand_pose_ros.nodes.bench.soak import soak_node  # needs ROS

    with tempfile.TemporaryDirectory() as scratch, Progress(transient=True) as progress:
        task = progress.add_task("minutes", total=arguments.minutes)
        found = soak_node(
            arguments.minutes,
            arguments.rate,
            _log_folder(arguments, scratch),
            model_parameter(arguments.model),
            lambda done: progress.update(task, completed=done),
        )
    print(
        f"{found.minutes:.1f} minutes at {found.rate_hz:g} Hz: {found.frames} frames sent, "
        f"{found.answered} answered, {found.hands} hands"
    )
    if found.growth is not None:
        held = found.growth
        print(
            f"from {found.settled_s:.0f} s on: {held.resident_mb:.0f} MB, grew by {held.resident_percent:+.2f} %; "
            f"threads {held.threads[0]} to {held.threads[1]}, files {held.files[0]} to {held.files[1]}"
        )
    figures |= dataclasses.asdict(found)
    return found.problems


def _check_retarget(arguments: argparse.Namespace) -> None:
    driven_too = arguments.seconds > 0.0
    require_all((driven_too or arguments.log is None, "--log is of the nodes, want --seconds with it"))
    if driven_too:
        _require_ros()
    for robot in arguments.robots:
        for side in arguments.sides:
            build_retargeter(read_robot(robot_file(robot, side)), arguments.engine, side)


def _retarget(arguments: argparse.Namespace, figures: dict[str, Any]) -> list[str]:
    driven_too = arguments.seconds > 0.0
    if driven_too:
        from hand_pose_ros.nodes.bench.retarget_client import drive_nodes  # needs ROS
    robots = list(dict.fromkeys(arguments.robots))
    stems = [Path(robot).stem for robot in robots]
    names = {
        robot: stem if stems.count(stem) == 1 else robot for robot, stem in zip(robots, stems, strict=True)
    }
    still = [] if arguments.quick else still_hand(arguments.model)
    problems: list[str] = []
    for robot in robots:
        for side in arguments.sides:
            found = measure_robot(robot, side, arguments.engine, arguments.frames, arguments.seed, still)
            figures[f"{names[robot]} {side}"] = dataclasses.asdict(found)
            problems += found.problems
            print("\n".join(retarget_lines(found)))
    if driven_too:
        with tempfile.TemporaryDirectory() as scratch:
            folder = _log_folder(arguments, scratch)
            driven = drive_nodes(
                arguments.robots[0], arguments.sides, arguments.engine, arguments.seconds, folder
            )
        figures["dds"] = dataclasses.asdict(driven)
        problems += driven.problems
        print("\n".join(driven.lines()))
    return problems


def _log_folder(arguments: argparse.Namespace, scratch: str) -> Path:
    folder: Path = arguments.log or Path(scratch)
    folder.mkdir(parents=True, exist_ok=True)
    return followed(folder)
