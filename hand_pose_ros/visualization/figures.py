"""The style that all figures share, and their files. No pyplot: no display, no global state.

In: matplotlib figures. Out: PNG and SVG files, each replaced in one step; the same figure gives the same bytes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from hand_pose_ros.files import replaced

PALETTE: tuple[str, ...] = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#7F7F7F", "#000000",
)  # fmt: skip
"""Okabe and Ito's palette (readable with every colour vision), darkest contrasts first."""
LINE_STYLES: tuple[tuple[float, tuple[float, ...]], ...] = (
    (0, ()), (0, (6, 1.2)), (0, (6, 1.2, 1.2, 1.2)), (0, (1.4, 1.0)),
)  # fmt: skip
"""Matplotlib dash patterns, so that curves differ without colour too."""
STYLE: Any = {
    "font.family": "sans-serif",
    "font.size": 8.5,
    "axes.linewidth": 0.7,
    "axes.axisbelow": True,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "legend.fontsize": 8,
    "svg.fonttype": "none",
    "svg.hashsalt": "hand_pose_ros",
    "text.parse_math": False,  # names of files and methods may hold what matplotlib takes for mathematics
}
"""Matplotlib settings to draw with: ``with rc_context(STYLE)``."""
PAGE_WIDTH_IN = 7.2
"""Width of a figure over both columns of a paper, inches."""
DPI = 300  # chosen by hand

_METADATA: dict[str, dict[str, Any]] = {"png": {"Software": None}, "svg": {"Date": None}}
"""What matplotlib would write of itself and the day, left out: the same figure gives the same bytes."""


def style_axes(axes: Axes, grid: Literal["x", "y", "both"]) -> None:
    """Leaves thin left and bottom lines only, and draws a light grid behind the data."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis=grid, color="0.87", linewidth=0.6)


def save_figure(figure: Figure, path: Path, kind: Literal["png", "svg"] = "png", dpi: int = DPI) -> None:
    """Writes one file in the format ``kind``, whatever its name. OSError when it cannot be written."""
    FigureCanvasAgg(figure)
    with rc_context(STYLE), replaced(path) as temporary:
        figure.savefig(temporary, format=kind, dpi=dpi, metadata=_METADATA[kind])


def save_png_and_svg(figure: Figure, folder: Path, stem: str) -> tuple[Path, Path]:
    """Writes <stem>.png (300 dpi) and <stem>.svg into a folder (made when absent) -> both paths.

    OSError as :func:`save_figure`.
    """
    png, svg = folder / f"{stem}.png", folder / f"{stem}.svg"
    save_figure(figure, png, "png")
    save_figure(figure, svg, "svg")
    return png, svg
