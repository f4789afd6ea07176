"""Figures of the tracker's search, for the terminal.

In: :class:`SearchReport`. Out: lines of text.
"""

from __future__ import annotations

from hand_pose_ros.evaluation.search import Found, SearchReport


def lines(report: SearchReport) -> list[str]:
    """The tables, line by line."""
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
    named = ", ".join(f"{name} {_percent(share)}" for name, share in report.finders.items())
    out += [f"  a place within 60 mm named by: {named}"]
    for when, lost in report.lost.items():
        told = ", ".join(f"{name} {_percent(share)}" for name, share in lost.items())
        out += [f"  lost, {when}: {told}"]
    for where, alarms in report.false_alarms.items():
        told = " ".join(f"{value:.3f}" for value in alarms)
        out += [f"false hands a picture, {where}: {told}"] if alarms else []
    stages = ", ".join(f"{stage} {ms:.1f}" for stage, ms in report.stages_ms.items())
    return [*out, f"first frame: {report.ms:.1f} ms CPU time (median); wall clock: {stages} ms (means)"]


def _row(name: str, found: Found) -> str:
    within = " / ".join(f"{100 * share:5.1f}" for share in found.within.values())
    return (
        f"{name:<14} {found.hands:5d}  {within} %; {_percents(found.by_frame)}; {_percent(found.right_side)}"
    )


def _percents(shares: list[float]) -> str:
    return " ".join(f"{100 * share:.1f}" for share in shares) + " %"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
