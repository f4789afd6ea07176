"""Figures of trackers on the bench's sequences: errors, jitter, lag, validity, losing and finding, labels, times.

In: runs of one tracker (bench_runs.Run). Out: plain numbers by name; lengths in millimetres, times as named.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.evaluation.bench_runs import MATCH_M, Frame, Pair, Run, apart_m, pairs
from hand_pose_ros.evaluation.motion_metrics import jitter_m, lag_s
from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.skeleton import bone_lengths
from hand_pose_ros.tracking.hand import Hand, TrackState

TIPS = list(skeleton.TIP_JOINTS)
SETTLED_S = 1.0
"""A still hand is evaluated from this long after it was first seen: filter and shape have settled then (guessed)."""
LOST_FRAMES = 3
"""Frames within which a hand that has left must be gone; those are not counted as published without a hand."""
_LONGEST_GAP_S = 0.2
"""Motion counts as one stretch across gaps up to this long. Guessed, as the numbers that follow."""
_SHORTEST_MOTION_S = 1.5
"""Stretches that are shorter give no lag: it is measured away from both ends (motion_metrics.lag_s)."""
_MOST_BONE_CHANGE_M = 1e-6
"""Bones of a frozen shape differ by rounding alone."""
_FEWEST_STILL_FRAMES = 10
_WARM_UP_FRAMES = 15
"""Frames of a run whose times do not count: the track begins in them."""
_NEVER_SEEN = 10**6
"""Frames without a hand at the start of a sequence: a hand that was never there has not left."""
_RETURNED_IN_VIEW, _RETURNED_VISIBLE = 0.95, 0.5
"""Shares of a hand in view and visible from which on it has come back."""

Array = NDArray[np.float64]
Figures = dict[str, float]
Key = tuple[str, float, str]
"""Sequence, stamp in seconds and side of a true hand."""


def found_hands(runs: Sequence[Run]) -> set[Key]:
    """The true hands that were found."""
    return {(run.sequence.name, pair.stamp_s, pair.truth.side) for run in runs for pair in pairs(run)}


def accuracy(runs: Sequence[Run], common: set[Key] | None = None) -> Figures:
    """Errors of refined and raw hands on the same frames, all joints and fingertips, and the share of hands found.

    ``common``: measure the errors on these hands alone, those that all trackers found.
    """
    found = [
        pair
        for run in runs
        for pair in pairs(run)
        if common is None or (run.sequence.name, pair.stamp_s, pair.truth.side) in common
    ]
    visible = sum(len(frame.evaluated) for run in runs for frame in run.frames)
    if not found:
        return {"frames": visible, "found_percent": 0.0}
    truth = np.stack([pair.truth.joints for pair in found])
    figures: Figures = {
        "frames": visible,
        "found_percent": 100.0 * len(found_hands(runs)) / max(visible, 1),
        "evaluated": float(len(found)),
    }
    for name, of in (("refined", "hand"), ("raw", "raw")):
        joints = np.stack([getattr(pair, of).joints for pair in found])
        error = 1e3 * np.linalg.norm(joints - truth, axis=-1)
        figures[f"{name}_mm"] = float(error.mean())
        figures[f"{name}_tips_mm"] = float(error[:, TIPS].mean())
        figures[f"{name}_median_mm"] = float(np.median(error.mean(axis=1)))
    for part in ("", "tips_"):
        raw, refined = figures[f"raw_{part}mm"], figures[f"refined_{part}mm"]
        figures[f"{part}gain_percent"] = 100.0 * (raw - refined) / raw
    figures["wrong_side_percent"] = 100.0 * float(np.mean([p.hand.side != p.truth.side for p in found]))
    return figures


def stillness(runs: Sequence[Run]) -> Figures:
    """Jitter of the fingertips of hands held still: RMS about their mean, refined and raw, mean and worst sequence."""
    jitter: dict[str, list[float]] = {"hand": [], "raw": []}
    for run in runs:
        settled = [pair for pair in pairs(run) if pair.stamp_s >= run.frames[0].stamp_s + SETTLED_S]
        if len(settled) < _FEWEST_STILL_FRAMES:
            continue
        for name, values in jitter.items():
            tips = np.stack([getattr(pair, name).joints[TIPS] for pair in settled])
            values.append(1e3 * float(np.sqrt(np.square(jitter_m(tips)).mean())))
    if not jitter["hand"]:
        return {}
    return {
        "sequences": float(len(jitter["hand"])),
        "refined_jitter_mm": float(np.mean(jitter["hand"])),
        "raw_jitter_mm": float(np.mean(jitter["raw"])),
        "jitter_ratio": float(np.mean(jitter["hand"]) / np.mean(jitter["raw"])),
        "worst_refined_jitter_mm": float(np.max(jitter["hand"])),
        "worst_jitter_ratio": float(np.max(np.array(jitter["hand"]) / np.array(jitter["raw"]))),
    }


def lag(runs: Sequence[Run]) -> Figures:
    """Lag of the fingertips of moving hands behind the truth, ms: refined, raw, and what refinement adds."""
    lags: dict[str, list[float]] = {"hand": [], "raw": []}
    for run in runs:
        for stretch in _stretches(pairs(run)):
            times = np.array([pair.stamp_s for pair in stretch])
            truth = _tips([pair.truth.joints for pair in stretch])
            for name, values in lags.items():
                values.append(1e3 * lag_s(times, truth, _tips([getattr(p, name).joints for p in stretch])))
    if not lags["hand"]:
        return {}
    return {
        "stretches": float(len(lags["hand"])),
        "refined_lag_ms": float(np.mean(lags["hand"])),
        "raw_lag_ms": float(np.mean(lags["raw"])),
        "added_lag_ms": float(np.mean(np.array(lags["hand"]) - np.array(lags["raw"]))),
        "worst_refined_lag_ms": float(np.max(lags["hand"])),
    }


def validity(runs: Sequence[Run]) -> Figures:
    """Published hands with an angle out of range, and with a bone that changed after the shape was frozen."""
    low, high = skeleton.ANGLE_LIMITS.T
    published = outside = changed = frozen = 0
    for run in runs:
        first: dict[int, np.ndarray] = {}
        for hand in (hand for frame in run.frames for hand in frame.hands):
            published += 1
            outside += bool((hand.angles < low).any() or (hand.angles > high).any())
            if hand.shape_frozen:
                frozen += 1
                lengths = bone_lengths(hand.joints)
                first.setdefault(hand.track_id, lengths)
                changed += bool(np.abs(lengths - first[hand.track_id]).max() > _MOST_BONE_CHANGE_M)
    return {
        "published": published,
        "out_of_range": outside,
        "with_frozen_shape": frozen,
        "bones_changed": changed,
    }


def presence(runs: Sequence[Run]) -> Figures:
    """How fast hands are lost and found again, and how often a hand is published where there is none."""
    lost: list[int] = []
    again: list[int] = []
    empty = taken = 0
    for run in runs:
        absent_for = _NEVER_SEEN
        waiting: int | None = None
        for frame in run.frames:
            there = bool(frame.truth)
            absent_for = 0 if there else absent_for + 1
            if absent_for > LOST_FRAMES:
                empty += 1
                taken += bool(frame.hands)
            if absent_for == 1:
                lost.append(0)
            if 0 < absent_for < _NEVER_SEEN and lost and frame.hands:
                lost[-1] = absent_for
            waiting = _count_wait(frame, waiting, again, absent_for)
    return {
        "left": float(len(lost)),
        "frames_to_lose_max": float(max(lost, default=0)),
        "frames_to_lose_mean": float(np.mean(lost)) if lost else 0.0,
        "returned": float(len(again)),
        "frames_to_find_max": float(max(again, default=0)),
        "frames_to_find_mean": float(np.mean(again)) if again else 0.0,
        "frames_without_hand": float(empty),
        "quiet_percent": 100.0 * (1.0 - taken / empty) if empty else 100.0,
    }


def _count_wait(frame: Frame, waiting: int | None, again: list[int], absent_for: int) -> int | None:
    """Frames since a hand has come back into view, until it is tracked."""
    if absent_for:
        return 0
    back = [t for t in frame.truth if t.in_view >= _RETURNED_IN_VIEW and t.visible >= _RETURNED_VISIBLE]
    if waiting is None or not back:
        return waiting
    if any(hand.state == TrackState.TRACK for hand in frame.hands):
        again.append(waiting)
        return None
    return waiting + 1


def labels(runs: Sequence[Run]) -> Figures:
    """Two hands at once: how often both are published, how often one carries the other's side, and how often there is
    one where no hand is."""
    found = [pair for run in runs for pair in pairs(run)]
    two = [frame for run in runs for frame in run.frames if len(frame.evaluated) == 2]
    both = sum(len([h for h in frame.hands if h.state == TrackState.TRACK]) == 2 for frame in two)
    swapped = {
        (pair.stamp_s, id(run)) for run in runs for pair in pairs(run) if pair.hand.side != pair.truth.side
    }
    frames = [frame for run in runs for frame in run.frames]
    nowhere = sum(any(_is_nowhere(hand, frame) for hand in frame.hands) for frame in frames)
    return {
        "frames_with_two": float(len(two)),
        "both_percent": 100.0 * both / max(len(two), 1),
        "hands_evaluated": float(len(found)),
        "swapped_percent": 100.0 * len(swapped) / max(len(frames), 1),
        "nowhere_percent": 100.0 * nowhere / max(len(frames), 1),
    }


def _is_nowhere(hand: Hand, frame: Frame) -> bool:
    """Whether a tracked hand is near no true one; one that coasts may be."""
    return hand.state == TrackState.TRACK and all(apart_m(hand, truth) >= MATCH_M for truth in frame.truth)


def stage_times(runs: Sequence[Run]) -> dict[str, dict[str, float]]:
    """Milliseconds a stage of frames in which one known hand was followed: p50 and p95; ``total`` is their sum."""
    rows: dict[str, list[float]] = {}
    for run in runs:
        for frame in run.frames[_WARM_UP_FRAMES:]:
            if len(frame.hands) == 1 and "locate" not in frame.timings_ms:
                for stage, value in (*frame.timings_ms.items(), ("total", sum(frame.timings_ms.values()))):
                    rows.setdefault(stage, []).append(value)
    return {
        stage: {"p50": float(np.median(values)), "p95": float(np.quantile(values, 0.95))}
        for stage, values in rows.items()
    }


def _stretches(found: list[Pair]) -> list[list[Pair]]:
    """Parts of a run in which one hand moved and was tracked without a long gap."""
    parts: list[list[Pair]] = [[]]
    for pair in found:
        if parts[-1] and _apart(parts[-1][-1], pair):
            parts.append([])
        parts[-1].append(pair)
    return [part for part in parts if part and part[-1].stamp_s - part[0].stamp_s >= _SHORTEST_MOTION_S]


def _apart(a: Pair, b: Pair) -> bool:
    return b.stamp_s - a.stamp_s > _LONGEST_GAP_S or a.hand.track_id != b.hand.track_id


def _tips(joints: list[np.ndarray]) -> np.ndarray:
    return np.stack(joints)[:, TIPS].reshape(len(joints), -1)


def held_jitter(hands: Sequence[tuple[Hand, Hand]], still_m: float = 0.004) -> Figures:
    """Jitter of a real hand while it is held: (refined, raw) of successive frames; no truth is needed.

    Three frames in a row count in which the refined palm moves by less than ``still_m`` from each to the next. What a
    fingertip is off the middle of its neighbours in time, over sqrt(3/2), is what white noise would be in one frame,
    and slow motion does not count. Median over fingertips and frames, mm: fingers that move are few.
    """
    values: dict[str, list[Array]] = {"refined": [], "raw": []}
    for three in zip(hands, hands[1:], hands[2:], strict=False):
        palms = np.stack([hand.translation for hand, _ in three])
        same = len({hand.track_id for hand, _ in three}) == 1
        if same and np.linalg.norm(np.diff(palms, axis=0), axis=1).max() < still_m:
            for index, name in enumerate(values):
                before, now, after = (pair[index].joints[TIPS] for pair in three)
                off = now - 0.5 * (before + after)
                values[name].append(np.linalg.norm(off, axis=1) / np.sqrt(1.5))
    if not values["raw"]:
        return {"held_frames": 0.0}
    refined, raw = (1e3 * float(np.median(np.stack(values[name]))) for name in ("refined", "raw"))
    return {
        "held_frames": float(len(values["raw"])),
        "refined_jitter_mm": refined,
        "raw_jitter_mm": raw,
        "jitter_ratio": refined / raw,
    }
