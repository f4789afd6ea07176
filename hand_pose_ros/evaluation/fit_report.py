"""The hand model fitted to a benchmark's annotations, sequence by sequence, and how well it fits.

In: joints (N, K, 3) m of a benchmark, frame numbers of its sequences. Out: a :class:`~hand_pose_ros.hand.fitting.
HandFit` a sequence; residuals as plain figures and as a table; the fits as one .npz of plain arrays.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from rich.table import Table
from torch import Tensor
from tqdm import tqdm

from hand_pose_ros.datasets.benchmarks import Benchmark
from hand_pose_ros.files import replaced
from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.fit_config import FitConfig
from hand_pose_ros.hand.fitting import HandFit, fit_hands


class TimedFit(NamedTuple):
    """The fit of one sequence, and the seconds that it took."""

    fit: HandFit
    seconds: float


def sequence_slices(counts: Sequence[int] | None, benchmark: Benchmark, frames: int) -> list[slice]:
    """Frame counts of sequences -> the frames of each; for None the benchmark's own sequences where they fit, else one.

    ValueError when a count is not positive or they do not sum to ``frames``.
    """
    if counts is None:
        own = list(benchmark.sequences)
        return own if own[-1].stop == frames else [slice(0, frames)]
    if not counts or min(counts) < 1 or sum(counts) != frames:
        text = ",".join(map(str, counts))
        raise ValueError(
            f"sequences are '{text}', want positive counts that sum to the file's {frames} frames"
        )
    ends = np.cumsum(counts)
    return [slice(int(end) - count, int(end)) for end, count in zip(ends, counts, strict=True)]


def fit_sequences(
    joints: NDArray[np.float64],
    benchmark: Benchmark,
    sequences: Sequence[slice],
    config: FitConfig,
    device: torch.device,
    progress: bool = False,
) -> Iterator[TimedFit]:
    """Fit the hand model to the joints (N, K, 3) m of each sequence by itself, one after the other."""
    for part in tqdm(sequences, desc="sequences", disable=not progress, leave=False):
        start = time.perf_counter()
        fit = fit_hands(torch.as_tensor(joints[part], device=device), benchmark.joint_set, config=config)
        yield TimedFit(fit, time.perf_counter() - start)


def summarise(fits: Sequence[TimedFit]) -> dict[str, Any]:
    """Figures of one sequence, or of several together; residuals in millimetres over all joints of all frames."""
    residual = torch.cat([timed.fit.residual for timed in fits]) * 1000
    out = torch.cat([timed.fit.out_of_range() for timed in fits])
    swarm = torch.cat([timed.fit.swarm_cost for timed in fits]) * 1000
    return {
        "frames": len(residual),
        "side": "/".join(sorted({timed.fit.side for timed in fits})),
        "mean_mm": float(residual.nanmean()),
        "median_mm": float(residual.nanmedian()),
        "worst_frame_mm": float(residual.nanmean(1).max()),
        "max_mm": float(residual.nan_to_num(0.0).max()),
        "out_of_range": float(out.double().mean()),
        "swarm_rms_mm": float(swarm.mean()),
        "seconds": sum(timed.seconds for timed in fits),
    }


def residual_table(sequences: Sequence[dict[str, Any]], together: dict[str, Any], title: str) -> Table:
    """The figures of :func:`summarise`: a row for each sequence, and one for all of them together."""
    table = Table(title=title, title_justify="left")
    for heading in ("sequence", "frames", "side", "mean mm", "median mm", "worst frame mm", "worst joint mm",
                    "out of range %", "swarm alone, rms mm", "seconds"):  # fmt: skip
        table.add_column(heading, justify="right")
    names = [*(str(number) for number in range(1, len(sequences) + 1)), "all"]
    for name, row in zip(names, [*sequences, together], strict=True):
        table.add_row(
            name, str(row["frames"]), row["side"], f"{row['mean_mm']:.3f}", f"{row['median_mm']:.3f}",
            f"{row['worst_frame_mm']:.2f}", f"{row['max_mm']:.2f}", f"{100 * row['out_of_range']:.2f}",
            f"{row['swarm_rms_mm']:.2f}", f"{row['seconds']:.1f}",
        )  # fmt: skip
    return table


def save_fits(path: Path, fits: Sequence[HandFit]) -> None:
    """Write the fits of consecutive sequences in one step as plain arrays, no pickle. OSError when it cannot be.

    parameters (N, 26) as parameter_names; joints (N, 23, 3) m in the camera's optical frame; residual_mm (N, K);
    group (N,) index of each frame's hand; side (N,); shape (G, 9) log scales; wrist (G, 2, 3), bases (G, 5, 3),
    lengths (G, 5, 3) m.
    """
    first = np.cumsum([0] + [len(fit.shape) for fit in fits])[:-1]
    groups = [fit.group.cpu().numpy() + start for fit, start in zip(fits, first, strict=True)]
    arrays: dict[str, Any] = {
        "parameters": _joined([fit.parameters for fit in fits]),
        "joints": _joined([fit.joints for fit in fits]),
        "residual_mm": _joined([fit.residual for fit in fits]) * 1000,
        "group": np.concatenate(groups),
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


def _joined(parts: Sequence[Tensor]) -> NDArray[np.generic]:
    return np.asarray(torch.cat(list(parts)).cpu().numpy())
