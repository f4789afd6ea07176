"""Curves over the time of a recording: joint angles, confidence and jitter of each side.

In: a :class:`HandCurves` for each side. Out: a matplotlib figure. matplotlib is of the extra [train].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from hand_pose_ros.hand.skeleton import ANGLE_NAMES, FINGERS
from hand_pose_ros.visualization.figures import LINE_STYLES, PALETTE, STYLE, style_axes

Array = NDArray[np.float64]

# The width is ``figures.PAGE_WIDTH_IN``'s; the others by eye.
_WIDTH_IN, _ROW_IN, _LEGEND_IN = 7.2, 1.15, 0.5


@dataclass(frozen=True, eq=False)
class HandCurves:
    """One side's hand over time; rows with NaN where it was not there."""

    side: str
    """right or left."""
    times_s: Array
    """(T,) seconds since the recording's start."""
    angles: Array
    """(T, 20) rad."""
    confidence: Array
    """(T,) 0 to 1."""
    jitter_mm: Array
    """(T,) mm."""


def draw_hand_curves(hands: Sequence[HandCurves], title: str) -> Figure:
    """A figure with a column a side: confidence, jitter, and the angles of each finger in degrees."""
    rows = 2 + len(FINGERS)
    columns = max(len(hands), 1)
    with rc_context(STYLE):
        figure = Figure(figsize=(_WIDTH_IN * columns, _ROW_IN * rows + _LEGEND_IN), layout="constrained")
        axes = figure.subplots(rows, columns, sharex=True, squeeze=False)
        figure.suptitle(title, fontsize=9.5)
        for column, hand in enumerate(hands):
            _draw_hand(list(axes[:, column]), hand)
        if not hands:
            axes[0, 0].set_title("no hand was found")
    return figure


def _draw_hand(axes: list[Axes], hand: HandCurves) -> None:
    axes[0].set_title(f"{hand.side} hand")
    axes[0].plot(hand.times_s, hand.confidence, color=PALETTE[0], linewidth=0.9)
    axes[0].set_ylabel("confidence")
    axes[0].set_ylim(-0.03, 1.03)
    axes[1].plot(hand.times_s, hand.jitter_mm, color=PALETTE[3], linewidth=0.9)
    axes[1].set_ylabel("jitter (mm)")
    axes[1].set_ylim(bottom=0.0)
    for axis, finger in zip(axes[2:], FINGERS, strict=True):
        names = [name for name in ANGLE_NAMES if name.startswith(f"{finger}_")]
        for index, name in enumerate(names):
            values = np.degrees(hand.angles[:, ANGLE_NAMES.index(name)])
            label = name.removeprefix(f"{finger}_").replace("_", " ")
            style = LINE_STYLES[index % len(LINE_STYLES)]
            axis.plot(hand.times_s, values, color=PALETTE[index], linestyle=style, linewidth=0.9, label=label)
        axis.set_ylabel(f"{finger} (°)")
        axis.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=6.5)
    axes[-1].set_xlabel("time (s)")
    for axis in axes:
        style_axes(axis, "both")
