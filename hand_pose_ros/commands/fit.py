"""``hand-pose fit``: the hand model fitted to annotated joints, or to random hands that it should recover.

In: a benchmark's annotation file (a line a frame; u, v in px, depth in mm), or a number of random hands. Out: a table
of residuals a sequence; on request the parameters as .npz (plain arrays, see :func:`save_fits`) and the figures as
JSON.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from tqdm import tqdm

from hand_pose_ros.datasets.benchmarks import BENCHMARKS, Benchmark
from hand_pose_ros.evaluation.published import read_predictions
from hand_pose_ros.evaluation.self_test import SelfTest, run_self_test
from hand_pose_ros.files import replaced, write_json
from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.fitting import SHAPE_MODES, SIDE_CHOICES, FitConfig, HandFit, fit_hands
from hand_pose_ros.hand.least_squares import GEOMETRIES

DATASETS: tuple[str, ...] = tuple(BENCHMARKS)
_RECOVERED_SHARE = 0.99
_FOLLOWS_DATASET = "dataset"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``hand-pose fit``."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--groundtruth", type=Path, metavar="FILE", help="annotations: u, v, mm, a line a frame"
    )
    what.add_argument("--self-test", type=int, metavar="N", help="recover N random valid hands instead")
    parser.add_argument("--dataset", choices=DATASETS, help="of --groundtruth")
    parser.add_argument(
        "--sequences", metavar="N,N,...", help="frames of each sequence (default: the benchmark's own)"
    )
    parser.add_argument(
        "--shape",
        choices=SHAPE_MODES,
        default="sequence",
        help="one hand a sequence or a frame, or the template",
    )
    parser.add_argument(
        "--geometry", choices=GEOMETRIES[1:], default="scales",
        help="of a sequence's hand: 9 scale factors, or every bone and the palm's outline",
    )  # fmt: skip
    parser.add_argument(
        "--side", choices=(_FOLLOWS_DATASET, *SIDE_CHOICES), default=_FOLLOWS_DATASET,
        help="which hand; auto: the one that fits better",
    )  # fmt: skip
    parser.add_argument(
        "--noise-mm", type=float, default=0.0, help="of --self-test: spread of each coordinate"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument(
        "--output", type=Path, metavar="FILE.npz", help="write parameters, shapes and joints here"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the table's figures here")


def run(arguments: argparse.Namespace) -> int:
    """Fit, print and write. ValueError and OSError carry one line for the user; 1 when a self-test recovers
    fewer than 99 %."""
    _check(arguments)
    console = Console()
    # A pipe has no width of its own; a table cut off there would lose its figures.
    wide = console if console.is_terminal else Console(width=160)
    if arguments.self_test is not None:
        return _self_test(arguments, wide)

    benchmark = BENCHMARKS[arguments.dataset]
    joints = read_predictions(arguments.groundtruth, benchmark)
    sequences = sequence_slices(arguments.sequences, benchmark, len(joints))
    config = FitConfig(
        side=benchmark.side if arguments.side == _FOLLOWS_DATASET else arguments.side,
        shape=arguments.shape,
        geometry=arguments.geometry,
        seed=arguments.seed,
    )
    device = _device(arguments.device)
    fits, seconds = [], []
    for part in tqdm(sequences, desc="sequences", disable=not console.is_terminal, leave=False):
        start = time.perf_counter()
        fits.append(
            fit_hands(torch.as_tensor(joints[part], device=device), benchmark.joint_set, config=config)
        )
        seconds.append(time.perf_counter() - start)
    rows = [summarise([fit], taken) for fit, taken in zip(fits, seconds, strict=True)]
    rows.append(summarise(fits, sum(seconds)))
    title = f"{arguments.dataset}: hand model fitted to {len(joints)} frames"
    wide.print(_table(rows, f"{title}, shape: {arguments.shape} ({arguments.geometry})"))
    if arguments.output is not None:
        save_fits(arguments.output, fits)
    if arguments.json is not None:
        content = {
            "dataset": arguments.dataset,
            "groundtruth": str(arguments.groundtruth),
            "shape": arguments.shape,
            "geometry": arguments.geometry,
            "seed": arguments.seed,
            "sequences": rows[:-1],
            "all": rows[-1],
        }
        write_json(arguments.json, content)
    return 0


def sequence_slices(text: str | None, benchmark: Benchmark, frames: int) -> list[slice]:
    """``"702,894"`` -> the frames of each sequence; without it the benchmark's own where they fit, else one
    sequence."""
    if text is None:
        own = list(benchmark.sequences)
        return own if own[-1].stop == frames else [slice(0, frames)]
    try:
        counts = [int(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(f"--sequences is '{text}', want frame counts such as 702,894") from None
    if min(counts) < 1 or sum(counts) != frames:
        raise ValueError(
            f"--sequences is '{text}', want positive counts that sum to the file's {frames} frames"
        )
    ends = np.cumsum(counts)
    return [slice(int(end) - count, int(end)) for end, count in zip(ends, counts, strict=True)]


def summarise(fits: Sequence[HandFit], seconds: float) -> dict[str, Any]:
    """Figures of one sequence, or of several together; residuals in millimetres over all joints of all
    frames."""
    residual = torch.cat([fit.residual for fit in fits]) * 1000
    out = torch.cat([fit.out_of_range() for fit in fits])
    swarm = torch.cat([fit.swarm_cost for fit in fits]) * 1000
    return {
        "frames": len(residual),
        "side": "/".join(sorted({fit.side for fit in fits})),
        "mean_mm": float(residual.nanmean()),
        "median_mm": float(residual.nanmedian()),
        "worst_frame_mm": float(residual.nanmean(1).max()),
        "max_mm": float(residual.nan_to_num(0.0).max()),
        "out_of_range": float(out.double().mean()),
        "swarm_rms_mm": float(swarm.mean()),
        "seconds": seconds,
    }


def save_fits(path: Path, fits: Sequence[HandFit]) -> None:
    """Write the fits of consecutive sequences in one step as plain arrays, no pickle.

    parameters (N, 26) as parameter_names; joints (N, 23, 3) m in the camera's optical frame; residual_mm (N,
    K); group (N,) index of each frame's hand; side (N,); shape (G, 9) log scales; wrist (G, 2, 3), bases (G,
    5, 3), lengths (G, 5, 3) m.
    """
    first = np.cumsum([0] + [len(fit.shape) for fit in fits])
    arrays: dict[str, Any] = {
        "parameters": _joined([fit.parameters for fit in fits]),
        "joints": _joined([fit.joints for fit in fits]),
        "residual_mm": _joined([fit.residual for fit in fits]) * 1000,
        "group": np.concatenate(
            [fit.group.cpu().numpy() + start for fit, start in zip(fits, first, strict=False)]
        ),
        "side": np.concatenate([np.full(len(fit.parameters), fit.side) for fit in fits]),
        "shape": _joined([fit.shape for fit in fits]),
        "wrist": _joined([fit.offsets.wrist for fit in fits]),
        "bases": _joined([fit.offsets.bases for fit in fits]),
        "lengths": _joined([fit.offsets.lengths for fit in fits]),
        "parameter_names": np.array(skeleton.PARAMETER_NAMES),
        "joint_names": np.array(skeleton.JOINT_NAMES),
    }
    # An open file, because numpy would add .npz to a name without it.
    with replaced(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)


def _joined(parts: Sequence[torch.Tensor]) -> NDArray:
    return np.asarray(torch.cat(list(parts)).cpu().numpy())


def _self_test(arguments: argparse.Namespace, console: Console) -> int:
    results = run_self_test(
        arguments.self_test, arguments.noise_mm / 1000, arguments.seed, _device(arguments.device)
    )
    console.print(_self_test_table(results, arguments))
    if arguments.json is not None:
        content = {
            "hands": arguments.self_test,
            "noise_mm": arguments.noise_mm,
            "seed": arguments.seed,
            "methods": [result._asdict() for result in results],
        }
        write_json(arguments.json, content)
    short = [result.name for result in results if result.recovered < _RECOVERED_SHARE]
    if short:
        console.print(f"fewer than {_RECOVERED_SHARE:.0%} recovered: {'; '.join(short)}")
    return 1 if short else 0


def _table(rows: Sequence[dict[str, Any]], title: str) -> Table:
    table = Table(title=title, title_justify="left")
    for heading in ("sequence", "frames", "side", "mean mm", "median mm", "worst frame mm", "worst joint mm",
                    "out of range %", "swarm alone, rms mm", "seconds"):  # fmt: skip
        table.add_column(heading, justify="right")
    for number, row in enumerate(rows):
        name = "all" if number == len(rows) - 1 else str(number + 1)
        table.add_row(
            name, str(row["frames"]), row["side"], f"{row['mean_mm']:.3f}", f"{row['median_mm']:.3f}",
            f"{row['worst_frame_mm']:.2f}", f"{row['max_mm']:.2f}", f"{100 * row['out_of_range']:.2f}",
            f"{row['swarm_rms_mm']:.2f}", f"{row['seconds']:.1f}",
        )  # fmt: skip
    return table


def _self_test_table(results: Sequence[SelfTest], arguments: argparse.Namespace) -> Table:
    title = f"{arguments.self_test} random hands, noise {arguments.noise_mm:g} mm a coordinate, seed {arguments.seed}"
    table = Table(title=title, title_justify="left")
    for heading in ("solver", "recovered to 1 mm, %", "mean mm", "worst hand mm", "angle degrees",
                    "out of range %", "ms a hand"):  # fmt: skip
        table.add_column(heading, justify="left" if heading == "solver" else "right")
    for result in results:
        table.add_row(
            result.name, f"{100 * result.recovered:.2f}", f"{result.mean_mm:.4f}", f"{result.worst_mm:.3f}",
            f"{result.angle_deg:.3f}", f"{100 * result.out_of_range:.2f}", f"{result.milliseconds:.3f}",
        )  # fmt: skip
    return table


def _check(a: argparse.Namespace) -> None:
    """ValueError naming the first argument that does not fit the others."""
    test = a.self_test is not None
    wrong: list[tuple[bool, str]] = [
        (test and a.self_test < 1, f"--self-test is {a.self_test}, want at least 1"),
        (not test and a.dataset is None, f"--groundtruth needs --dataset {' or '.join(DATASETS)}"),
        (not 0 <= a.noise_mm < 100, f"--noise-mm is {a.noise_mm:g}, want 0 to 100"),
        (a.noise_mm > 0 and not test, "--noise-mm is for --self-test"),
        (test and a.output is not None, "--output is for --groundtruth"),
        (
            test and (a.dataset is not None or a.sequences is not None),
            "--dataset and --sequences are for --groundtruth",
        ),
        (a.seed < 0, f"--seed is {a.seed}, want at least 0"),
    ]
    for condition, message in wrong:
        if condition:
            raise ValueError(message)
    for path in (a.output, a.json):
        # Before the work, not after it.
        if path is not None and not path.parent.is_dir():
            raise ValueError(f"{path}: its folder does not exist")


def _device(name: str) -> torch.device:
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("--device is 'cuda' but this machine has no CUDA device, want 'auto' or 'cpu'")
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)
