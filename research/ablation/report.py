"""docs/experiments/paper_tables.md from the finished runs: tables in the papers' form, figures, how it was made.

In: :class:`AblationConfig` and the folder of the runs. Out: the Markdown file and its figures beside it. What a person
wrote between the two discussion markers of an earlier file is kept as it is; everything else is written anew.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hand_pose_ros.evaluation.hardware_info import hardware_text
from hand_pose_ros.files import write_text
from hand_pose_ros.hand import skeleton
from hand_pose_ros.visualization.figures import save_png_and_svg
from research.ablation.config import ROWS, TABLES, AblationConfig
from research.ablation.figures import (
    DEEPMODEL_PANELS,
    SDNET_PANELS,
    RowResults,
    bars_figure,
    curves_figure,
)
from research.ablation.runs import experiment_of, result_path
from research.run_manifest import read_result

BEGIN_DISCUSSION = "<!-- discussion: written by hand, kept when the tables are written anew -->"
END_DISCUSSION = "<!-- end of discussion -->"
INVOCATIONS = "invocations.json"
"""In the folder of the runs: the commands that trained them."""

_PAPER_CROP = {"deepmodel": 128, "sdnet": 224}
_SIGMA = "a head beside them for the joints' expected errors, which never touches the pose"
_DIFFERS = {
    "deepmodel": f"the layers of the authors' code, with {_SIGMA}, and, where there is a hand model, nine outputs for "
    "the hand's shape, which the poster's fixed hand does not have",
    "sdnet": f"the paper's layers, for our 23 joints instead of ICVL's 16, with {_SIGMA}",
}
"""In what our networks are not the papers'."""
_VIEWS = {
    "all": "Hands are seen from every side.",
    "frontal": "Hands show their palm, fingers up within about 25 degrees: an easier subset of all views, not that of "
    "the papers' data.",
}
_PREFACE = (
    "Written by `python -m research.ablation` from the finished runs, except for the discussion at the end.",
    "All rows of a table saw the same synthetic hands in the same order, with the same budget, and were measured on",
    "the same hands of people, poses and views that training never draws. Figures are means ± standard deviations",
    "over the seeds. The papers' own figures were measured on other data (the poster: NYU's hands; SDNet: ICVL's) with",
    "networks of full size trained to the end: compare the order of the rows, not the millimetres.",
)
_NO_DISCUSSION = "\n(not written yet)\n"
_TITLES = {
    "deepmodel": "DeepModel: direct joint, direct parameter, hand model layer",
    "sdnet": "SDNet: weights of the skeleton-difference loss",
}


def collect(ablation: AblationConfig, folder: Path) -> dict[str, list[RowResults]]:
    """Finished runs by table, in the papers' order. ValueError when one has other settings, or there is none."""
    tables: dict[str, list[RowResults]] = {table: [] for table in TABLES}
    for row in ROWS:
        runs = []
        for seed in ablation.seeds:
            path = result_path(folder, row, seed)
            if path.exists():
                runs.append(read_result(path, experiment_of(ablation, row, seed)))
        tables[row.table].append(RowResults(row, tuple(runs)))
    if not any(result.runs for results in tables.values() for result in results):
        raise ValueError(f"{folder} holds no finished run of this configuration")
    return tables


def write_report(ablation: AblationConfig, folder: Path, path: Path) -> None:
    """Write the Markdown file ``path`` and, in ``figures/`` beside it, its figures."""
    tables = collect(ablation, folder)
    figures = path.parent / "figures"
    for table, panels in (("deepmodel", DEEPMODEL_PANELS), ("sdnet", SDNET_PANELS)):
        save_png_and_svg(bars_figure(tables[table], panels), figures, f"ablation_{table}")
    titles = {"deepmodel": "DeepModel's rows", "sdnet": "SDNet's rows"}
    save_png_and_svg(
        curves_figure([(titles[table], tables[table]) for table in TABLES]), figures, "ablation_curves"
    )
    text = "\n".join(
        [
            "# The papers' tables, measured on synthetic hands",
            "",
            *_PREFACE,
            "",
            *_deepmodel_section(tables["deepmodel"]),
            *_sdnet_section(tables["sdnet"]),
            "## Error over samples",
            "",
            "Lines: mean over the seeds; bands: from the best to the worst seed.",
            "",
            "![error over samples](figures/ablation_curves.png)",
            "",
            *_conditions(ablation, tables, folder),
            "## Discussion",
            "",
            BEGIN_DISCUSSION + _discussion(path) + END_DISCUSSION,
            "",
        ]
    )
    write_text(path, text)


