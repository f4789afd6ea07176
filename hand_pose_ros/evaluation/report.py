"""The report of an evaluation: a table for the terminal, JSON, both figures.

In: ``metrics.Evaluation`` of one or more methods on one data set. Out: a rich table, a plain dictionary and its file,
figure files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from rich.table import Table

from hand_pose_ros.evaluation.figures import joint_error_figure, success_curve_figure
from hand_pose_ros.evaluation.metrics import CURVE_LIMIT_MM, Evaluation, angle_table
from hand_pose_ros.visualization.figures import save_png_and_svg


def summary_table(evaluations: Sequence[Evaluation], title: str = "") -> Table:
    """One column a method, one row a figure; figures that no method has are left out."""
    if not evaluations:
        raise ValueError("nothing to report: no method given")
    thresholds = evaluations[0].thresholds_mm
    rows: list[tuple[str, Callable[[Evaluation], float | None], str]] = [
        ("frames", lambda e: e.frames, "d"),
        ("mean joint error, mm", lambda e: e.error_mm, ".3f"),
        ("median joint error, mm", lambda e: e.median_joint_mm, ".3f"),
        ("median of frames' mean error, mm", lambda e: e.median_mm, ".3f"),
    ]
    for i, threshold in enumerate(thresholds):
        rows.append((f"worst joint <= {threshold:g} mm, % of frames", partial(_percent, "success", i), ".2f"))
    for i, threshold in enumerate(thresholds):
        rows.append(
            (f"mean error <= {threshold:g} mm, % of frames", partial(_percent, "mean_success", i), ".2f")
        )
    rows += [
        (f"area under curve, 0 to {CURVE_LIMIT_MM:g} mm", lambda e: e.area, ".4f"),
        ("angle error, degrees", lambda e: e.angle_deg, ".2f"),
        (
            "angle out of range, % of frames",
            lambda e: None if e.out_of_range is None else 100 * e.out_of_range,
            ".2f",
        ),
        ("bone length spread, mm", lambda e: e.bone_spread_mm, ".2f"),
        ("bone length error, mm", lambda e: e.bone_error_mm, ".2f"),
    ]
    table = Table(title=title or None, title_justify="left")
    table.add_column("")
    for evaluation in evaluations:
        table.add_column(evaluation.name, justify="right")
    for heading, value_of, form in rows:
        values = [value_of(evaluation) for evaluation in evaluations]
        if any(value is not None for value in values):
            table.add_row(heading, *("-" if value is None else format(value, form) for value in values))
    return table


def _percent(field: str, index: int, evaluation: Evaluation) -> float:
    return 100.0 * float(getattr(evaluation, field)[index])


def joint_table(evaluations: Sequence[Evaluation], order: Sequence[int] | None = None) -> Table:
    """Mean error (mm) of each joint: one row a joint, one column a method."""
    table = Table(title="mean error per joint, mm", title_justify="left")
    table.add_column("joint")
    for evaluation in evaluations:
        table.add_column(evaluation.name, justify="right")
    names = evaluations[0].joint_names
    for joint in order if order is not None else range(len(names)):
        table.add_row(names[joint], *(f"{e.joint_mm[joint]:.2f}" for e in evaluations))
    return table


def to_dictionary(evaluations: Sequence[Evaluation], dataset: str) -> dict[str, Any]:
    """Every figure under a stable key; lengths in mm, fractions in 0..1, angles in degrees."""
    return {
        "dataset": dataset,
        "methods": [
            {
                "name": e.name,
                "frames": e.frames,
                "mean_error_mm": e.error_mm,
                "median_joint_error_mm": e.median_joint_mm,
                "median_error_mm": e.median_mm,
                "joint_error_mm": dict(zip(e.joint_names, map(float, e.joint_mm), strict=True)),
                "success_fraction": _by_threshold(e.thresholds_mm, e.success),
                "mean_error_success_fraction": _by_threshold(e.thresholds_mm, e.mean_success),
                "area_under_curve": e.area,
                "area_limit_mm": CURVE_LIMIT_MM,
                "angle_error_deg": e.angle_deg,
                "angle_error_each_deg": angle_table(e) or None,
                "out_of_range_fraction": e.out_of_range,
                "bone_length_spread_mm": e.bone_spread_mm,
                "bone_length_error_mm": e.bone_error_mm,
            }
            for e in evaluations
        ],
    }


def _by_threshold(thresholds: Sequence[float], fractions: Sequence[float]) -> dict[str, float]:
    return {f"{t:g}": f for t, f in zip(thresholds, fractions, strict=True)}


def write_figures(
    folder: Path, dataset: str, evaluations: Sequence[Evaluation], order: Sequence[int] | None = None
) -> list[Path]:
    """Both figures, PNG and SVG: <dataset>_joint_error and <dataset>_success in the folder -> the four paths."""
    title = dataset.upper() if len(dataset) <= 4 else dataset.capitalize()
    bars = save_png_and_svg(joint_error_figure(evaluations, order, title), folder, f"{dataset}_joint_error")
    curves = save_png_and_svg(success_curve_figure(evaluations, title=title), folder, f"{dataset}_success")
    return [*bars, *curves]
