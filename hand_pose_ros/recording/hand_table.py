"""hands.npz and hands.csv: what was found in a recording, as plain numbers.

In: tracked frames and known hands; or the npz file again. Out: :class:`HandTable`, arrays with a row a frame and arrays
with a row a hand. Units are metres, radians and nanoseconds, coordinates those of the camera's optical frame;
docs/reference/recordings.md lists every column. No pickle is written or loaded.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.files import read_arrays, replaced
from hand_pose_ros.hand.skeleton import ANGLE_COUNT, ANGLE_NAMES, JOINT_COUNT, JOINT_NAMES, SHAPE_NAMES, SIDES
from hand_pose_ros.recording.motion import increasing_ns
from hand_pose_ros.recording.output_files import HANDS_NPZ
from hand_pose_ros.recording.recorded_frame import RecordingError, TrueHand
from hand_pose_ros.recording.tracked_frame import TrackedFrame
from hand_pose_ros.tracking.hand import TrackState
from hand_pose_ros.validation import shown

Array = NDArray[Any]

_LATER = ("picture",)
"""Arrays that files of 0.1.0 lack."""

_KIND_NAMES = {
    "i": "whole numbers",
    "u": "whole numbers",
    "f": "real numbers",
    "U": "texts",
    "b": "truth values",
}


@dataclass(frozen=True, eq=False)
class HandTable:
    """F frames that were tracked, N hands that were found in them, M known ones. Rows are in the recording's order."""

    frame: Array
    """(F,) int64: number of the frame in the recording."""
    stamp_ns: Array
    """(F,) int64: its stamp."""
    name: Array
    """(F,) text: its file, or its time."""
    state: Array
    """(F,) uint8: of the tracker, HandPose.STATE_*."""
    wall_ms: Array
    """(F,) float32: what the tracker took."""
    hand_row: Array
    """(N,) int64: row of the frame that each hand was found in."""
    side: Array
    """(N,) uint8: 0 right, 1 left."""
    track_id: Array
    """(N,) int64."""
    hand_state: Array
    """(N,) uint8: 1 seen (TRACK), 2 hidden (COAST)."""
    confidence: Array
    """(N,) float32, 0 to 1."""
    joints: Array
    """(N, 23, 3) float64 m."""
    joint_confidence: Array
    """(N, 23) float32, 0 to 1."""
    joint_velocities: Array
    """(N, 23, 3) float32 m/s."""
    angles: Array
    """(N, 20) float64 rad."""
    angle_velocities: Array
    """(N, 20) float32 rad/s."""
    palm_position: Array
    """(N, 3) float64 m."""
    palm_rotation: Array
    """(N, 3, 3) float64: columns are the palm's axes."""
    shape: Array
    """(N, 9) float32: log scales of the hand's shape."""
    shape_frozen: Array
    """(N,) bool."""
    truth_row: Array
    """(M,) int64: row of the frame that each known hand is in."""
    truth_side: Array
    """(M,) uint8."""
    truth_joints: Array
    """(M, 23, 3) float64 m."""
    picture: Array
    """(F,) uint32: checksum of the image, the same in every run of a recording; 0: not known."""

    @property
    def times_s(self) -> NDArray[np.float64]:
        """(F,) seconds since the first frame, in the frames' order also where stamps go back."""
        return (increasing_ns(self.stamp_ns) - self.stamp_ns[:1].sum()) * 1e-9

    def hands_of(self, side: int) -> NDArray[np.int64]:
        """Rows of the hands of a side, one a frame: that which is tracked longest."""
        rows: dict[int, int] = {}
        for row in np.flatnonzero(self.side == side):
            frame = int(self.hand_row[row])
            if frame not in rows or self.track_id[row] < self.track_id[rows[frame]]:
                rows[frame] = int(row)
        return np.array([rows[frame] for frame in sorted(rows)], np.int64)

    def write_npz(self, path: Path) -> None:
        """Writes all arrays and the names of their columns. OSError when it cannot be written."""
        arrays = {field.name: getattr(self, field.name) for field in fields(self)}
        names = {"joint_names": np.array(JOINT_NAMES), "angle_names": np.array(ANGLE_NAMES)}
        names |= {"shape_names": np.array(SHAPE_NAMES), "side_names": np.array(SIDES)}
        with replaced(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, **arrays, **names)  # type: ignore[arg-type]

    def write_csv(self, path: Path) -> None:
        """Writes one row a hand, and one without a hand for a frame that has none. OSError when that fails."""
        with replaced(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(csv_columns())
            writer.writerows(self._csv_rows())

    def _csv_rows(self) -> Iterator[list[object]]:
        of_frame: dict[int, list[int]] = {}
        for hand, row in enumerate(self.hand_row):
            of_frame.setdefault(int(row), []).append(hand)
        width = len(csv_columns())
        for row in range(len(self.frame)):
            start: list[object] = [int(self.frame[row]), int(self.stamp_ns[row]), str(self.name[row])]
            if row not in of_frame:
                state = TrackState(int(self.state[row])).name
                yield [*start, state, *[""] * (width - len(start) - 1)]
            for hand in of_frame.get(row, []):
                state = TrackState(int(self.hand_state[hand])).name
                numbers = [*self.joints[hand].reshape(-1), *self.angles[hand]]
                yield [
                    *start, state, SIDES[int(self.side[hand])], int(self.track_id[hand]),
                    f"{self.confidence[hand]:.4f}", f"{np.exp(self.shape[hand, 0]):.5f}",
                    *[f"{number:.6f}" for number in numbers],
                ]  # fmt: skip


def csv_columns() -> list[str]:
    """The first line of hands.csv: names with their units."""
    columns = ["frame", "stamp_ns", "name", "state", "side", "track_id", "confidence", "scale"]
    columns += [f"{joint}_{axis}_m" for joint in JOINT_NAMES for axis in "xyz"]
    return columns + [f"{angle}_rad" for angle in ANGLE_NAMES]


def hand_table(
    frames: Sequence[TrackedFrame], truth: Mapping[int, Sequence[TrueHand]] | None = None
) -> HandTable:
    """The table of tracked frames; ``truth``: known hands by stamp."""
    hands = [(row, hand) for row, frame in enumerate(frames) for hand in frame.result.hands]
    known = [
        (row, hand) for row, frame in enumerate(frames) for hand in (truth or {}).get(frame.stamp_ns, [])
    ]

    def of_frames(values: Sequence[Any], kind: Any) -> Array:
        return np.array(values, kind).reshape(len(frames))

    def of_hands(name: str, kind: Any, *shape: int) -> Array:
        return np.array([getattr(hand, name) for _, hand in hands], kind).reshape(len(hands), *shape)

    return HandTable(
        frame=of_frames([frame.index for frame in frames], np.int64),
        stamp_ns=of_frames([frame.stamp_ns for frame in frames], np.int64),
        name=np.array([frame.name for frame in frames], np.str_).reshape(len(frames)),
        state=of_frames([int(frame.result.state) for frame in frames], np.uint8),
        wall_ms=of_frames([frame.wall_ms for frame in frames], np.float32),
        hand_row=np.array([row for row, _ in hands], np.int64),
        side=np.array([SIDES.index(hand.side) for _, hand in hands], np.uint8),
        track_id=of_hands("track_id", np.int64),
        hand_state=of_hands("state", np.uint8),
        confidence=of_hands("confidence", np.float32),
        joints=of_hands("joints", np.float64, JOINT_COUNT, 3),
        joint_confidence=of_hands("joint_confidence", np.float32, JOINT_COUNT),
        joint_velocities=of_hands("joint_velocities", np.float32, JOINT_COUNT, 3),
        angles=of_hands("angles", np.float64, ANGLE_COUNT),
        angle_velocities=of_hands("angle_velocities", np.float32, ANGLE_COUNT),
        palm_position=of_hands("translation", np.float64, 3),
        palm_rotation=of_hands("rotation", np.float64, 3, 3),
        shape=of_hands("shape", np.float32, len(SHAPE_NAMES)),
        shape_frozen=of_hands("shape_frozen", np.bool_),
        truth_row=np.array([row for row, _ in known], np.int64),
        truth_side=np.array([SIDES.index(hand.side) for _, hand in known], np.uint8),
        truth_joints=np.array([hand.joints for _, hand in known], np.float64).reshape(-1, JOINT_COUNT, 3),
        picture=of_frames([frame.picture for frame in frames], np.uint32),
    )


def hands_file(path: Path) -> Path:
    """The npz file of a replay, itself or the one in its folder."""
    return path / HANDS_NPZ if path.is_dir() else path


def read_hand_table(path: Path) -> HandTable:
    """The table in a npz file, or in the folder of a replay. RecordingError when there is none, or a damaged one."""
    file = hands_file(path)
    try:
        names = [field.name for field in fields(HandTable) if field.name not in _LATER]
        arrays = read_arrays(file, names, _LATER)
        table = HandTable(**{"picture": np.zeros(arrays["frame"].shape, np.uint32)} | arrays)
    except OSError as error:
        raise RecordingError(f"cannot read '{file}': {error.strerror or shown(error)}") from error
    except ValueError as error:
        raise RecordingError(f"'{file}' is not the {HANDS_NPZ} of a replay: {shown(error)}") from error
    _check(file, table)
    return table


def _check(file: Path, table: HandTable) -> None:
    """RecordingError unless the arrays are of their types, fit each other and hold finite numbers and known codes."""
    empty = hand_table([])
    per_frame = ("frame", "stamp_ns", "name", "state", "wall_ms", "picture")
    shapes = {"joints": (JOINT_COUNT, 3), "joint_confidence": (JOINT_COUNT,), "angles": (ANGLE_COUNT,)}
    shapes |= {
        "joint_velocities": (JOINT_COUNT, 3),
        "angle_velocities": (ANGLE_COUNT,),
        "palm_position": (3,),
    }
    shapes |= {"palm_rotation": (3, 3), "shape": (len(SHAPE_NAMES),), "truth_joints": (JOINT_COUNT, 3)}
    for field in fields(table):
        array = getattr(table, field.name)
        kind = getattr(empty, field.name).dtype.kind
        if array.dtype.kind not in ("iu" if kind in "iu" else kind):
            raise RecordingError(f"'{file}': {field.name} holds {array.dtype}, want {_KIND_NAMES[kind]}")
        counted = "frame" if field.name in per_frame else "truth_row" if "truth" in field.name else "hand_row"
        want = (len(np.atleast_1d(getattr(table, counted))), *shapes.get(field.name, ()))
        if array.shape != want:
            raise RecordingError(f"'{file}': {field.name} has shape {array.shape}, want {want}")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise RecordingError(f"'{file}': {field.name} holds a value that is not finite")
    for name in ("hand_row", "truth_row"):
        rows = getattr(table, name)
        if rows.size and not 0 <= rows.min() <= rows.max() < len(table.frame):
            raise RecordingError(f"'{file}': {name} names a frame that is not there")
    sides, states = range(len(SIDES)), [int(state) for state in TrackState]
    for name, codes in (("side", sides), ("truth_side", sides), ("state", states), ("hand_state", states)):
        if not np.isin(getattr(table, name), list(codes)).all():
            raise RecordingError(f"'{file}': {name} holds a code that is none of {list(codes)}")
