"""Two replays compared: what is equal is equal, and what was changed shows by the right amount."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "recording"))

from tables import found, frames_of, moving_table, with_truth

from hand_pose_ros.commands.main import main
from hand_pose_ros.evaluation.run_comparison import compare_runs, matched_with_truth
from hand_pose_ros.recording.hand_table import HandTable, hand_table
from hand_pose_ros.recording.recorded_frame import TrueHand


def test_a_run_agrees_with_itself() -> None:
    table = moving_table()
    compared = compare_runs(table, table)
    assert (compared.frames, compared.only, compared.both, compared.only_a, compared.only_b) == (
        60,
        (0, 0),
        60,
        0,
        0,
    )
    assert compared.apart_mm == 0.0
    assert compared.lag_ms == pytest.approx(0.0, abs=0.1)
    assert compared.a == compared.b
    assert compared.a.found == 1.0


@pytest.mark.parametrize("delay_s", [0.02, 0.05, -0.03])
def test_lag_is_found(delay_s) -> None:
    assert compare_runs(moving_table(), moving_table(delay_s=delay_s)).lag_ms == pytest.approx(
        1000 * delay_s, abs=2.0
    )


def test_jitter_and_distance_are_those_that_were_put_in() -> None:
    compared = compare_runs(moving_table(), moving_table(noise_m=0.002))
    length = 2.0 * np.sqrt(8 / np.pi)  # of a vector of three normal numbers
    assert compared.apart_mm == pytest.approx(length, rel=0.05)
    assert compared.b.jitter_mm == pytest.approx(length, rel=0.1)
    assert compared.a.jitter_mm is not None
    # The motion itself: its largest acceleration over one frame, 0.1 * 4^2 + 0.05 * 3^2 m/s^2.
    assert compared.a.jitter_mm < 1000 * (0.1 * 16 + 0.05 * 9) / 30**2 / np.sqrt(6)


def test_frames_where_one_has_no_hand_come_first_and_the_farthest_next() -> None:
    joints = np.zeros((23, 3)) + [0.0, 0.0, 0.5]
    a = hand_table(frames_of([[found(joints)] for _ in range(5)]))
    shifts: list[float | None] = [0.0, 0.01, None, 0.03, 0.02]
    b = hand_table(frames_of([[] if s is None else [found(joints + s)] for s in shifts]))
    compared = compare_runs(a, b, worst=3)
    assert [worst["frame"] for worst in compared.worst] == [2, 3, 4]
    assert compared.worst[0]["apart_mm"] is None
    assert (compared.only_a, compared.only_b, compared.b.found) == (1, 0, 0.8)


def test_sides_are_compared_with_their_own() -> None:
    joints = np.zeros((23, 3)) + [0.0, 0.0, 0.5]
    a = hand_table(frames_of([[found(joints), found(joints + 0.3, "left", 2)]]))
    b = hand_table(frames_of([[found(joints + 0.3, "left", 1), found(joints, track_id=2)]]))
    compared = compare_runs(a, b)
    assert (compared.both, compared.apart_mm) == (2, 0.0)


def test_hands_of_one_side_are_compared_with_the_nearest_and_each_with_one() -> None:
    """Two people's right hands, and one that coasts beside another that has begun."""
    joints = np.zeros((23, 3)) + [0.0, 0.0, 0.5]
    both = [found(joints, track_id=1), found(joints + 0.3, track_id=4)]
    one = [found(joints + 0.301, track_id=2)]
    a, b = hand_table(frames_of([both, both])), hand_table(frames_of([both[::-1], one]))
    compared = compare_runs(a, b)
    assert (compared.both, compared.only_a, compared.only_b) == (3, 1, 0)
    assert compared.apart_mm == pytest.approx(1.0 * np.sqrt(3) / 3)
    assert compared.a.hands - compared.b.hands == compared.only_a - compared.only_b
    back = compare_runs(b, a)
    assert (back.both, back.only_a, back.only_b, back.apart_mm) == (3, 0, 1, pytest.approx(compared.apart_mm))


def test_known_hands_of_one_side_are_each_matched_with_a_hand_of_their_own() -> None:
    joints = np.zeros((23, 3)) + [0.0, 0.0, 0.5]
    frames = hand_table(frames_of([[found(joints), found(joints + 0.2, track_id=2)], [found(joints)]]))
    shifts = [0.11, 0.09], [0.0, 0.2]
    truth = {
        int(stamp): [TrueHand("right", joints + shift) for shift in of_frame]
        for stamp, of_frame in zip(frames.stamp_ns, shifts, strict=True)
    }
    table = with_truth(frames, truth)
    ours, true = matched_with_truth(table)
    assert np.allclose(np.linalg.norm(ours - true, axis=-1).mean(axis=-1) / np.sqrt(3), [0.09, 0.09, 0.0])


def test_runs_of_different_recordings_are_refused() -> None:
    a = moving_table(5)
    late = HandTable(**{**vars(a), "stamp_ns": a.stamp_ns + 7})
    with pytest.raises(ValueError, match="no frame in common"):
        compare_runs(a, late)


def test_runs_whose_stamps_are_the_same_but_not_their_pictures_are_refused() -> None:
    """Two folders of frames at the same rate. A few that differ may be damage, and tables of old know nothing."""
    pictures = np.arange(1, 11, dtype=np.uint32)
    a = replace(moving_table(10), picture=pictures)
    assert compare_runs(a, a).frames == 10
    assert compare_runs(a, moving_table(10)).frames == 10
    assert compare_runs(a, replace(a, picture=np.r_[pictures[:5], pictures[:5]])).frames == 10
    with pytest.raises(
        ValueError, match="not of one recording: 10 of 10 frames with the same stamp are differ"
    ):
        compare_runs(a, replace(a, picture=pictures + 100))


