"""The two figures of the papers: error per joint as grouped bars, success fraction over the threshold as curves.

In: a list of ``metrics.Evaluation`` over the same joints. Out: matplotlib figures.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from hand_pose_ros.evaluation.metrics import CURVE_LIMIT_MM, Evaluation, success_curve
from hand_pose_ros.visualization.figures import LINE_STYLES, PAGE_WIDTH_IN, PALETTE, STYLE, style_axes


def _require_same_joints(evaluations: Sequence[Evaluation]) -> None:
    if not evaluations:
        raise ValueError("nothing to draw: no method given")
    if len({evaluation.joint_names for evaluation in evaluations}) > 1:
        raise ValueError("the methods have different joints and cannot share a figure")


def _legend_name(evaluation: Evaluation) -> str:
    return f"{evaluation.name} ({evaluation.error_mm:.2f} mm)"


def joint_error_figure(
    evaluations: Sequence[Evaluation], order: Sequence[int] | None = None, title: str = ""
) -> Figure:
    """Mean error of each joint and over all joints, a group of bars a joint, a colour a method.

    order: the joints' order along the axis (their own when None). ValueError when the methods' joints differ.
    """
    _require_same_joints(evaluations)
    names = evaluations[0].joint_names
    order = list(range(len(names))) if order is None else list(order)
    with rc_context(STYLE):
        figure = Figure(figsize=(PAGE_WIDTH_IN, 2.9), layout="constrained")
        axes = figure.add_subplot()
        # A gap before the mean sets it apart from the joints.
        places = np.append(np.arange(len(order)), len(order) + 0.6)
        width = 0.82 / len(evaluations)
        for i, evaluation in enumerate(evaluations):
            heights = np.append(evaluation.joint_mm[order], evaluation.error_mm)
            shift = (i - (len(evaluations) - 1) / 2) * width
            colour = PALETTE[i % len(PALETTE)]
            hatch = "" if i < len(PALETTE) else "////"
            label = _legend_name(evaluation)
            axes.bar(places + shift, heights, width * 0.94, color=colour, hatch=hatch, label=label)
        axes.set_xticks(
            places, [names[j] for j in order] + ["Mean"], rotation=50, ha="right", rotation_mode="anchor"
        )
        axes.get_xticklabels()[-1].set_fontweight("bold")
        axes.tick_params(axis="x", length=0, pad=2)
        axes.set_xlim(-0.6, places[-1] + 0.6)
        axes.yaxis.set_major_locator(MaxNLocator(nbins=7, steps=[1, 2, 5, 10]))
        axes.set_ylabel("Mean error (mm)")
        style_axes(axes, "y")
        _place_legend(axes, len(evaluations))
        if title:
            axes.set_title(title, loc="left", fontweight="bold")
    return figure


def _place_legend(axes: Axes, methods: int) -> None:
    """Above the bars, outside the axes: it then never covers one."""
    axes.legend(
        loc="lower right",
        bbox_to_anchor=(1.0, 1.0),
        ncol=min(methods, 3),
        frameon=False,
        handlelength=1.0,
        columnspacing=1.4,
        borderaxespad=0.1,
    )


def success_curve_figure(
    evaluations: Sequence[Evaluation], by: str = "worst", title: str = "", limit_mm: float = CURVE_LIMIT_MM
) -> Figure:
    """Percentage of frames whose worst (by="mean": mean) joint error is at most the threshold, a curve a method."""
    _require_same_joints(evaluations)
    if by not in ("worst", "mean"):
        raise ValueError(f"by is '{by}', want 'worst' or 'mean'")
    thresholds = np.linspace(0.0, limit_mm, 641)
    with rc_context(STYLE):
        figure = Figure(figsize=(4.6, 3.4), layout="constrained")
        axes = figure.add_subplot()
        for i, evaluation in enumerate(evaluations):
            errors = evaluation.worst_mm if by == "worst" else evaluation.mean_mm
            axes.plot(
                thresholds,
                100.0 * success_curve(errors, thresholds),
                color=PALETTE[i % len(PALETTE)],
                linestyle=LINE_STYLES[i % len(LINE_STYLES)],
                linewidth=1.6,
                label=_legend_name(evaluation),
            )
        axes.set_xlim(0.0, limit_mm)
        axes.set_ylim(0.0, 100.0)
        axes.set_yticks(np.arange(0, 101, 20))
        worst = "Maximum allowed joint error (mm)"
        axes.set_xlabel(worst if by == "worst" else "Maximum allowed mean error (mm)")
        axes.set_ylabel("Frames within threshold (%)")
        style_axes(axes, "both")
        # Success curves rise from the lower left, so the lower right corner is free.
        axes.legend(loc="lower right", frameon=True, framealpha=0.9, edgecolor="none", handlelength=2.4)
        if title:
            axes.set_title(title, loc="left", fontweight="bold")
    return figure
