"""Figures of the tracker's search over many scenes.

In: a :class:`~hand_pose_ros.evaluation.search_trials.SearchedImage` a scene. Out: :class:`SearchReport`, and its lines
for the terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from hand_pose_ros.evaluation.detector_evaluation import WITHIN_MM
from hand_pose_ros.evaluation.search_trials import (
    FOUND_M,
    HALF_VISIBLE,
    SOURCES,
    SearchedHand,
    SearchedImage,
)

DISTANCES_M = (0.0, 0.4, 0.6, 0.8, 1.0, 1.5)
"""Ends of the bands of distance. Chosen by hand, as those of the next."""
VISIBLE = (0.0, 0.3, 0.5, 0.7, 0.9, 1.01)
"""Ends of the bands of the visible share; the last one is above 1 so that it holds hands that are wholly visible."""
LOSSES = ("no place within 60 mm", "place there, not taken for a hand", "published, 20 to 60 mm off")
"""Where on the way a hand is lost."""
_PROPOSED_M = 0.001 * WITHIN_MM[-1]
"""A hand is proposed when a proposal is within this distance of its middle. The widest limit of the shares, so
that both reports count alike."""


@dataclass(frozen=True)
class FoundShares:
    """Shares of some hands that were found; NaN where nothing was counted."""

    hands: int
    """How many hands."""
    within: dict[str, float]
    """Limit in mm -> share with a published hand that near, in the first frame."""
    raw_within_20: float
    """Share within 20 mm as the network alone has the hands, in the first frame."""
    by_frame: list[float]
    """Share within 20 mm, frame by frame."""
    right_side: float
    """Of those within 60 mm in the last frame: share with the right side."""


@dataclass(frozen=True)
class SearchReport:
    """How well hands are found in scenes, and where they are lost."""

    pictures: int
    """Scenes."""
    frames: int
    """Frames of each scene."""
    all: FoundShares
    """Every hand of which a pixel is visible."""
    half_seen: FoundShares
    """Hands at least half visible."""
    by_distance: dict[str, FoundShares]
    """Hands at least half visible, by bands of distance (m)."""
    by_seen: dict[str, FoundShares]
    """All hands, by bands of the visible share."""
    two_hands: int
    """Scenes with two hands at least half visible."""
    both: list[float]
    """Share of these in which both are found, frame by frame."""
    sources: dict[str, float]
    """Shares of the hands half visible with a proposal within 60 mm, by its source (only: of no other source)."""
    lost: dict[str, dict[str, float]]
    """Shares of the hands half visible that are not found, by where they are lost, in the first and the last frame."""
    false_alarms: dict[str, list[float]]
    """False hands a scene, with hands and without, and doubles, frame by frame."""
    ms: float
    """Median CPU time of the first frame's update."""
    stages_ms: dict[str, float] = field(default_factory=dict)
    """Means of the wall-clock time of its parts."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def summarise_search(images: Iterable[SearchedImage]) -> SearchReport:
    """The figures of all scenes together."""
    images = list(images)
    hands = [hand for image in images for hand in image.hands]
    half = [hand for hand in hands if hand.visible >= HALF_VISIBLE]
    both = [image.both for image in images if image.both is not None]
    with_hands = [image for image in images if image.hands]
    without = [image for image in images if not image.hands]
    return SearchReport(
        pictures=len(images),
        frames=len(images[0].false) if images else 0,
        all=_found(hands),
        half_seen=_found(half),
        by_distance=_banded(half, DISTANCES_M, lambda hand: hand.distance_m),
        by_seen=_banded(hands, VISIBLE, lambda hand: hand.visible, most=1.0),
        two_hands=len(both),
        both=_by_frame(both),
        sources=_sources(half),
        lost={"first frame": _lost(half, 0), "last frame": _lost(half, -1)},
        false_alarms={
            "with hands": _by_frame([image.false for image in with_hands]),
            "without": _by_frame([image.false for image in without]),
            "doubles": _by_frame([image.doubles for image in with_hands]),
        },
        ms=float(np.median([image.ms for image in images])) if images else float("nan"),
        stages_ms={
            stage: _mean([image.stages_ms.get(stage, 0.0) for image in images])
            for stage in sorted({stage for image in images for stage in image.stages_ms})
        },
    )


def _banded(
    hands: list[SearchedHand],
    ends: Sequence[float],
    value: Callable[[SearchedHand], float],
    most: float = np.inf,
) -> dict[str, FoundShares]:
    """The shares of hands with a value from each end to the next; names show no end above ``most``."""
    return {
        f"{low:g} to {min(high, most):g}": _found([hand for hand in hands if low <= value(hand) < high])
        for low, high in pairwise(ends)
    }


def _found(hands: list[SearchedHand]) -> FoundShares:
    first = np.array([1e3 * hand.errors_m[0] for hand in hands])
    last = [bool(hand.right_side[-1]) for hand in hands if hand.errors_m[-1] < _PROPOSED_M]
    return FoundShares(
        hands=len(hands),
        within={str(limit): _mean(first < limit) for limit in WITHIN_MM},
        raw_within_20=_mean([hand.raw_errors_m[0] < FOUND_M for hand in hands]),
        by_frame=_by_frame([hand.errors_m < FOUND_M for hand in hands]),
        right_side=_mean(last),
    )


def _sources(hands: list[SearchedHand]) -> dict[str, float]:
    near = {
        source: np.array([h.proposals_m[source] < _PROPOSED_M for h in hands], bool) for source in SOURCES
    }
    detector, blob = (near[source] for source in SOURCES)
    return {
        "detector": _mean(detector),
        "detector only": _mean(detector & ~blob),
        "blob": _mean(blob),
        "blob only": _mean(blob & ~detector),
    }


def _lost(hands: list[SearchedHand], frame: int) -> dict[str, float]:
    """Shares of hands that are not found, by reason; the first frame's proposals count for every frame."""
    counts = dict.fromkeys(LOSSES, 0)
    not_proposed, not_taken, beside = LOSSES
    for hand in hands:
        error = hand.errors_m[frame]
        if error < FOUND_M:
            continue
        if error < _PROPOSED_M:
            counts[beside] += 1
        else:
            counts[not_taken if hand.nearest_proposal_m() < _PROPOSED_M else not_proposed] += 1
    return {name: count / len(hands) if hands else float("nan") for name, count in counts.items()}


