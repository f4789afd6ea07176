"""Depth in another unit is suspected; scenes without a hand are not."""

from __future__ import annotations

import numpy as np
import pytest

from hand_pose_ros.detection.unit_watch import UnitWatch


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


def test_a_lens_that_is_covered_for_a_moment_is_not_suspected() -> None:
    watch = UnitWatch()
    for _ in range(3):
        assert [watch.look(scene(0.05)) for _ in range(9)] == [None] * 9
        assert watch.look(scene(1.0)) is None
