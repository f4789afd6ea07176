"""Two replays of one recording, frame by frame: found, jitter, lag, and where they disagree.

In: two :class:`~hand_pose_ros.recording.hand_table.HandTable` of the same frames. Out: :class:`RunComparison`, plain
figures in millimetres, shares and milliseconds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from hand_pose_ros.evaluation.motion_metrics import lag_s
from hand_pose_ros.hand.skeleton import JOINT_NAMES, SIDES
from hand_pose_ros.recording.hand_table import HandTable
from hand_pose_ros.recording.motion import adjacent_frames, increasing_ns, jitter_mm
from hand_pose_ros.validation import require

_LAG_LIMIT_S = 0.15
"""A lag is looked for up to this, seconds. Guessed: four frames."""


@dataclass(frozen=True)
class RunFigures:
    """One run by itself."""

    found: float
    """Share of the common frames with a hand."""
    hands: int
    """Hands in all of them."""
    tracks: int
    """Different track numbers: fewer is steadier."""
    jitter_mm: float | None
    """Median over the frames of the joints' second difference / sqrt(6); None without three frames in a row."""
    wall_ms: float
    """Median time of the tracker."""
    truth_mm: float | None
    """Mean error against known hands; None where none are known."""


@dataclass(frozen=True)
class RunComparison:
    """Run b against run a."""

    frames: int
    """Frames that both have."""
    by: str
    """What says that two frames are the same: "stamp"; "picture" where more have the same picture, as of a folder that
    was played at two rates; times are those of run a then."""
    only: tuple[int, int]
    """Frames that only a, only b has."""
    a: RunFigures
    """The first run."""
    b: RunFigures
    """The second run."""
    both: int
    """Hands that both have, by frame and side; of several the nearest."""
    only_a: int
    """Hands that only a has."""
    only_b: int
    """Hands that only b has."""
    apart_mm: float | None
    """Mean distance of the joints of hands that both have."""
    joint_mm: dict[str, float]
    """The same of each joint; empty without common hands."""
    lag_ms: float | None
    """By how much b runs behind a, of the longest stretch that both have; None where nothing moves or it is short."""
    worst: list[dict[str, Any]]
    """The frames where they disagree most, the worst first: frame, name, side, millimetres (None: one has no hand)."""

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__ if name not in ("a", "b")}
        return {**plain, "only": list(self.only), "a": vars(self.a), "b": vars(self.b)}


def compare_runs(a: HandTable, b: HandTable, worst: int = 10) -> RunComparison:
    """Compares two replays of one recording; ``worst``: frames listed.

    ValueError when they have no frame in common, or most of these show something else.
    """
    require(worst >= 0, "", "worst", worst, "at least 0")
    rows_a, rows_b, by = _common_rows(a, b)
    common = increasing_ns(a.stamp_ns[rows_a])
    if not len(common):
        raise ValueError(
            "the two runs have no frame in common, by stamp or picture: are they of one recording?"
        )
    other = _other_pictures(a.picture[rows_a], b.picture[rows_b])
    if other > len(common) / 2:
        raise ValueError(
            f"the two runs are not of one recording: {other} of {len(common)} frames with the same stamp are different"
            " pictures"
        )
    pairs, alone = _paired_hands(a, b, rows_a, rows_b)
    disagreements: list[tuple[int, int, float | None]] = [  # common frame, side, mm apart
        *((frame, int(a.side[row_a]), mm) for frame, row_a, _, mm in pairs),
        *((frame, side, None) for frame, side, _ in alone),
    ]
    disagreements.sort(key=lambda one: (one[2] is not None, -(one[2] or 0.0), one[0]))
    only_a = sum(of_a for _, _, of_a in alone)
    both = np.array([(row_a, row_b) for _, row_a, row_b, _ in pairs], np.int64).reshape(-1, 2)
    every = 1000.0 * np.linalg.norm(a.joints[both[:, 0]] - b.joints[both[:, 1]], axis=-1)
    lags = [_lag(common, *track) for track in _by_tracks(a, b, pairs, len(common))]
    known = [lag for lag in lags if lag is not None]
    return RunComparison(
        frames=len(common),
        by=by,
        only=(len(a.stamp_ns) - len(common), len(b.stamp_ns) - len(common)),
        a=_figures(a, rows_a),
        b=_figures(b, rows_b),
        both=len(pairs),
        only_a=only_a,
        only_b=len(alone) - only_a,
        apart_mm=float(every.mean()) if len(every) else None,
        joint_mm=dict(zip(JOINT_NAMES, every.mean(axis=0).tolist(), strict=True)) if len(every) else {},
        lag_ms=1000.0 * max(known, key=lambda lag: lag[1])[0] if known else None,
        worst=[
            {"frame": int(a.frame[rows_a[i]]), "name": str(a.name[rows_a[i]]), "side": SIDES[side], "apart_mm": mm}
            for i, side, mm in disagreements[:worst]
        ],
    )  # fmt: skip


