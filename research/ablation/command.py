"""``python -m research.ablation``: the papers' tables, trained row by row under one budget, and the page of them.

In: command-line arguments. Out: the runs' files in a folder, a Markdown page and its figures.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import shlex
import signal
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from hand_pose_ros.commands.arguments import minutes, positive_int, require_outputs, seed_int, whole_number
from hand_pose_ros.files import write_json
from research.ablation.config import ROWS, TABLES, AblationConfig, Row, find_rows, load_ablation
from research.ablation.report import INVOCATIONS, write_report
from research.ablation.runs import missing_rows, train_rows

PROGRAM = "python -m research.ablation"
DEFAULT_CONFIG = Path(__file__).resolve().parents[1] / "recipes" / "ablation.yaml"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``python -m research.ablation``."""
    names = ", ".join([*TABLES, *(row.name for row in ROWS)])
    parser.add_argument("--config", type=Path, help="YAML file (default: research/recipes/ablation.yaml)")
    parser.add_argument("--output", type=Path, default=Path("runs/ablation"), help="folder of the runs")
    parser.add_argument("--rows", nargs="+", metavar="ROW", help=f"only these tables or rows: {names}")
    parser.add_argument("--seeds", nargs="+", type=seed_int, metavar="N", help="instead of the file's")
    parser.add_argument("--samples", type=positive_int, help="budget of every run, instead of the file's")
    parser.add_argument("--device", help="auto, cpu or cuda, instead of the files'")
    parser.add_argument(
        "--jobs", type=whole_number(1, 1024), default=1, help="processes, of one thread each on a CPU"
    )
    parser.add_argument("--minutes", type=minutes, help="stop after so long; the same command goes on")
    parser.add_argument("--report", action="store_true", help="train nothing, only write the results")
    parser.add_argument(
        "--results", type=Path, default=Path("docs/experiments/paper_tables.md"), help="file to write"
    )


def run(arguments: argparse.Namespace) -> None:
    """Train what is not there yet, then write the results."""
    ablation = configured(arguments)
    require_outputs(arguments.results)  # before the training, not after it
    rows = ROWS if arguments.rows is None else find_rows(arguments.rows)
    if not arguments.report:
        work = [
            (missing, seed)
            for seed in ablation.seeds
            for table in TABLES
            if (
                missing := missing_rows(
                    ablation, [r for r in rows if r.table == table], seed, arguments.output
                )
            )
        ]
        deadline = None if arguments.minutes is None else time.time() + 60 * arguments.minutes
        if work:
            arguments.output.mkdir(parents=True, exist_ok=True)
            with _recorded(arguments):
                _train(ablation, work, arguments.output, deadline, arguments.jobs)
    write_report(ablation, arguments.output, arguments.results)
    print(f"results: {arguments.results}")


def configured(arguments: argparse.Namespace) -> AblationConfig:
    """The file's configuration with the command line's overrides."""
    path = arguments.config or DEFAULT_CONFIG
    ablation = load_ablation(path)
    changes = {key: getattr(arguments, key) for key in ("samples", "seeds")}
    ablation = replace(ablation, **{key: value for key, value in changes.items() if value is not None})
    if arguments.samples is not None:
        ablation = replace(
            ablation, deepmodel=_without_samples(ablation.deepmodel), sdnet=_without_samples(ablation.sdnet)
        )
    if arguments.device is not None:
        ablation = replace(ablation, common={**ablation.common, "device": arguments.device})
    ablation.training(ROWS[0], ablation.seeds[0])
    return ablation


def _without_samples(changes: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in changes.items() if key != "samples"}


def _train(
    ablation: AblationConfig,
    work: list[tuple[list[Row], int]],
    output: Path,
    deadline: float | None,
    jobs: int,
) -> None:
    """Train the groups of rows, ``jobs`` at a time. An interrupt stops all of them, with their states kept."""
    if jobs == 1:
        for rows, seed in work:
            train_rows(ablation, rows, seed, output, deadline)
        return
    # A fresh interpreter each: forked ones would inherit torch's and numba's thread pools.
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    with ProcessPoolExecutor(jobs, context, _start_worker, (stop,)) as pool:
        pending: list[Future[bool]] = [
            pool.submit(_work, ablation, rows, seed, output, deadline) for rows, seed in work
        ]
        try:
            for future in as_completed(pending):
                future.result()
        except BaseException:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise


_stop: Event | None = None


def _start_worker(stop: Event) -> None:
    # The parent takes the interrupt and sets the event: a worker never stops in the middle of a file.
    global _stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _stop = stop


def _work(ablation: AblationConfig, rows: list[Row], seed: int, output: Path, deadline: float | None) -> bool:
    return train_rows(ablation, rows, seed, output, deadline, asked_to_stop=_stop.is_set if _stop else None)


@contextmanager
def _recorded(arguments: argparse.Namespace) -> Iterator[None]:
    """Keep, beside the runs, which command trained them and for how long; a request to end counts as an interrupt."""
    path = arguments.output / INVOCATIONS
    began = time.monotonic()
    # Asked to end, as when interrupted: states and record are kept. In the background shells ignore interrupts.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        # Read now, not before: another command may have trained other rows meanwhile.
        earlier = json.loads(path.read_text(encoding="utf-8"))["invocations"] if path.exists() else []
        entry = {"command": command_line(arguments), "minutes": (time.monotonic() - began) / 60}
        write_json(path, {"invocations": [*earlier, entry]})


def command_line(arguments: argparse.Namespace) -> str:
    """The command that these arguments were given to, as one would type it."""
    words = PROGRAM.split()
    for key in ("config", "output", "rows", "seeds", "samples", "device", "jobs", "minutes"):
        value = getattr(arguments, key)
        if value is not None:
            values = value if isinstance(value, list) else [value]
            words += [f"--{key}", *(f"{v:g}" if isinstance(v, float) else str(v) for v in values)]
    return shlex.join(words)
