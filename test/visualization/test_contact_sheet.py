"""Pictures side by side, in order, and evenly chosen."""

from __future__ import annotations

import numpy as np
import pytest

from hand_pose_ros.visualization.contact_sheet import contact_sheet, fitted, tile_pictures


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


def test_pictures_of_several_sizes_keep_their_proportions_in_tiles_of_one_size() -> None:
    wide, high = np.full((4, 16, 3), 1, np.uint8), np.full((8, 4, 3), 2, np.uint8)
    sheet = tile_pictures([wide, high], 2)[:, :, 0]
    assert sheet.shape == (8, 32)
    assert (sheet[2:6, :16] == 1).all()
    assert not sheet[:2, :16].any()
    assert not sheet[6:, :16].any()
    assert (sheet[:, 22:26] == 2).all()
    assert not sheet[:, 16:22].any()
    assert not sheet[:, 26:].any()


@pytest.mark.parametrize("size", [(240, 424), (480, 640), (1, 640), (480, 1), (7, 5)])
def test_a_picture_is_fitted_into_any_size(size: tuple[int, int]) -> None:
    """What is left over by rounding is no border."""
    picture = np.full((*size, 3), 9, np.uint8)
    assert fitted(picture, 320, 320).shape == (320, 320, 3)
    assert fitted(picture, 1, 1).shape == (1, 1, 3)
    width = 2 * size[1] - 1
    assert fitted(picture, width, round(size[0] * width / size[1])).all()
