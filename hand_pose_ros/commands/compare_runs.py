"""``hand-pose compare-runs``: two replays of one recording, with other settings or weights.

In: two folders that ``hand-pose replay`` wrote. Out: a table, the frames where they disagree most, and JSON on request.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.table import Table

from hand_pose_ros.commands.arguments import count_int, require_outputs, wide_console
from hand_pose_ros.evaluation.run_comparison import RunComparison, compare_runs
from hand_pose_ros.files import write_json
from hand_pose_ros.recording.hand_table import hands_file, read_hand_table

# Columns of a terminal. Chosen by hand.
_TABLE_WIDTH = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``hand-pose compare-runs``."""
    parser.add_argument("a", type=Path, metavar="A", help="folder of a replay, or its hands.npz")
    parser.add_argument("b", type=Path, metavar="B", help="another replay of the same recording")
    parser.add_argument("--worst", type=count_int, default=10, help="frames to name (default 10)")
    parser.add_argument("--joints", action="store_true", help="print the disagreement of each joint too")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure here")


def run(arguments: argparse.Namespace) -> int:
    """Compare and print; ValueError and OSError carry one line for the user."""
    require_outputs(arguments.json, read=[hands_file(run) for run in (arguments.a, arguments.b)])
    compared = compare_runs(read_hand_table(arguments.a), read_hand_table(arguments.b), arguments.worst)
    console = wide_console(_TABLE_WIDTH)
    console.print(_table(arguments, compared))
    if arguments.joints and compared.joint_mm:
        joints = Table("joint", "apart, mm")
        for name, value in compared.joint_mm.items():
            joints.add_row(name, f"{value:.2f}")
        console.print(joints)
    for line in _worst_lines(compared):
        console.print(line, highlight=False)
    if arguments.json is not None:
        write_json(arguments.json, compared.as_dict())
    return 0


def _table(arguments: argparse.Namespace, compared: RunComparison) -> Table:
    a, b = compared.a, compared.b
    how = "" if compared.by == "stamp" else " by picture, for their stamps differ"
    title = f"A {arguments.a}, B {arguments.b}: {compared.frames} common frames{how}"
    table = Table("", "A", "B", title=title)
    if any(compared.only):
        table.add_row("frames that the other has not", *map(str, compared.only))
    table.add_row("frames with a hand", f"{100 * a.found:.1f} %", f"{100 * b.found:.1f} %")
    table.add_row("hands", str(a.hands), str(b.hands))
    table.add_row("hands that the other has not", str(compared.only_a), str(compared.only_b))
    table.add_row("tracks", str(a.tracks), str(b.tracks))
    table.add_row("jitter, mm", _figure(a.jitter_mm), _figure(b.jitter_mm))
    table.add_row("tracker, ms a frame", f"{a.wall_ms:.1f}", f"{b.wall_ms:.1f}")
    if a.truth_mm is not None or b.truth_mm is not None:
        table.add_row("error against known hands, mm", _figure(a.truth_mm), _figure(b.truth_mm))
    table.add_row("joints apart, mm", "", _figure(compared.apart_mm))
    table.add_row("behind the other, ms", "", _figure(compared.lag_ms, 1))
    return table


def _worst_lines(compared: RunComparison) -> list[str]:
    lines = []
    for worst in compared.worst:
        apart = worst["apart_mm"]
        what = "only one of them has it" if apart is None else f"{apart:.1f} mm apart"
        lines.append(f"frame {worst['frame']} ({worst['name']}), {worst['side']} hand: {what}")
    return lines


def _figure(value: float | None, digits: int = 2) -> str:
    return "-" if value is None else f"{round(value, digits) + 0.0:.{digits}f}"  # no minus before a zero
