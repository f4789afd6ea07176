"""Whether anything has changed in a picture since another one: what was searched need not be searched again.

In: depth of both in coarse cells (h, w) m, 0 = nothing in range. Out: yes or no.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Array32 = NDArray[np.float32]

# Depth has changed by more than this, and this much more a metre away squared, m. Guessed: several times a sensor's
# noise.
_CHANGED_M, _CHANGED_PER_M = 0.015, 0.015
# A block of cells so wide has changed where more than this share of them has. Guessed: a finger that moves across the
# block; noise changes a few cells here and there.
_BLOCK, _SHARE = 5, 0.4


def has_changed(before: Array32, now: Array32) -> bool:
    """Whether somewhere a block of cells (h, w) m shows another depth, or something instead of nothing; True where the
    sizes differ, and where there is no cell that could tell: a picture smaller than one."""
    if before.shape != now.shape or not now.size:
        return True
    limit = _CHANGED_M + _CHANGED_PER_M * np.minimum(before, now) ** 2
    changed = (np.abs(now - before) > limit).astype(np.float32)
    share = cv2.boxFilter(changed, -1, (_BLOCK, _BLOCK), borderType=cv2.BORDER_CONSTANT)
    return bool(share.max(initial=0.0) > _SHARE)
