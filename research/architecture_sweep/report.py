"""docs/experiments/architecture_sweep.md from the finished runs: one table, and how it was made.

In: :class:`SweepConfig` and the folder of the runs. Out: the Markdown file. What stands between its two markers is
written anew, everything else is a person's and kept as it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hand_pose_ros.evaluation.hardware_info import hardware_text
from hand_pose_ros.evaluation.synthetic_report import WORST_JOINT_MM
from hand_pose_ros.files import write_text
from research.architecture_sweep.config import BASE, Design, SweepConfig
from research.architecture_sweep.runs import finished_result

BEGIN = (
    "<!-- begin of the table: written by research.architecture_sweep, replaced when it is written anew -->"
)
END = "<!-- end of the table -->"
_NEW_PAGE = "# Designs of the network, compared\n\n{table}\n\n## Discussion\n\n(not written yet)\n"
_MILLION = 1e6

Result = dict[str, Any]
Value = Callable[[Result], float | None]


@dataclass(frozen=True)
class DesignResults:
    """A design and its finished runs, one a seed."""

    design: Design
    runs: tuple[Result, ...]

    def mean(self, value: Value) -> float | None:
        """A figure's mean over the seeds, None where the design has no such figure."""
        values = self.values(value)
        return float(np.mean(values)) if values else None

    def values(self, value: Value) -> list[float]:
        """A figure of each run that has it."""
        return [v for v in map(value, self.runs) if v is not None]


def collect(sweep: SweepConfig, folder: Path) -> list[DesignResults]:
    """Finished designs in the file's order, the base first. ValueError when one was trained with other settings."""
    results = []
    for design in sorted(sweep.designs, key=lambda d: d.name != BASE):
        found = (finished_result(sweep, design, seed, folder) for seed in sweep.seeds)
        runs = tuple(run for run in found if run is not None)
        if runs:
            results.append(DesignResults(design, runs))
    return results


def write_report(sweep: SweepConfig, folder: Path, path: Path, command: str) -> None:
    """Write the table into the Markdown file ``path``. ValueError when no run is finished, or the file's markers are
    not as they were written."""
    results = collect(sweep, folder)
    if not results:
        raise ValueError(f"{folder} holds no finished run of this configuration")
    lines = [BEGIN, "", *_preface(sweep), "", *_table(sweep, results), "", *_notes(), ""]
    lines += [*_conditions(sweep, results, command), "", END]
    before, after = split_at_table(path)
    write_text(path, before + "\n".join(lines) + after)


def split_at_table(path: Path) -> tuple[str, str]:
    """What stands before and after the table. ValueError when the file is there without one pair of markers."""
    if not path.exists():
        before, _, after = _NEW_PAGE.partition("{table}")
        return before, after
    text = path.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    if text.count(BEGIN) != 1 or text.count(END) != 1 or END in before:
        raise ValueError(
            f"{path}: wants the line '{BEGIN}' and after it the line '{END}', once each: the table goes between them"
        )
    return before, after


def _preface(sweep: SweepConfig) -> list[str]:
    seeds = f"seed {sweep.seeds[0]}" if len(sweep.seeds) == 1 else f"{len(sweep.seeds)} seeds"
    return [
        f"Every design is the base with one change, trained from random weights on {sweep.samples} synthetic hands",
        f"({seeds}) and evaluated on the same {sweep.evaluation_samples} hands of subjects, poses and views that "
        "training never draws.",
        "In parentheses: the difference to the base.",
    ]


