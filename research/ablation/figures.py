"""Figures of the ablations: error bars of every row, and the error over the samples seen.

In: :class:`RowResults` of the rows of a table. Out: matplotlib figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hand_pose_ros.visualization.figures import PAGE_WIDTH_IN, PALETTE, STYLE, style_axes
from research.ablation.config import Row


@dataclass(frozen=True)
class RowResults:
    """A row and its finished runs, one a seed, as :mod:`research.ablation.runs` writes them."""

    row: Row
    runs: tuple[dict[str, Any], ...]

    def values(self, measure: str) -> np.ndarray:
        """One figure of every run; empty when the row has none of this kind."""
        return np.array([run["measures"][measure] for run in self.runs if measure in run["measures"]])


@dataclass(frozen=True)
class Panel:
    """What one panel of bars shows: a measure, its factor, the axis' label."""

    measure: str
    label: str
    factor: float = 1.0


DEEPMODEL_PANELS: tuple[Panel, ...] = (
    Panel("joint_mm", "Joint error (mm)"),
    Panel("angle_deg", "Angle error (degrees)"),
    Panel("out_of_range", "Angle out of range (% of frames)", 100.0),
)
SDNET_PANELS: tuple[Panel, ...] = (
    Panel("joint_mm", "Mean Euclidean error (mm)"),
    Panel("bone_length_mm", "Bone length error (mm)"),
    Panel("bone_angle_deg", "Bone angle error (degrees)"),
)


def bars_figure(results: Sequence[RowResults], panels: Sequence[Panel]) -> Figure:
    """A panel a measure, a bar a row: the mean over seeds, its standard deviation, a dot a seed. Beside each bar, where
    the paper printed this measure, a hollow diamond."""
    with rc_context(STYLE):
        figure = Figure(figsize=(PAGE_WIDTH_IN, 2.7), layout="constrained")
        for axes, panel in zip(np.atleast_1d(figure.subplots(1, len(panels))), panels, strict=True):
            _bars(axes, results, panel)
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper right", ncol=3, frameon=False)
    return figure


def _bars(axes: Axes, results: Sequence[RowResults], panel: Panel) -> None:
    top = 0.0
    for place, result in enumerate(results):
        values = panel.factor * result.values(panel.measure)
        if len(values):
            spread = values.std(ddof=1) if len(values) > 1 else 0.0
            axes.bar(place, values.mean(), 0.62, color=PALETTE[place % len(PALETTE)], alpha=0.85)
            axes.errorbar(
                place, values.mean(), spread, color="black", capsize=3, linewidth=1,
                label="mean ± standard deviation" if place == 0 else None,
            )  # fmt: skip
            dots = place + np.linspace(-0.12, 0.12, len(values)) if len(values) > 1 else [place]
            axes.plot(dots, values, "o", color="black", markersize=2.5, label="seeds" if place == 0 else None)
            top = max(top, float(values.max()), float(values.mean() + spread))
        published = result.row.published.get(panel.measure)
        if published is not None:
            axes.plot(
                place + 0.38, panel.factor * published, "D", markerfacecolor="white", markeredgecolor="black",
                markersize=4, label="the paper, its own data" if place == 0 else None, clip_on=False,
            )  # fmt: skip
            top = max(top, panel.factor * published)
        if not len(values) and published is None:
            axes.text(place, 0.0, "no angles", ha="center", va="bottom", color="0.5", fontsize=7)
    axes.set_xlim(-0.6, len(results) - 0.4)
    axes.set_ylim(0.0, 1.08 * top if top else 1.0)
    axes.set_xticks(
        range(len(results)), [r.row.label for r in results], rotation=30, ha="right", rotation_mode="anchor"
    )
    axes.set_title(panel.label, fontsize=8.5, loc="left")
    style_axes(axes, "y")


def curves_figure(tables: Sequence[tuple[str, Sequence[RowResults]]]) -> Figure:
    """A panel a table (its title, its rows): mean joint error over the samples seen, mean and range over the seeds."""
    with rc_context(STYLE):
        figure = Figure(figsize=(PAGE_WIDTH_IN, 3.0), layout="constrained")
        for axes, (title, results) in zip(
            np.atleast_1d(figure.subplots(1, len(tables))), tables, strict=True
        ):
            for place, result in enumerate(results):
                curves = np.array([run["curve"] for run in result.runs])  # (seeds, points, 2)
                if not curves.size:
                    continue
                samples, errors = curves[0, :, 0] / 1000, curves[:, :, 1]
                colour = PALETTE[place % len(PALETTE)]
                axes.plot(samples, errors.mean(0), "o-", color=colour, markersize=3, label=result.row.label)
                axes.fill_between(samples, errors.min(0), errors.max(0), color=colour, alpha=0.2, linewidth=0)
            axes.set_title(title, fontsize=8.5, loc="left")
            axes.set_xlabel("Training samples (thousands)")
            axes.set_ylabel("Joint error (mm)")
            if any(result.runs for result in results):
                axes.legend(frameon=False, fontsize=8)
            style_axes(axes, "y")
    return figure
