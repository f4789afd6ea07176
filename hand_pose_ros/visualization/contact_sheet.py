"""Pictures side by side in one picture.

In: pictures (H, W, 3) uint8 RGB of one size. Out: one picture of the same kind.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_SHEET_PICTURES = 6


def tile_pictures(pictures: Sequence[np.ndarray], columns: int) -> np.ndarray:
    """All pictures (H, W, 3) row by row, at most ``columns`` side by side; the last row is filled up with black."""
    columns = min(columns, len(pictures))
    padded = [*pictures, *[np.zeros_like(pictures[0])] * (-len(pictures) % columns)]
    rows = [np.hstack(padded[start : start + columns]) for start in range(0, len(padded), columns)]
    return np.vstack(rows)


def contact_sheet(pictures: Sequence[np.ndarray], columns: int = 3) -> np.ndarray:
    """Up to six pictures (H, W, 3), spread evenly over all of them, so many in a row."""
    count = min(len(pictures), _SHEET_PICTURES)
    # From the middle of each of ``count`` equal stretches: the ends of a run show least.
    chosen = [pictures[int((index + 0.5) * len(pictures) / count)] for index in range(count)]
    return tile_pictures(chosen, columns)