def _discussion(path: Path) -> str:
    """What stands between the markers of an earlier file. ValueError when only one of them is there."""
    if not path.exists():
        return _NO_DISCUSSION
    text = path.read_text(encoding="utf-8")
    if BEGIN_DISCUSSION not in text and END_DISCUSSION not in text:
        return _NO_DISCUSSION
    _, begun, rest = text.partition(BEGIN_DISCUSSION)
    written, ended, _ = rest.partition(END_DISCUSSION)
    if not begun or not ended:
        raise ValueError(
            f"{path}: wants both discussion markers or none, or the hand-written part would be lost"
        )
    return written


def _deepmodel_section(results: Sequence[RowResults]) -> list[str]:
    head = [
        "Method",
        "Joint error, mm",
        "Angle error, degrees",
        "Frames with an angle out of range, %",
        "Poster: joint, mm",
        "Poster: angle, degrees",
        "Poster: out of range, %",
    ]
    body = [
        [
            r.row.label,
            spread(r.values("joint_mm")),
            spread(r.values("angle_deg")),
            spread(100 * r.values("out_of_range"), 2),
            *(_published(r, key, factor) for key, factor in (("joint_mm", 1), ("angle_deg", 1))),
            _published(r, "out_of_range", 100),
        ]
        for r in results
    ]
    fitted = next((r for r in results if len(r.values("fit_floor_deg"))), None)
    notes = [
        "Angles are those that the network says, before any clamp; a frame counts as out of range when one of its 20",
        "angles is outside its limits by more than 1e-4 rad.",
    ]
    for run in (run for r in results if r.row.key == "ours" for run in r.runs[:1]):
        notes += [f"*Ours* was trained with lambda = {run['config']['loss']['physical']:g}."]
    if fitted is not None:
        count = int(fitted.values("fit_samples")[0])
        residual, floor = (spread(fitted.values(key)) for key in ("fit_residual_mm", "fit_floor_deg"))
        notes += [
            "*Direct joint* knows no angles: as for the poster, the hand model is fitted to its joints",
            f"({count} hands a seed, the person's bone lengths given, angles kept in range). The fitted hand's joints",
            f"are {residual} mm from the predicted ones; fitted to the true joints, the same procedure gives an angle",
            f"error of {floor} degrees.",
        ]
    return _section("deepmodel", results, head, body, notes)


def _sdnet_section(results: Sequence[RowResults]) -> list[str]:
    head = [
        "Network setting (weight)",
        "Mean Euclidean error, mm",
        "Bone length error, mm",
        "Bone angle error, degrees",
        "Bone ratio error",
        "Worst joint within 40 mm, %",
        "Paper: mean Euclidean error, mm",
    ]
    body = [
        [
            r.row.label,
            spread(r.values("joint_mm"), 2),
            spread(r.values("bone_length_mm"), 2),
            spread(r.values("bone_angle_deg"), 2),
            spread(r.values("bone_ratio"), 4),
            spread(100 * r.values("worst_within_40mm")),
            _published(r, "joint_mm", 1, 4),
        ]
        for r in results
    ]
    notes = [
        "Bone angles and ratios are those of the paper's Eq. 4 and 7, their errors mean absolute differences from the",
        "truth over the five parts of our 23 joints; bone lengths over all bones of the hand.",
    ]
    for run in [run for r in results for run in r.runs][:1]:
        parts = run["config"]["loss"]["skeleton_difference"]
        notes += [
            f"Inside the skeleton-difference loss: alpha {parts['alpha']:g}, beta {parts['beta']:g}, "
            f"omega1 {parts['omega1']:g}, omega2 {parts['omega2']:g}, threshold {parts['threshold']:g} rad "
            "(the paper gives none of them)."
        ]
    return _section("sdnet", results, head, body, notes)


