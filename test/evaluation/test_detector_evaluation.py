"""What is counted of a detector's detections, on numbers worked by hand."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from hand_pose_ros.detection.detector import Detection
from hand_pose_ros.evaluation.detector_evaluation import (
    DetectorTally,
    evaluate_on_sequences,
    report_lines,
    without_nan,
)
from hand_pose_ros.synthetic.sequences import bench_sequences


def test_figures_worked_by_hand():
    def at(x: float, side: str) -> Detection:
        return Detection(np.array([x, 0.0, 0.6]), side, 0.9, 0.8, 0.11)

    tally = DetectorTally()
    middles = np.array([[0.0, 0.0, 0.6], [0.3, 0.0, 0.6]])
    left, radius = np.array([False, True]), np.array([0.1, 0.1])
    # One 10 mm off, one 50 mm off with the wrong side, one where nothing is.
    found = [at(0.01, "right"), at(0.35, "right"), at(0.9, "left")]
    tally.add(found, middles, left, radius, np.array([True, True]))
    tally.add([at(0.0, "left")], np.zeros((0, 3)), left[:0], radius[:0], np.zeros(0, bool))
    tally.add([], middles[:1], left[:1], radius[:1], np.array([True]))
    report = tally.report()
    assert report.hands == 3
    assert report.pictures == 3
    assert report.found == pytest.approx({"20": 1 / 3, "40": 1 / 3, "60": 2 / 3})
    assert report.wrong_sides == 0.5
    assert report.median_mm == pytest.approx(30.0)
    assert report.size_error == pytest.approx(0.1)
    assert report.false_alarms == 0.5
    assert report.false_alarms_without_hand == 1.0


def test_what_was_not_counted_is_null_and_not_printed():
    tally = DetectorTally()
    tally.add([], np.zeros((0, 3)), np.zeros(0, bool), np.zeros(0), np.zeros(0, bool))
    report = tally.report()
    assert report_lines(report).splitlines() == [
        "1 pictures, 0 hands to be found", "  false alarms a picture: 0.0000 without",
    ]  # fmt: skip
    assert without_nan({"a": report.to_dict()})["a"]["found"] == {"20": None, "40": None, "60": None}


def test_a_detector_that_knows_the_truth_finds_the_hands_of_a_sequence():
    sequence = next(s for s in bench_sequences() if s.kind == "two_hands")
    truth = iter([sequence.open().frame(t).hands for t in sequence.times()[::40]])

    def find(depth, camera):
        return [Detection(hand.joints.mean(axis=0), hand.side, 0.9, 0.9, 0.1) for hand in next(truth)]

    report = evaluate_on_sequences(SimpleNamespace(find=find), [sequence], 40)  # type: ignore[arg-type]
    assert report.hands > 0
    assert set(report.found.values()) == {1.0}
    assert report.wrong_sides == report.false_alarms == 0.0
