"""``hand-pose bench refine``: what refinement brings, on synthetic sequences with known truth, term by term.

In: weights (the shipped ones), optionally a folder of real frames of a hand that is held. Out: tables on the terminal
(Markdown) and, with --output, all figures as JSON. Sequences and seeds are fixed (synthetic/sequences.py).
"""

from __future__ import annotations

import argparse
import platform
from pathlib import Path
from typing import Any

from hand_pose_ros.commands.arguments import depth_unit, intrinsics, positive_int, require_outputs
from hand_pose_ros.evaluation.bench_refinement import (
    FULL,
    markdown_table,
    measure_recording,
    measure_sequences,
)
from hand_pose_ros.files import write_json
from hand_pose_ros.recording.frame_folder import RecordedFrames
from hand_pose_ros.synthetic.sequences import KINDS

BENCHES: tuple[str, ...] = ("refine",)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``hand-pose bench``."""
    parser.add_argument("what", choices=BENCHES)
    parser.add_argument("--model", type=Path, help="weights (default: the shipped ones)")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS), help="which sequences")
    parser.add_argument("--quick", action="store_true", help="the default refinement only, no part left out")
    parser.add_argument("--every", type=positive_int, default=1, help="only every n-th sequence of a kind")
    parser.add_argument(
        "--real", type=Path, help="folder of 16-bit PNGs of a hand held still, for its jitter"
    )
    parser.add_argument("--intrinsics", type=intrinsics, metavar="FX,FY,CX,CY", help="pixels, of --real")
    parser.add_argument("--depth-unit", type=depth_unit, default=0.001, help="metres per count, of --real")
    parser.add_argument("--output", type=Path, help="JSON file for all figures")


def run(arguments: argparse.Namespace) -> None:
    """Measure and print."""
    if arguments.real and not arguments.intrinsics:
        raise ValueError("--real wants --intrinsics")
    require_outputs(arguments.output)
    figures: dict[str, Any] = {"machine": platform.processor() or platform.machine()}
    for kind in arguments.kinds:
        figures[kind] = measure_sequences(kind, arguments.model, every=arguments.every, quick=arguments.quick)
        print(f"\n{markdown_table(kind, figures[kind])}")
    if arguments.real:
        recording = RecordedFrames.open(arguments.real, arguments.intrinsics)
        figures["real"] = measure_recording(recording, arguments.depth_unit, arguments.model)
        print(f"\n{markdown_table('real', {FULL: figures['real']})}")
    if arguments.output:
        write_json(arguments.output, figures)
