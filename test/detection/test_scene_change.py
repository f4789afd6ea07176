"""A picture has changed where a hand-sized thing moved, not where a sensor's noise did."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hand_pose_ros.detection.scene_change import has_changed


def wall(seed: int, depth_m: float = 1.0, missing: float = 0.02) -> np.ndarray:
    """Coarse depth of a wall, with noise and missing readings."""
    rng = np.random.default_rng(seed)
    depth = rng.normal(depth_m, 0.003 * depth_m**2, (60, 80))
    return np.where(rng.random(depth.shape) < missing, 0.0, depth).astype(np.float32)


@given(st.integers(0, 10_000), st.floats(0.2, 1.5))
def test_noise_and_missing_readings_are_no_change(seed, depth_m):
    assert not has_changed(wall(seed, depth_m), wall(seed + 1, depth_m))


@given(st.integers(0, 54), st.integers(0, 74), st.floats(0.1, 0.8), st.booleans())
def test_a_thing_of_a_few_cells_that_comes_or_goes_is_a_change_anywhere(row, column, depth_m, comes):
    before, now = wall(1), wall(2)
    now[row : row + 6, column : column + 6] = depth_m
    assert has_changed(before, now)
    assert has_changed(now, before)


def test_a_surface_that_is_gone_is_a_change():
    assert has_changed(wall(1), np.zeros((60, 80), np.float32))


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (5, 0)])
def test_without_cells_nothing_is_known_to_be_as_it_was(shape):
    assert has_changed(np.zeros(shape, np.float32), np.zeros(shape, np.float32))


@pytest.mark.parametrize("shape", [(0, 0), (60, 79)])
def test_another_size_is_a_change(shape):
    assert has_changed(np.zeros(shape, np.float32), wall(1))
