"""How far away a scene is: what is told where no hand was found in it.

In: depth images (H, W) m, NaN where there is no reading. Out: metres, and the same in words.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

_EVERY = 8  # pixels, in both directions; guessed: enough for a median


def middle_m(depths: Iterable[NDArray[np.float32]]) -> float | None:
    """The median of all readings, metres; None where there is none."""
    seen = np.concatenate([*(depth[::_EVERY, ::_EVERY].ravel() for depth in depths), np.empty(0)])
    seen = seen[np.isfinite(seen)]
    return float(np.median(seen)) if seen.size else None


def middle_in_words(found_m: float | None) -> str:
    """As a part of a sentence."""
    return "there are no readings" if found_m is None else f"the middle of all readings is at {found_m:.2g} m"