def _common_rows(a: HandTable, b: HandTable) -> tuple[NDArray[np.int64], NDArray[np.int64], str]:
    """Rows of the frames that both have, in the order of the recording, and what says so."""
    by_stamp = _pairs(a.stamp_ns, b.stamp_ns)
    by_picture = _pairs(a.picture, b.picture)
    by_picture = by_picture[a.picture[by_picture[:, 0]] > 0]
    # A few pictures may be the same by chance: black ones.
    most = 2 * len(by_picture) > min(len(a.frame), len(b.frame))
    same = len(by_stamp) - _other_pictures(a.picture[by_stamp[:, 0]], b.picture[by_stamp[:, 1]])
    rows, by = (by_picture, "picture") if most and len(by_picture) > same else (by_stamp, "stamp")
    return rows[:, 0], rows[:, 1], by


def _other_pictures(a: NDArray[Any], b: NDArray[Any]) -> int:
    """Of frames one for one, how many are of different pictures; those of which one is not known are not."""
    return int(((a != b) & (a > 0) & (b > 0)).sum())


def _pairs(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.int64]:
    """(P, 2) rows of equal values; where one comes more than once, in a recording that loops, by which time it is."""
    of_b = {key: row for row, key in enumerate(_times_seen(b))}
    pairs = [(row, of_b[key]) for row, key in enumerate(_times_seen(a)) if key in of_b]
    return np.array(pairs, np.int64).reshape(-1, 2)


def _times_seen(values: NDArray[Any]) -> list[tuple[int, int]]:
    """Each value with how often it came before."""
    seen: Counter[int] = Counter()
    keys = []
    for value in values.tolist():
        keys.append((value, seen[value]))
        seen[value] += 1
    return keys


class _Pair(NamedTuple):
    """A hand that both runs have."""

    frame: int
    """Of the common ones."""
    row_a: int
    row_b: int
    apart_mm: float


def _paired_hands(
    a: HandTable, b: HandTable, rows_a: NDArray[np.int64], rows_b: NDArray[np.int64]
) -> tuple[list[_Pair], list[tuple[int, int, bool]]]:
    """The hands of the common frames that both have, and the frame and side of those that one has alone, with whether
    that is a."""
    pairs: list[_Pair] = []
    alone: list[tuple[int, int, bool]] = []
    hands_a, hands_b = _hands_by_frame(a), _hands_by_frame(b)
    for frame, (row_a, row_b) in enumerate(zip(rows_a.tolist(), rows_b.tolist(), strict=True)):
        for side in range(len(SIDES)):
            of_a, of_b = hands_a.get((row_a, side), []), hands_b.get((row_b, side), [])
            found = nearest_pairs(a.joints[of_a], b.joints[of_b])
            pairs += [_Pair(frame, of_a[i], of_b[j], 1000.0 * apart) for i, j, apart in found]
            alone += [(frame, side, True)] * (len(of_a) - len(found))
            alone += [(frame, side, False)] * (len(of_b) - len(found))
    return pairs, alone


def _hands_by_frame(table: HandTable) -> dict[tuple[int, int], list[int]]:
    """The rows of the hands of each frame and side."""
    rows: dict[tuple[int, int], list[int]] = {}
    for hand, key in enumerate(zip(table.hand_row.tolist(), table.side.tolist(), strict=True)):
        rows.setdefault(key, []).append(hand)
    return rows


