"""Figures of sensor sets on estimates and hands that are made up."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.depth.crop import CropFrame
from hand_pose_ros.depth.frame import DepthFrame
from hand_pose_ros.evaluation.sensor_evaluation import (
    CENTRE_ERROR_M,
    TABLE_HEAD,
    SensorResult,
    evaluate_sensors,
    found_share,
    mean_error_mm,
    table_row,
)
from hand_pose_ros.tracking.scoring_config import ScoringConfig
from hand_pose_ros.tracking.track_result import TrackResult

CAMERA = Camera(64, 48, 60.0, 60.0, 31.5, 23.5)
TRUTH = np.random.default_rng(0).normal([0.0, 0.0, 0.7], 0.03, (23, 3))
TRUTH += np.array([0.0, 0.0, 0.7]) - TRUTH.mean(axis=0)


class Hands:
    """A set of the same hand, again and again."""

    def __init__(self, count: int) -> None:
        self.config = SimpleNamespace(seed=0, hands="free", distance_m=0.7)
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Any:
        depth = np.full((48, 64), 0.7, np.float32)
        return SimpleNamespace(joints=TRUTH, rig=SimpleNamespace(camera=CAMERA), depth=lambda sensor: depth)


class Estimator:
    """Is right to 5 mm; the log odds rise by one a hand, the left side's are ten less."""

    def __init__(self) -> None:
        self.config = SimpleNamespace(scoring=ScoringConfig())
        self.asked: list[Any] = []

    def __call__(self, frame: DepthFrame, requests: Any, timer: Any) -> list[Any]:
        self.asked.append(requests)
        number = (len(self.asked) - 1) // 2  # two passes a hand
        estimates = []
        for request in requests:
            crop = CropFrame(request.centre, mirrored=request.mirrored, roll_rad=request.roll_rad)
            joints = crop.camera_to_local(TRUTH + np.array([0.003, 0.0, 0.004]))
            odds = 5.0 + number - 10.0 * request.mirrored
            estimates.append(
                SimpleNamespace(
                    frame=crop, joints=joints, presence=odds, fit=0.0, roll_rad=0.5,
                    centre=crop.local_to_camera(joints.mean(axis=0)),
                )
            )  # fmt: skip
        return estimates


def test_figures_of_made_up_estimates() -> None:
    estimator = Estimator()
    results = evaluate_sensors(Hands(5), ["a"], estimator)  # type: ignore[arg-type]
    summary = results["a"].summary(7.0)
    assert summary["count"] == 5
    assert summary["found"] == pytest.approx(0.6)  # log odds of 5 to 9
    assert summary["joint_error_mm"] == pytest.approx(5.0)
    assert summary["log_odds"] == pytest.approx([6.0, 7.0, 8.0])
    assert summary["tracked"] is None


def test_the_first_pass_is_off_by_a_centimetre_and_the_second_is_about_what_it_found() -> None:
    estimator = Estimator()
    evaluate_sensors(Hands(3), ["a", "b"], estimator)  # type: ignore[arg-type]
    firsts, seconds = estimator.asked[::2], estimator.asked[1::2]
    middle = TRUTH.mean(axis=0)
    for requests in firsts:
        assert [request.mirrored for request in requests] == [False, True]
        assert np.linalg.norm(requests[0].centre - middle) == pytest.approx(CENTRE_ERROR_M)
    for requests in seconds:
        assert np.linalg.norm(requests[0].centre - middle) == pytest.approx(0.005)
        assert requests[0].roll_rad == 0.5
    # Every sensor is shown the same hand from the same place.
    np.testing.assert_array_equal(firsts[0][0].centre, firsts[1][0].centre)
    assert np.abs(firsts[0][0].centre - firsts[2][0].centre).max() > 1e-4


def test_a_tracked_hand_counts_where_it_is_the_one_that_is_there() -> None:
    class Tracker:
        def __init__(self, off_m: float) -> None:
            self.off = np.array([off_m, 0.0, 0.0])

        def reset(self) -> None:
            pass

        def update(self, depth: np.ndarray, camera: Camera, stamp_s: float) -> TrackResult:
            return SimpleNamespace(hands=[SimpleNamespace(joints=TRUTH + self.off)])  # type: ignore[return-value]

    for off_m, share in ((0.02, 1.0), (0.2, 0.0)):
        results = evaluate_sensors(Hands(2), ["a"], Estimator(), Tracker(off_m))  # type: ignore[arg-type]
        assert results["a"].summary(7.0)["tracked"] == share


def test_a_hand_of_exactly_the_odds_is_found() -> None:
    assert found_share(np.array([7.0, 6.999, 30.0, -5.0]), 7.0) == 0.5
    with pytest.raises(ValueError, match="no log odds"):
        found_share(np.empty(0), 7.0)


def test_the_error_is_taken_in_the_cameras_frame_whatever_the_crop() -> None:
    for mirrored in (False, True):
        crop = CropFrame(np.array([0.1, -0.05, 0.7]), mirrored=mirrored, roll_rad=1.0)
        estimate = SimpleNamespace(frame=crop, joints=crop.camera_to_local(TRUTH + [0.0, 0.012, 0.0]))
        assert mean_error_mm(estimate, TRUTH) == pytest.approx(12.0)  # type: ignore[arg-type]


def test_the_table_has_a_row_a_set() -> None:
    result = SensorResult(np.array([8.0, 2.0]), np.array([5.0, 15.0]), np.array([True, False]))
    row = table_row("free, 0.7 m, census", result.summary(7.0))
    assert row == "| free, 0.7 m, census | 2 | 50.0 | 10.0 | 3.5 / 5.0 / 6.5 | 50.0 |"
    assert {line.count("|") for line in [*TABLE_HEAD.splitlines(), row]} == {7}
