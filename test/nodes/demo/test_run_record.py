"""The figures of a run, checked against runs whose figures are known."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hand_pose_ros.nodes.demo.run_record import RunRecord, SeenHand

MS = 1_000_000
JOINTS = np.arange(69, dtype=float).reshape(23, 3) * 0.001


def run_of(frames: int, answered: set[int], age_ms: float = 20.0, off_m: float = 0.0) -> RunRecord:
    record = RunRecord()
    for index in range(frames):
        stamp = 1_000 * MS + index * 40 * MS
        record.add_frame(stamp)
        record.add_truth(stamp, SeenHand("right", 1.0, JOINTS))
        if index in answered:
            hands = [SeenHand("right", 0.9, JOINTS + [off_m, 0.0, 0.0])]
            record.add_output(stamp, stamp + round(age_ms * MS), hands)
    return record


def test_known_run_has_its_figures():
    summary = run_of(26, set(range(26)), age_ms=20.0, off_m=0.007).summary()
    assert summary["frames"] == summary["outputs"] == summary["hands"] == 26
    assert summary["dropped"] == 0
    assert summary["rate_hz"] == 25.0
    assert summary["age_ms"] == {"p50": 20.0, "p95": 20.0, "p99": 20.0}
    assert summary["error_mm"] == {"mean": 7.0, "median": 7.0}


def test_unanswered_frames_are_dropped_by_index():
    summary = run_of(10, {0, 1, 2, 5, 9}).summary()
    assert summary["dropped"] == 5
    assert summary["frames_dropped"] == [3, 4, 6, 7, 8]


def test_answer_without_hand_is_no_drop_but_no_hand():
    record = run_of(3, {0, 2})
    stamp = sorted(record.frames)[1]
    record.add_output(stamp, stamp + MS, [])
    summary = record.summary()
    assert (summary["outputs"], summary["hands"], summary["dropped"]) == (3, 2, 0)
    assert summary["frames_without_hand"] == [1]


def test_hand_of_the_wrong_side_is_counted_and_measured():
    record = RunRecord()
    record.add_frame(0)
    record.add_truth(0, SeenHand("right", 1.0, JOINTS))
    record.add_output(0, MS, [SeenHand("left", 0.9, JOINTS + [0.0, 0.05, 0.0])])
    summary = record.summary()
    assert summary["wrong_side"] == 1
    assert summary["error_mm"]["mean"] == 50.0


def test_of_two_hands_the_true_side_counts():
    record = RunRecord()
    record.add_frame(0)
    record.add_truth(0, SeenHand("right", 1.0, JOINTS))
    near_but_left = SeenHand("left", 0.9, JOINTS)
    far_but_right = SeenHand("right", 0.9, JOINTS + [0.0, 0.0, 0.01])
    record.add_output(0, MS, [near_but_left, far_but_right])
    summary = record.summary()
    assert summary["error_mm"]["mean"] == pytest.approx(10.0)
    assert summary["wrong_side"] == 0


def test_empty_run_is_valid_json_and_claims_nothing():
    summary = json.loads(json.dumps(RunRecord().summary(), allow_nan=False))
    assert summary["frames"] == 0
    assert summary["rate_hz"] is None
    assert summary["age_ms"]["p95"] is None
    assert summary["error_mm"]["mean"] is None
    assert summary["wrong_side"] is None