def _mean(values: Any) -> float:
    return float(np.mean(values)) if len(values) else float("nan")


def _by_frame(rows: Sequence[Any]) -> list[float]:
    return [float(x) for x in np.mean(np.array(rows, float), axis=0)] if len(rows) else []


def search_lines(report: SearchReport) -> list[str]:
    """The figures for the terminal, line by line."""
    frames = report.frames
    title = f"first frame: within 20 / 40 / 60 mm; within 20 mm after 1 to {frames} frames; right side"
    out = [
        f"{report.pictures} pictures, {report.all.hands} hands; {title}",
        _row("all hands", report.all),
        _row("half seen", report.half_seen),
    ]
    out += [_row(f"  {band} m", found) for band, found in report.by_distance.items() if found.hands]
    out += ["by the share of the hand that is seen:"]
    out += [_row(f"  {band}", found) for band, found in report.by_seen.items() if found.hands]
    out += ["hands half seen:", f"  raw within 20 mm: {_percent(report.half_seen.raw_within_20)}"]
    out += [f"  both of two ({report.two_hands} pictures): {_percents(report.both)}"]
    out += [f"  a place within 60 mm named by: {_shares(report.sources)}"]
    out += [f"  lost, {when}: {_shares(lost)}" for when, lost in report.lost.items()]
    for where, alarms in report.false_alarms.items():
        rates = " ".join(f"{value:.3f}" for value in alarms)
        out += [f"false hands a picture, {where}: {rates}"] if alarms else []
    stages = ", ".join(f"{stage} {ms:.1f}" for stage, ms in report.stages_ms.items())
    return [*out, f"first frame: {report.ms:.1f} ms CPU time (median); wall clock: {stages} ms (means)"]


def _row(name: str, found: FoundShares) -> str:
    within = " / ".join(f"{100 * share:5.1f}" for share in found.within.values())
    return (
        f"{name:<14} {found.hands:5d}  {within} %; {_percents(found.by_frame)}; {_percent(found.right_side)}"
    )


def _shares(shares: dict[str, float]) -> str:
    return ", ".join(f"{name} {_percent(share)}" for name, share in shares.items())


def _percents(shares: list[float]) -> str:
    return " ".join(f"{100 * share:.1f}" for share in shares) + " %"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