def _table(sweep: SweepConfig, results: Sequence[DesignResults]) -> list[str]:
    base = next((r for r in results if r.design.name == BASE), None)
    families = list(results[0].runs[0]["figures"]["family_mm"])
    head = [
        "Design",
        "Mean error, mm",
        "Median, mm",
        "Before the hand model, mm",
        "End-on, mm",
        f"Worst joint below {' / '.join(map(str, WORST_JOINT_MM))} mm, % of hands",
        f"Mean of {' / '.join(families)} hands, mm",
        "Weights, million",
        "Multiply-adds, million",
        "Time of a crop, ms",
        "5 to 95 % of its times, ms",
        "Training, minutes",
    ]
    body = [
        [
            _label(r, sweep),
            _compared(r, base, _figure("mean_mm"), 2),
            _plain(r.mean(_figure("median_mm"))),
            _plain(r.mean(_figure("coarse_mean_mm"))),
            _plain(r.mean(_figure("end_on_mm"))),
            " / ".join(_plain(r.mean(_below(str(t))), 1) for t in WORST_JOINT_MM),
            " / ".join(_plain(r.mean(_of_family(family))) for family in families),
            _plain(r.mean(lambda run: run["parameters"] / _MILLION)),
            _compared(r, base, lambda run: run["multiply_adds"] / _MILLION, 1),
            _compared(r, base, lambda run: run["time_ms"]["median"], 2),
            " to ".join(_plain(r.mean(_time(key))) for key in ("p5", "p95")),
            _plain(r.mean(lambda run: run["minutes"]), 1),
        ]
        for r in results
    ]
    return [
        "| " + " | ".join(head) + " |",
        "|---|" + "---:|" * (len(head) - 1),
        *("| " + " | ".join(row) + " |" for row in body),
    ]


def _label(result: DesignResults, sweep: SweepConfig) -> str:
    own, runs = result.design.samples, len(result.runs)
    budget = "" if own is None else f", {own} samples"
    seeds = "" if runs == len(sweep.seeds) else f", {runs} of {len(sweep.seeds)} seeds"
    return f"{result.design.label} (`{result.design.name}`){budget}{seeds}"


def _figure(key: str) -> Value:
    return lambda run: run["figures"][key]


def _below(threshold: str) -> Value:
    return lambda run: 100 * run["figures"]["worst_joint_below"][threshold]


def _of_family(family: str) -> Value:
    return lambda run: run["figures"]["family_mm"].get(family)


def _time(key: str) -> Value:
    return lambda run: run["time_ms"][key]


def _plain(value: float | None, digits: int = 2) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _compared(result: DesignResults, base: DesignResults | None, value: Value, digits: int) -> str:
    """A figure with its spread over several seeds, and its difference to the base."""
    mean = result.mean(value)
    text = _plain(mean, digits)
    if len(result.runs) > 1:
        text += f" ± {np.std(result.values(value), ddof=1):.{digits}f}"
    reference = base.mean(value) if base is not None and base is not result else None
    if mean is None or not reference:
        return text
    return f"{text} ({100 * (mean / reference - 1):+.1f} %)"


def _notes() -> list[str]:
    return [
        "A joint's error is its distance to the truth; mean and median are over all joints of all hands. End-on: hands",
        "that point at the camera within 30 degrees. Multiply-adds are those of convolutions and linear layers for one",
        "crop. The time of a crop is the median of the network as the tracker runs it, one crop at a time on one CPU",
        "thread; training includes making the hands.",
    ]


def _conditions(sweep: SweepConfig, results: Sequence[DesignResults], command: str) -> list[str]:
    runs = [run for result in results for run in result.runs]
    machines = sorted({json.dumps(run["hardware"], sort_keys=True) for run in runs})
    done = {result.design.name for result in results}
    missing = [design.name for design in sweep.designs if design.name not in done]
    batches = sorted({run["config"]["batch"] for run in runs})
    return [
        "```bash",
        command,
        "```",
        "",
        f"* Budget: {sweep.samples} samples a run in batches of {' or '.join(map(str, batches))}; "
        f"seeds {', '.join(map(str, sweep.seeds))}; {sum(run['minutes'] for run in runs):.0f} minutes of training in "
        "all.",
        *(f"* Machine: {hardware_text(json.loads(text))}." for text in machines),
        *([f"* Not finished yet: {', '.join(missing)}."] if missing else []),
    ]
