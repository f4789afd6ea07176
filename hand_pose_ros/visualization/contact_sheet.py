"""Pictures side by side in one picture.

In: pictures (H, W, 3) uint8 RGB, also of several sizes: a camera's resolution may change. Out: one picture of the same
kind.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

_SHEET_PICTURES = 6  # chosen by eye
_NO_BORDER_PX = 1
"""A border so narrow comes of rounding, and is left out."""


def fitted(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    """A picture (H, W, 3) as large as fits into ``width`` x ``height`` pixels, in its own proportions, on black."""
    if picture.shape[:2] == (height, width):
        return picture
    scale = min(width / picture.shape[1], height / picture.shape[0])
    columns, rows = max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale))
    columns = width if columns >= width - _NO_BORDER_PX else columns
    rows = height if rows >= height - _NO_BORDER_PX else rows
    whole = np.zeros((height, width, 3), picture.dtype)
    left, top = (width - columns) // 2, (height - rows) // 2
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    whole[top : top + rows, left : left + columns] = cv2.resize(
        picture, (columns, rows), interpolation=method
    )
    return whole


def tile_pictures(pictures: Sequence[np.ndarray], columns: int) -> np.ndarray:
    """All pictures (H, W, 3) row by row, at most ``columns`` side by side; the last row is filled up with black. A tile
    is as wide as the widest and as high as the highest of them."""
    columns = min(columns, len(pictures))
    width, height = max(p.shape[1] for p in pictures), max(p.shape[0] for p in pictures)
    tiles = [fitted(picture, width, height) for picture in pictures]
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
    return np.vstack([np.hstack(tiles[start : start + columns]) for start in range(0, len(tiles), columns)])


def contact_sheet(pictures: Sequence[np.ndarray], columns: int = 3) -> np.ndarray:
    """Up to six pictures (H, W, 3), spread evenly over all of them, so many in a row."""
    count = min(len(pictures), _SHEET_PICTURES)
    # From the middle of each of ``count`` equal stretches: the ends of a run show least.
    chosen = [pictures[int((index + 0.5) * len(pictures) / count)] for index in range(count)]
    return tile_pictures(chosen, columns)