def nearest_pairs(one: NDArray[np.float64], other: NDArray[np.float64]) -> list[tuple[int, int, float]]:
    """Of hands (N, 23, 3) and (M, 23, 3) m the pairs, one for one, whose joints are the nearest together: the indices,
    and how far the joints are apart on average, m."""
    apart = np.linalg.norm(one[:, None] - other[None], axis=-1).mean(axis=-1).reshape(len(one), len(other))
    return [(int(i), int(j), float(apart[i, j])) for i, j in zip(*linear_sum_assignment(apart), strict=True)]


def _by_tracks(
    a: HandTable, b: HandTable, pairs: list[_Pair], frames: int
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]]:
    """Joints (frames, 23, 3) m of a track of a and of the track of b that is the same hand, NaN where they are not, and
    where they are; of each such two."""
    of_tracks: dict[tuple[int, int], list[_Pair]] = {}
    for pair in pairs:
        of_tracks.setdefault((int(a.track_id[pair.row_a]), int(b.track_id[pair.row_b])), []).append(pair)
    for chosen in of_tracks.values():
        at, rows_a, rows_b = (np.array([pair[n] for pair in chosen]) for n in range(3))
        joints = np.full((2, frames, len(JOINT_NAMES), 3), np.nan)
        joints[0, at], joints[1, at] = a.joints[rows_a], b.joints[rows_b]
        yield joints[0], joints[1], np.isfinite(joints[0, :, 0, 0])


def _by_frame(table: HandTable, rows: NDArray[np.int64], track_id: int) -> NDArray[np.float64]:
    """(F, 23, 3) m of a track's hand in each of some frames, NaN where it is not there."""
    spread = np.full((len(table.frame), len(JOINT_NAMES), 3), np.nan)
    hands = np.flatnonzero(table.track_id == track_id)
    spread[table.hand_row[hands]] = table.joints[hands]
    return spread[rows]


def _figures(table: HandTable, rows: NDArray[np.int64]) -> RunFigures:
    kept = np.isin(table.hand_row, rows)
    adjacent = adjacent_frames(table.stamp_ns[rows])
    tracks = np.unique(table.track_id[kept])
    with np.errstate(invalid="ignore"):
        jitter = [jitter_mm(_by_frame(table, rows, int(track)), adjacent) for track in tracks]
    values = np.concatenate([*jitter, np.empty(0)])
    values = values[np.isfinite(values)]
    return RunFigures(
        found=float(np.isin(rows, table.hand_row).mean()),
        hands=int(kept.sum()),
        tracks=len(tracks),
        jitter_mm=float(np.median(values)) if len(values) else None,
        wall_ms=float(np.median(table.wall_ms[rows])),
        truth_mm=truth_error_mm(table),
    )


def truth_error_mm(table: HandTable) -> float | None:
    """Mean distance of the joints from those of known hands of the same frame and side; None without any."""
    found, true = matched_with_truth(table)
    return float(1000.0 * np.linalg.norm(found - true, axis=-1).mean()) if len(found) else None


def matched_with_truth(table: HandTable) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Joints (K, 23, 3) m of found hands and of the known ones of their frame and side, one for one: the nearest."""
    found, true = [], []
    known = np.stack([table.truth_row, table.truth_side], axis=-1)
    for row, side in np.unique(known, axis=0):
        hands = table.joints[(table.hand_row == row) & (table.side == side)]
        truths = table.truth_joints[(known == (row, side)).all(axis=-1)]
        for i, j, _ in nearest_pairs(hands, truths):
            found.append(hands[i])
            true.append(truths[j])
    shape = (len(found), len(JOINT_NAMES), 3)
    return np.array(found).reshape(shape), np.array(true).reshape(shape)


def _lag(
    stamps_ns: NDArray[np.int64],
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    both: NDArray[np.bool_],
) -> tuple[float, int] | None:
    """(seconds, frames) of the longest stretch of frames in which both have the hand; None where none can be had."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], both, [False]]).astype(np.int8)))
    stretches = edges.reshape(-1, 2)
    if not len(stretches):
        return None
    start, end = stretches[(stretches[:, 1] - stretches[:, 0]).argmax()]
    times = (stamps_ns[start:end] - stamps_ns[start]) * 1e-9
    try:
        lag = lag_s(
            times, a[start:end].reshape(end - start, -1), b[start:end].reshape(end - start, -1), _LAG_LIMIT_S
        )
    except ValueError:  # too short, or nothing moves
        return None
    return lag, int(end - start)
