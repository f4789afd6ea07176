"""A picture's checksum tells recordings apart, and not units."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hand_pose_ros.recording.tracked_frame import picture_checksum


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.001, 0.00025, 0.0001, 1.0]))
def test_another_picture_has_another_checksum_and_another_unit_the_same(seed: int, unit_m: float) -> None:
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 65536, (12, 16), dtype=np.uint16)

    def metres(unit: float) -> np.ndarray:
        return np.where(counts > 0, counts * np.float32(unit), np.float32(np.nan))

    assert picture_checksum(metres(unit_m)) == picture_checksum(metres(0.001)) > 0
    assert picture_checksum(rng.random((12, 16), np.float32)) != picture_checksum(metres(0.001))


def test_pictures_without_a_reading_have_one_too() -> None:
    for shape in ((1, 1), (5, 1), (1, 5), (480, 640)):
        assert 0 < picture_checksum(np.full(shape, np.nan, np.float32)) < 2**32