def _section(
    table: str, results: Sequence[RowResults], head: list[str], body: list[list[str]], notes: list[str]
) -> list[str]:
    return [
        f"## {_TITLES[table]}",
        "",
        *_setting(results),
        "",
        "| " + " | ".join(head) + " |",
        "|" + "---|" * len(head),
        *("| " + " | ".join(row) + " |" for row in body),
        "",
        *notes,
        "",
        f"![{table} rows](figures/ablation_{table}.png)",
        "",
    ]


def _setting(results: Sequence[RowResults]) -> list[str]:
    """The setting that all rows share, reduced from the papers'."""
    runs = [run for result in results for run in result.runs]
    if not runs:
        return ["No run of this table is finished."]
    first = runs[0]
    network, weights = first["config"]["network"], sorted({run["weights"] for run in runs})
    seeds = sorted({len(result.runs) for result in results})
    counted = " to ".join(map(str, seeds)) + (" seed" if seeds == [1] else " seeds")
    size = f"{weights[0] / 1e6:.2f} to {weights[-1] / 1e6:.2f} million weights"
    if len(weights) == 1:
        size = f"{weights[0] / 1e6:.2f} million weights"
    paper = _PAPER_CROP[network["architecture"]]
    reduced = f" (the paper's: {paper}×{paper})" if network["crop_size"] != paper else ""
    return [
        f"All rows alike: input {network['crop_size']}×{network['crop_size']}{reduced}; "
        f"{_DIFFERS[network['architecture']]} ({size});",
        f"{first['samples']} samples in batches of {first['config']['batch']}, {counted}; "
        f"measured on {first['measures']['evaluation_samples']} hands, {skeleton.JOINT_COUNT} joints each. "
        f"{_VIEWS[first['config']['views']]}",
    ]


def _conditions(ablation: AblationConfig, tables: dict[str, list[RowResults]], folder: Path) -> list[str]:
    runs = [run for results in tables.values() for result in results for run in result.runs]
    machines = sorted({json.dumps(run["hardware"], sort_keys=True) for run in runs})
    lines = ["## How it was measured", ""]
    record = folder / INVOCATIONS
    if record.exists():
        invocations: list[dict[str, Any]] = json.loads(record.read_text(encoding="utf-8"))["invocations"]
        lines += ["```bash", *(entry["command"] for entry in invocations), "```", ""]
        total = sum(entry["minutes"] for entry in invocations)
        lines += [
            f"* Wall time: {total:.0f} minutes in all, the measuring and fitting included; commands that "
            "ran side by side are counted each."
        ]
    for text in machines:
        lines += [f"* Machine: {hardware_text(json.loads(text))}."]
    trained = np.array([run["train_seconds"] for run in runs])
    lines += [
        f"* {len(runs)} runs; a run's own share of the training took {trained.mean() / 60:.1f} minutes on average "
        f"({trained.min() / 60:.1f} to {trained.max() / 60:.1f}).",
        f"* Seeds {', '.join(map(str, ablation.seeds))}: each gives its runs another stream of hands and other first "
        "weights.",
        "* The settings of every run stand in full in its JSON file; the files that they come from are in "
        "`config/train` and `research/recipes`.",
        "",
    ]
    return lines


def spread(values: np.ndarray, digits: int = 1) -> str:
    """``mean ± standard deviation`` (of a sample) of values over seeds; ``-`` when there are none."""
    if not len(values):
        return "-"
    if len(values) == 1:
        return f"{values[0]:.{digits}f} (one seed)"
    return f"{values.mean():.{digits}f} ± {values.std(ddof=1):.{digits}f}"


def _published(result: RowResults, key: str, factor: float, digits: int = 1) -> str:
    value = result.row.published.get(key)
    return "-" if value is None else f"{factor * value:.{digits}f}"
