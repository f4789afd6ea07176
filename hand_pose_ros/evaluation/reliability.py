"""How far predicted probabilities come true: calibration error, Brier score, area under the ROC, reliability diagrams.

In: probabilities (N,) in 0..1 and which of the predicted events came true (N,) bool. Out: numbers, and a matplotlib
figure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, StrMethodFormatter
from numpy.typing import NDArray
from scipy.stats import rankdata

from hand_pose_ros.visualization.figures import PALETTE, STYLE, style_axes

Array = NDArray[np.float64]
Booleans = NDArray[np.bool_]

BINS = 10  # chosen by hand


@dataclass(frozen=True, eq=False)
class Reliability:
    """How far probabilities came true, over all and in B bins of equal width."""

    stated: Array
    """(B,) mean probability of each bin, NaN where it is empty."""
    came_true: Array
    """(B,) share of each bin that came true, NaN where it is empty."""
    count: NDArray[np.int64]
    """(B,) probabilities in each bin."""
    expected_error: float
    """Mean of |stated - came_true|, weighted with the counts: expected calibration error, Guo et al. 2017, "On
    Calibration of Modern Neural Networks", Eq. 3."""
    brier: float
    """Mean squared error of the probability (Brier 1950)."""
    roc_area: float
    """Chance that one that came true was given more than one that did not; NaN when all are alike."""

    @property
    def share(self) -> float:
        """Share of all that came true."""
        seen = self.count > 0
        return float((self.came_true[seen] * self.count[seen]).sum() / self.count.sum())

    @property
    def brier_of_share(self) -> float:
        """The Brier score of always stating the share that came true: what a useful probability is below."""
        return self.share * (1.0 - self.share)


def reliability(probability: Array, truth: Booleans, bins: int = BINS) -> Reliability:
    """ValueError when sizes differ, nothing is given, or a probability is not within 0..1."""
    probability, truth = np.asarray(probability, np.float64).ravel(), np.asarray(truth, bool).ravel()
    if len(probability) != len(truth) or not len(truth):
        raise ValueError(
            f"probability is {probability.shape}, truth {truth.shape}, want the same and not empty"
        )
    if not ((probability >= 0.0) & (probability <= 1.0)).all():
        raise ValueError("a probability is not within 0..1")
    which = np.minimum((probability * bins).astype(int), bins - 1)
    count = np.bincount(which, minlength=bins)
    with np.errstate(invalid="ignore"):
        stated = np.bincount(which, probability, bins) / count
        came_true = np.bincount(which, truth, bins) / count
    off = np.nansum(np.abs(stated - came_true) * count) / len(truth)
    brier = float(np.square(probability - truth).mean())
    return Reliability(stated, came_true, count, float(off), brier, roc_area(probability, truth))


def roc_area(score: Array, truth: Booleans) -> float:
    """Area under the ROC by ranks (Mann and Whitney), ties half; NaN when all or none are true."""
    positives, negatives = int(truth.sum()), int((~truth).sum())
    if not positives or not negatives:
        return float("nan")
    ranks = rankdata(score)[truth].sum() - positives * (positives + 1) / 2
    return float(ranks / (positives * negatives))


def reliability_figure(panels: Mapping[str, Reliability]) -> Figure:
    """A panel each: share that came true (with its 95 % interval) over probability stated, and below how often."""
    with rc_context(STYLE):
        figure = Figure(figsize=(3.6 * len(panels), 4.6), layout="constrained")
        axes = figure.subplots(2, len(panels), squeeze=False, height_ratios=(3, 1), sharex=True)
        for column, (name, measured) in enumerate(panels.items()):
            _panel(axes[0, column], axes[1, column], name, measured)
        axes[0, 0].set_ylabel("Share that was right")
        axes[1, 0].set_ylabel("Count")
    return figure


def _panel(above: Axes, below: Axes, name: str, measured: Reliability) -> None:
    seen = measured.count > 0
    stated, came_true, count = measured.stated[seen], measured.came_true[seen], measured.count[seen]
    low, high = _interval(came_true, count)
    spread = np.clip([came_true - low, high - came_true], 0.0, 1.0)
    above.plot([0, 1], [0, 1], color="0.6", linewidth=0.8, linestyle=(0, (4, 2)))
    above.errorbar(
        stated, came_true, spread, color=PALETTE[0], marker="o", markersize=4, linewidth=1.4, elinewidth=0.8
    )  # fmt: skip
    above.set_title(f"{name}: {count.sum()}, calibration error {measured.expected_error:.3f}", loc="left")
    above.set(xlim=(0, 1), ylim=(0, 1))
    width = 1.0 / len(measured.count)
    below.bar((np.arange(len(measured.count)) + 0.5) * width, measured.count, 0.9 * width, color=PALETTE[0])
    below.set_yscale("log")
    # matplotlib's own labels are mathematics, which the style leaves as text.
    below.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    below.yaxis.set_minor_formatter(NullFormatter())
    below.set_xlabel("Confidence")
    for axes in (above, below):
        style_axes(axes, "both")


def _interval(share: Array, count: NDArray[np.int64]) -> tuple[Array, Array]:
    """Wilson's interval of 95 % about a share of ``count``."""
    z = 1.96
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * np.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return middle - half, middle + half
