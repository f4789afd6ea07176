"""The detectors of two backends are compared hand by hand."""

from __future__ import annotations

import numpy as np
import pytest

from hand_pose_ros.detection.detector import Detection
from hand_pose_ros.evaluation.detector_parity import compare_detections, measure_detector_parity


def hand(x: float, score: float = 0.8) -> Detection:
    return Detection(np.array([x, 0.0, 0.6]), "right", score, 0.09)


def test_what_moves_is_told_and_a_hand_that_one_alone_sees_is_a_problem():
    wanted = [[hand(0.0), hand(0.2)], [], [hand(0.1)]]
    same = compare_detections("x", wanted, wanted)
    assert (same.hands, same.other, same.middle_mm, same.score, same.problem) == (3, 0, 0.0, 0.0, "")
    moved = compare_detections("x", wanted, [[hand(0.0005, 0.79), hand(0.2)], [], [hand(0.1)]])
    assert moved.middle_mm == pytest.approx(0.5)
    assert moved.score == pytest.approx(0.01)
    assert moved.problem == ""
    far = compare_detections("x", wanted, [[hand(0.0), hand(0.203)], [], [hand(0.1)]])
    assert "moves by 3.000 mm" in far.problem
    lost = compare_detections("x", wanted, [[hand(0.0)], [hand(0.3)], [hand(0.1)]])
    assert lost.other == 2
    assert "2 of 3 hands" in lost.problem


@pytest.mark.slow
def test_onnx_runtime_sees_what_torch_sees():
    pytest.importorskip("onnxruntime")
    (row,) = measure_detector_parity(["onnxruntime"], 24, seed=3)
    assert row.hands > 5
    assert row.problem == ""
    assert row.middle_mm < 0.1
