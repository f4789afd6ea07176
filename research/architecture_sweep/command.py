"""``python -m research.architecture_sweep``: designs of the network, trained at one budget, and their page in docs.

In: command-line arguments. Out: the runs' files in a folder, a table in a Markdown page.
"""

from __future__ import annotations

import argparse
import shlex
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from hand_pose_ros.commands.arguments import minutes, positive_int, require_outputs
from hand_pose_ros.commands.interrupts import stop_requests
from research.architecture_sweep.config import SweepConfig, load_sweep
from research.architecture_sweep.report import collect, split_at_table, write_report
from research.architecture_sweep.runs import finished_result, time_again, train_design

PROGRAM = "python -m research.architecture_sweep"
DEFAULT_CONFIG = Path(__file__).resolve().parents[1] / "recipes" / "architecture_sweep.yaml"
_OUTPUT = Path("runs/architecture_sweep")
_RESULTS = Path("docs/experiments/architecture_sweep.md")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``python -m research.architecture_sweep``."""
    parser.add_argument(
        "--config", type=Path, help="YAML file (default: research/recipes/architecture_sweep.yaml)"
    )
    parser.add_argument(
        "--output", type=Path, default=_OUTPUT, help=f"folder of the runs (default: {_OUTPUT})"
    )
    parser.add_argument(
        "--designs", nargs="+", metavar="NAME", help="train only these; all that are finished are reported"
    )
    parser.add_argument(
        "--threads", type=positive_int, help="CPU threads of the training, instead of the file's"
    )
    parser.add_argument("--minutes", type=minutes, help="stop after so long; the same command goes on")
    parser.add_argument(
        "--times",
        action="store_true",
        help="take the times of all finished designs anew, in one go: for a machine that was busy before",
    )
    parser.add_argument("--report", action="store_true", help="train nothing, only write the results")
    parser.add_argument("--results", type=Path, default=_RESULTS, help=f"file to write (default: {_RESULTS})")


def run(arguments: argparse.Namespace) -> None:
    """Train what is not there yet, then write the results."""
    sweep = configured(arguments)
    split_at_table(arguments.results)  # wrong markers are reported before the training, not after
    require_outputs(arguments.results)
    interrupted = False
    if not arguments.report:
        interrupted = _train(sweep, arguments)
    if arguments.times:
        for design in sweep.designs:
            for seed in sweep.seeds:
                time_again(sweep, design, seed, arguments.output)
    if arguments.report or collect(sweep, arguments.output):
        write_report(sweep, arguments.output, arguments.results, command_line(arguments))
        print(f"results: {arguments.results}")
    else:
        print("no design is finished yet: the same command goes on")
    if interrupted:
        raise KeyboardInterrupt


def configured(arguments: argparse.Namespace) -> SweepConfig:
    """The file's configuration with the command line's overrides."""
    sweep = load_sweep(arguments.config or DEFAULT_CONFIG)
    if arguments.threads is not None:
        sweep = replace(sweep, base={**sweep.base, "threads": arguments.threads})
    sweep.find(arguments.designs or [])
    return sweep


def _train(sweep: SweepConfig, arguments: argparse.Namespace) -> bool:
    """Train one design after the other until all are finished or it is time to stop; True when interrupted."""
    wanted = sweep.designs if arguments.designs is None else sweep.find(arguments.designs)
    work = [(design, seed) for seed in sweep.seeds for design in wanted]
    for design, seed in work:
        finished_result(sweep, design, seed, arguments.output)  # other settings are reported beforehand
    deadline = None if arguments.minutes is None else time.monotonic() + 60 * arguments.minutes
    with stop_requests() as asked:
        for design, seed in work:
            if not train_design(sweep, design, seed, arguments.output, _stop(asked, deadline)):
                break
        return asked()


def _stop(asked: Callable[[], bool], deadline: float | None) -> Callable[[], bool]:
    return lambda: asked() or (deadline is not None and time.monotonic() >= deadline)


def command_line(arguments: argparse.Namespace) -> str:
    """The command that makes the results, as one would type it."""
    words = PROGRAM.split()
    usual = {"output": _OUTPUT, "results": _RESULTS}
    for key in ("config", "output", "threads", "results"):
        value = getattr(arguments, key)
        if value is not None and value != usual.get(key):
            words += [f"--{key}", str(value)]
    return shlex.join(words)
