"""The tables of a replay come back as they went out, and damaged ones are named."""

from __future__ import annotations

import csv
from dataclasses import fields

import numpy as np
import pytest
from tables import found, frames_of, moving_table, with_truth

from hand_pose_ros.hand.skeleton import ANGLE_NAMES, JOINT_NAMES
from hand_pose_ros.recording.hand_table import csv_columns, hand_table, read_hand_table
from hand_pose_ros.recording.recorded_frame import RecordingError, TrueHand


def test_npz_gives_back_every_array_and_needs_no_pickle(tmp_path) -> None:
    table = with_truth(moving_table(5), {0: [TrueHand("left", np.ones((23, 3)))]})
    table.write_npz(tmp_path / "hands.npz")
    for back in (read_hand_table(tmp_path), read_hand_table(tmp_path / "hands.npz")):
        for field in fields(table):
            np.testing.assert_array_equal(getattr(back, field.name), getattr(table, field.name))
    with np.load(tmp_path / "hands.npz", allow_pickle=False) as arrays:
        assert list(arrays["joint_names"]) == list(JOINT_NAMES)
        assert list(arrays["angle_names"]) == list(ANGLE_NAMES)


def test_csv_has_a_row_a_hand_and_one_for_a_frame_without(tmp_path) -> None:
    joints = np.random.default_rng(1).normal(size=(23, 3))
    frames = frames_of([[], [found(joints), found(joints + 0.2, "left", 4)], []])
    hand_table(frames).write_csv(tmp_path / "hands.csv")
    with (tmp_path / "hands.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == csv_columns()
    assert [(row["frame"], row["state"], row["side"]) for row in rows] == [
        ("0", "SEARCH", ""), ("1", "TRACK", "right"), ("1", "TRACK", "left"), ("2", "SEARCH", ""),
    ]  # fmt: skip
    assert rows[0]["index_tip_x_m"] == ""
    at = JOINT_NAMES.index("index_tip")
    assert float(rows[1]["index_tip_y_m"]) == pytest.approx(joints[at, 1], abs=1e-6)
    assert int(rows[1]["stamp_ns"]) == round(1e9 / 30)


def test_tables_of_before_the_pictures_checksums_are_read(tmp_path) -> None:
    table = moving_table(3)
    table.write_npz(tmp_path / "hands.npz")
    with np.load(tmp_path / "hands.npz") as arrays:
        older = {name: arrays[name] for name in arrays if name != "picture"}
    np.savez(tmp_path / "hands.npz", **older)
    assert read_hand_table(tmp_path).picture.tolist() == [0, 0, 0]


@pytest.mark.parametrize("frames", [[], [[]], [[], []]])
def test_recordings_without_a_hand_have_a_table_too(tmp_path, frames) -> None:
    table = hand_table(frames_of(frames))
    table.write_npz(tmp_path / "hands.npz")
    table.write_csv(tmp_path / "hands.csv")
    assert read_hand_table(tmp_path).joints.shape == (0, 23, 3)


@pytest.mark.parametrize("content", [b"", b"not an archive", b"PK\x03\x04 broken"])
def test_what_is_no_table_is_named(tmp_path, content) -> None:
    (tmp_path / "hands.npz").write_bytes(content)
    with pytest.raises(RecordingError, match=r"hands.npz' is not the hands.npz of a replay"):
        read_hand_table(tmp_path)
    with pytest.raises(RecordingError, match="cannot read '.*absent'"):
        read_hand_table(tmp_path / "absent")


@pytest.mark.parametrize(
    "name, value, message",
    [
        ("joints", np.zeros((3, 5, 3)), "joints has shape"),
        ("joints", np.full((3, 23, 3), np.nan), "joints holds a value that is not finite"),
        ("hand_row", np.array([0, 1, 9]), "hand_row names a frame that is not there"),
        ("angles", np.zeros((3, 20), object), "is not the hands.npz"),
        ("hand_row", np.zeros(3), "hand_row holds float64, want whole numbers"),
        ("stamp_ns", np.zeros(3, "datetime64[ns]"), "stamp_ns holds datetime64.*want whole numbers"),
        ("wall_ms", np.full(3, "x"), "wall_ms holds <U1, want real numbers"),
        ("joints", np.zeros((3, 23, 3), complex), "joints holds complex128, want real numbers"),
        ("name", np.arange(3), "name holds int64, want texts"),
        ("side", np.full(3, 2), "side holds a code that is none of"),
        ("hand_state", np.full(3, -1), "hand_state holds a code that is none of"),
    ],
)
def test_arrays_that_do_not_fit_are_named(tmp_path, name, value, message) -> None:
    table = moving_table(3)
    arrays = {field.name: getattr(table, field.name) for field in fields(table)} | {name: value}
    np.savez(tmp_path / "hands.npz", **arrays)
    with pytest.raises(RecordingError, match=message):
        read_hand_table(tmp_path)


def test_a_file_that_is_damaged_anywhere_is_read_or_named(tmp_path) -> None:
    moving_table(5).write_npz(tmp_path / "hands.npz")
    good, rng = (tmp_path / "hands.npz").read_bytes(), np.random.default_rng(0)
    refusals = []
    for kind in range(3 * 60):
        data, at = bytearray(good), int(rng.integers(len(good)))
        if kind % 3 == 0:
            data[at] ^= 1 << int(rng.integers(8))
        elif kind % 3 == 1:
            data[at : at + 40] = rng.bytes(40)
        else:
            del data[at:]
        (tmp_path / "hands.npz").write_bytes(data)
        try:
            read_hand_table(tmp_path)
        except RecordingError as error:
            refusals.append(str(error))
    assert len(refusals) > 90
    assert all("hands.npz" in line and "\n" not in line for line in refusals)