def test_one_recording_played_at_two_rates_is_compared_by_its_pictures() -> None:
    a = replace(moving_table(40), picture=np.arange(1, 41, dtype=np.uint32))
    slower = replace(a, stamp_ns=a.stamp_ns[0] + 4 * (a.stamp_ns - a.stamp_ns[0]))
    compared = compare_runs(a, slower)
    assert (compared.frames, compared.by, compared.only, compared.apart_mm) == (40, "picture", (0, 0), 0.0)
    assert compare_runs(a, a).by == "stamp"
    # What both played: every second frame of the one is every frame of the other.
    half = {
        name: vars(slower)[name][::2] for name in ("frame", "stamp_ns", "name", "state", "wall_ms", "picture")
    }
    kept = slower.hand_row % 2 == 0
    of_hands = {
        name: value[kept]
        for name, value in vars(slower).items()
        if name not in half and not name.startswith("truth") and name != "hand_row"
    }
    every_second = replace(slower, **half, **of_hands, hand_row=slower.hand_row[kept] // 2)
    compared = compare_runs(a, every_second)
    assert (compared.frames, compared.by, compared.only, compared.apart_mm) == (20, "picture", (20, 0), 0.0)


def test_a_folder_without_its_first_frames_is_compared_by_its_pictures() -> None:
    """As many frames have the same stamp as the same picture, but these stamps are of other pictures."""
    a = replace(moving_table(40), picture=np.arange(1, 41, dtype=np.uint32))
    later = replace(
        moving_table(40), joints=np.roll(a.joints, -10, axis=0), picture=np.r_[a.picture[10:], 91:101]
    )
    compared = compare_runs(a, replace(later, picture=later.picture.astype(np.uint32)))
    assert (compared.frames, compared.by, compared.only, compared.apart_mm) == (30, "picture", (10, 10), 0.0)


@pytest.mark.parametrize("pictures", [np.zeros(10, np.uint32), np.r_[np.uint32(7), np.arange(900, 909)]])
def test_a_black_picture_that_two_recordings_share_makes_them_not_one(pictures) -> None:
    a = replace(moving_table(10), picture=np.r_[np.uint32(7), np.arange(100, 109)].astype(np.uint32))
    b = replace(a, stamp_ns=a.stamp_ns + 7, picture=pictures.astype(np.uint32))
    with pytest.raises(ValueError, match="no frame in common"):
        compare_runs(a, b)


def test_every_round_of_a_loop_is_compared_with_its_own() -> None:
    once = moving_table(10)
    rounds = [[found(joints)] for joints in once.joints] + [[found(joints + 0.1)] for joints in once.joints]
    table = hand_table(frames_of(rounds))
    looped = replace(table, stamp_ns=np.r_[once.stamp_ns, once.stamp_ns])
    compared = compare_runs(looped, looped)
    assert (compared.frames, compared.only, compared.both, compared.apart_mm) == (20, (0, 0), 20, 0.0)
    compared = compare_runs(looped, once)
    assert (compared.frames, compared.only, compared.apart_mm) == (10, (10, 0), 0.0)


def test_known_hands_are_matched_by_frame_and_side() -> None:
    table = moving_table(4)
    hands = [TrueHand("right", table.joints[1] + [0.01, 0, 0]), TrueHand("left", table.joints[1])]
    truth = {int(table.stamp_ns[1]): hands}
    known = with_truth(table, truth)
    ours, true = matched_with_truth(known)
    assert len(ours) == 1
    assert 1000 * np.linalg.norm(ours - true, axis=-1).mean() == pytest.approx(10.0)
    assert compare_runs(known, known).a.truth_mm == pytest.approx(10.0)


def test_the_commands_print_compare_and_evaluate(tmp_path, capsys) -> None:
    table = moving_table()
    truth = {
        int(stamp): [TrueHand("right", joints + [0.0, 0.005, 0.0])]
        for stamp, joints in zip(table.stamp_ns, table.joints, strict=True)
    }
    for name, noise in (("a", 0.0), ("b", 0.001)):
        with_truth(moving_table(noise_m=noise), truth).write_npz(tmp_path / name / "hands.npz")
    a, b = str(tmp_path / "a"), str(tmp_path / "b")
    assert main(["compare-runs", a, b, "--joints", "--worst", "2", "--json", str(tmp_path / "c.json")]) == 0
    out = capsys.readouterr().out
    assert "joints apart, mm" in out
    assert out.count("right hand:") == 2
    assert json.loads((tmp_path / "c.json").read_text())["frames"] == 60
    assert (
        main(["evaluate", "--replay", f"first={a}", f"second={b}", "--json", str(tmp_path / "e.json")]) == 0
    )
    methods = json.loads((tmp_path / "e.json").read_text())["methods"]
    assert [method["known_hands"] for method in methods] == [60, 60]
    assert "second: of the 60 found of 60 known hands (100.0 %)" in capsys.readouterr().out
    assert main(["compare-runs", a, str(tmp_path / "absent")]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    moving_table().write_npz(tmp_path / "n" / "hands.npz")
    assert main(["evaluate", "--replay", str(tmp_path / "n")]) == 2
    assert "no known hands" in capsys.readouterr().err
