"""Settings and images in which no hand can be found are told, once each and with the reason; others are not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo, Image, RegionOfInterest

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.nodes import input_hints
from hand_pose_ros.nodes.conversions import depth_from_image
from hand_pose_ros.nodes.diagnostics import FrameStatistics
from hand_pose_ros.nodes.input_hints import (
    FrameHints,
    calibration_of_another_size,
    confidence_out_of_reach,
)
from hand_pose_ros.nodes.throttled_logger import ThrottledLogger

CAMERA = Camera(320, 240, 240.0, 240.0, 159.5, 119.5)


def test_only_a_confidence_that_no_hand_reaches_is_told() -> None:
    assert "'min_confidence' is 1" in (confidence_out_of_reach(1.0) or "")
    assert confidence_out_of_reach(0.999) is None


@pytest.mark.parametrize("scale", [2.0, 4.0, 0.5, 0.25, 3.0])
def test_a_calibration_of_an_image_that_was_scaled_is_told_with_its_size(scale) -> None:
    other = Camera(320, 240, 240.0 * scale, 240.0 * scale, 163.0 * scale, 117.0 * scale)
    text = calibration_of_another_size(other) or ""
    assert f"{320 * scale:.0f}x{240 * scale:.0f}" in text


@pytest.mark.parametrize(
    "middle", [(159.5, 119.5), (150.0, 140.0), (319.5, 119.5), (159.5, 60.0), (-100.0, 119.5)]
)
def test_a_camera_that_is_centred_or_cropped_along_one_side_is_not(middle) -> None:
    assert calibration_of_another_size(Camera(320, 240, 240.0, 240.0, *middle)) is None


@pytest.mark.parametrize(
    ("roi", "told"),
    [
        (RegionOfInterest(), True),
        (RegionOfInterest(width=640, height=480), True),
        (RegionOfInterest(x_offset=0, y_offset=0, width=320, height=240), False),
    ],
)
def test_a_part_of_the_cameras_image_may_have_its_middle_anywhere(clock, roi, told) -> None:
    bench = Bench(clock)
    quarter = Camera(320, 240, 480.0, 480.0, 319.5, 239.5)  # the upper left one of 640 x 480
    info = CameraInfo(width=640, height=480, roi=roi)
    image = Image(width=320, height=240, encoding="16UC1", step=640, data=bytes(320 * 240 * 2))
    bench.hints.look(image, scene(0.9), quarter, info)
    assert any("calibration" in line for line in bench.log.warnings) == told


class Log:
    def __init__(self) -> None:
        self.infos: list[str] = []
        self.warnings: list[str] = []

    def info(self, line: str) -> None:
        self.infos.append(line)

    def warning(self, line: str) -> None:
        self.warnings.append(line)

    error = warning


@pytest.fixture
def clock(monkeypatch):
    made = SimpleNamespace(now=100.0)
    monkeypatch.setattr(input_hints, "time", SimpleNamespace(monotonic=lambda: made.now))
    return made


class Bench:
    """Hints of images at 10 Hz."""

    def __init__(self, clock: Any, **parameters: Any) -> None:
        self.clock = clock
        self.log, self.statistics = Log(), FrameStatistics()
        values = {"roi": [0, 0, 0, 0], "min_confidence": 0.05, "depth_unit": 0.001} | parameters
        self.hints = FrameHints(values, self.statistics, ThrottledLogger(self.log, 1e6))

    def play(
        self, metres: np.ndarray, count: int, hands: int = 0, unit: float = 0.001, **changes: Any
    ) -> None:
        height, width = metres.shape
        image = Image(width=width, height=height, encoding="16UC1", step=2 * width)
        image.data = np.nan_to_num(metres / unit).clip(0, 65535).astype("<u2").tobytes()
        for name, value in changes.items():
            setattr(image, name, value)
        depth = depth_from_image(image, 0.001)
        for _ in range(count):
            self.clock.now += 0.1
            self.hints.look(image, depth, CAMERA)
            self.hints.saw(depth, hands)


def scene(wall_m: float, hand_m: float | None = None) -> np.ndarray:
    """(240, 320) m: a slanting wall with noise, a hand before it."""
    depth = wall_m * (1.0 + 0.1 * np.linspace(0.0, 1.0, 320)) * np.ones((240, 1))
    depth += np.random.default_rng(3).normal(0.0, 0.002, depth.shape)
    depth[:30] = np.nan
    if hand_m is not None:
        depth[80:160, 120:200] = hand_m
    return depth


@pytest.mark.parametrize("unit", [0.0001, 0.000125, 0.00025])
def test_near_scene_in_a_smaller_unit_is_said_once_with_the_units_there_are(clock, unit) -> None:
    bench = Bench(clock)
    bench.play(scene(0.9, 0.5), 300, unit=unit)
    (line,) = bench.log.infos
    assert "'depth_unit' is 0.001" in line
    assert "0.0001" in line
    assert "0.00025" in line
    said_m = float(line.split(" m. If")[0].rsplit(" ", 1)[1])
    assert said_m == pytest.approx(0.94 * 0.001 / unit, rel=0.05)
    assert bench.statistics.hints() == line
    assert bench.log.warnings == []


@pytest.mark.parametrize("depth", [scene(0.9, 0.5), scene(0.9), scene(3.0, 0.5), scene(0.4)])
def test_scenes_where_hands_are_shown_are_not_spoken_of(clock, depth) -> None:
    bench = Bench(clock)
    bench.play(depth, 300)
    assert bench.log.infos == bench.log.warnings == []
    assert bench.statistics.hints() == ""


def test_an_empty_room_is_no_warning_and_a_hand_ends_the_word_for_good(clock) -> None:
    bench = Bench(clock)
    bench.play(scene(3.0), 25)
    assert bench.log.infos == []
    bench.play(scene(3.0), 60)
    assert len(bench.log.infos) == 1
    assert bench.statistics.hints() != ""
    assert "hint" not in (bench.statistics.warning() or "")
    assert "depth_unit" not in (bench.statistics.warning() or "")
    bench.play(scene(3.0, 0.5), 1, hands=1)
    assert bench.statistics.hints() == ""
    bench.play(scene(3.0), 200)
    assert len(bench.log.infos) == 1
    assert bench.statistics.hints() == ""


def test_settings_that_exclude_every_hand_are_one_hint_each(clock) -> None:
    bench = Bench(clock, roi=[150, 110, 8, 8], min_confidence=1.0)
    bench.play(scene(3.0), 100)
    assert sorted(line.split("'")[1] for line in bench.log.warnings) == ["min_confidence", "roi"]
    assert bench.log.infos == [], "there is a better reason"
    assert "'roi'" in bench.statistics.hints()
    assert "'min_confidence'" in bench.statistics.hints()


@pytest.mark.parametrize("flag", [0, 1])
def test_bytes_in_the_other_order_than_the_driver_says_are_told(clock, flag) -> None:
    bench = Bench(clock)
    depth = scene(1.2, 0.5)
    swapped = np.nan_to_num(depth * 1000).astype(">u2" if flag == 0 else "<u2").tobytes()
    bench.play(depth, 30, data=swapped, is_bigendian=flag)
    assert len([line for line in bench.log.warnings if f"is_bigendian is {flag}" in line]) == 1
    bench.play(depth, 1, is_bigendian=0)
    assert bench.statistics.hints() == ""
