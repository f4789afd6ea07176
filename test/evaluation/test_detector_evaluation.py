"""What is counted of a detector's detections, on numbers worked by hand."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.depth.frame import DepthFrame
from hand_pose_ros.detection.detector import Detection
from hand_pose_ros.evaluation.detector_evaluation import (
    DetectorTally,
    evaluate_on_sequences,
    report_lines,
    without_nan,
)


def test_figures_worked_by_hand():
    def at(x: float, side: str) -> Detection:
        return Detection(np.array([x, 0.0, 0.6]), side, 0.8, 0.11)

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


class Sequence:
    """Two hands, one of them outside the image, in ten frames."""

    camera = Camera(64, 48, 60.0, 60.0, 31.5, 23.5)

    def times(self) -> np.ndarray:
        return np.arange(10) / 30

    def open(self) -> Sequence:
        return self

    def frame(self, t: float) -> SimpleNamespace:
        hands = [
            SimpleNamespace(side=side, joints=np.tile([x, 0.1 * t, 0.6], (23, 1)), visible=1.0)
            for side, x in (("left", 0.1), ("right", 2.0))
        ]
        return SimpleNamespace(hands=hands, depth=np.full((48, 64), t, np.float32))


@pytest.mark.parametrize(("side", "wrong"), [("left", 0.0), ("right", 1.0)])
def test_hands_of_a_sequence_that_are_in_the_image_must_be_found(side: str, wrong: float) -> None:
    def detect(frame: DepthFrame) -> list[Detection]:
        return [Detection(np.array([0.1, 0.1 * float(frame.depth[0, 0]), 0.6]), side, 0.9, 0.1)]

    report = evaluate_on_sequences(SimpleNamespace(detect=detect), [Sequence()], 2)  # type: ignore[arg-type,list-item]
    assert (report.pictures, report.hands) == (5, 5)
    assert set(report.found.values()) == {1.0}
    assert (report.wrong_sides, report.false_alarms) == (wrong, 0.0)
