"""Pictures side by side, in order, and evenly chosen."""

from __future__ import annotations

import numpy as np
import pytest

from hand_pose_ros.visualization.contact_sheet import contact_sheet, tile_pictures


def pictures(count: int) -> list[np.ndarray]:
    return [np.full((2, 3, 3), index + 1, np.uint8) for index in range(count)]


def test_rows_are_filled_in_order_and_the_last_with_black() -> None:
    sheet = tile_pictures(pictures(5), 3)
    assert sheet.shape == (4, 9, 3)
    assert sheet[::2, ::3, 0].tolist() == [[1, 2, 3], [4, 5, 0]]


@pytest.mark.parametrize(
    ("count", "shown"), [(1, [1]), (4, [1, 2, 3, 4, 0, 0]), (60, [6, 16, 26, 36, 46, 56])]
)
def test_a_sheet_shows_the_middles_of_equal_stretches(count: int, shown: list[int]) -> None:
    assert contact_sheet(pictures(count))[::2, ::3, 0].ravel().tolist() == shown
