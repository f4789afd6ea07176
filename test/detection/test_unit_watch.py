"""Depth in another unit is suspected; scenes without a hand are not."""

from __future__ import annotations

import numpy as np
import pytest

from hand_pose_ros.detection.unit_watch import NoHandWatch, UnitWatch


def scene(metres: float, hand_m: float | None = None) -> np.ndarray:
    depth = np.full((240, 320), metres, np.float32)
    depth[:40] = np.nan
    if hand_m is not None:
        depth[100:140, 150:180] = hand_m
    return depth


def looked(depth: np.ndarray, frames: int = 10) -> str | None:
    watch = UnitWatch()
    return [watch.look(depth) for _ in range(frames)][-1]


@pytest.mark.parametrize(
    "depth", [scene(1200.0, 500.0), scene(12.0, 5.0), scene(0.0012, 0.0005), scene(11.0), scene(0.09)]
)
def test_another_unit_is_suspected(depth) -> None:
    assert "depth_unit" in (looked(depth) or "")


@pytest.mark.parametrize(
    "depth", [scene(1.2, 0.5), scene(6.0), scene(15.0, 0.5), scene(np.nan), scene(1.2, 0.05), scene(0.3)]
)
def test_scenes_in_metres_are_not_suspected(depth) -> None:
    assert looked(depth) is None


@pytest.mark.parametrize(("metres", "stray_m"), [(1200.0, 0.7), (12.0, 0.3), (0.0012, 4.0), (-1.2, 0.5)])
def test_a_few_stray_readings_make_no_scene(metres: float, stray_m: float) -> None:
    depth = scene(metres)
    depth[80:84, 96:100], depth[120, 200] = stray_m, stray_m
    assert "depth" in (looked(depth) or "")


def test_a_hand_as_far_away_as_hands_are_found_is_more_than_stray_readings() -> None:
    depth = scene(12.0)
    depth[100:120, 150:162] = 1.45
    assert looked(depth) is None


def test_a_lens_that_is_covered_for_a_moment_is_not_suspected() -> None:
    watch = UnitWatch()
    for _ in range(3):
        assert [watch.look(scene(0.05)) for _ in range(9)] == [None] * 9
        assert watch.look(scene(1.0)) is None


def waited(depth: np.ndarray, seconds: float, hands: int = 0, rate_hz: float = 10.0) -> str | None:
    watch = NoHandWatch("look at 'depth_unit'")
    if hands:
        watch.found()
    return [watch.look(depth, i / rate_hz) for i in range(round(seconds * rate_hz) + 1)][-1]


@pytest.mark.parametrize(
    "depth",
    [scene(9.0, 5.0), scene(3.6, 2.0), scene(2.5), scene(0.15, 0.05), scene(0.22, 0.05), scene(0.35, 0.06)],
)
def test_where_nothing_is_where_hands_are_shown_or_nothing_behind_it_the_unit_is_asked_for_after_some_seconds(
    depth,
) -> None:
    assert waited(depth, 2.5) is None
    text = waited(depth, 3.5) or ""
    assert "depth_unit" in text
    assert f"{np.nanmedian(depth):.2g} m" in text
    assert waited(depth, 8.0, hands=1) is None


@pytest.mark.parametrize(
    "depth", [scene(0.9, 0.5), scene(0.5), scene(0.5, 0.3), scene(4.0, 0.6)[80:160, 100:230], scene(np.nan)]
)
def test_where_something_is_there_it_is_not(depth) -> None:
    assert waited(depth, 30.0) is None


def test_a_few_images_are_not_enough_however_slowly_they_come() -> None:
    assert waited(scene(3.0), 8.0, rate_hz=1.0) is None
    assert waited(scene(3.0), 20.0, rate_hz=1.0) is not None
