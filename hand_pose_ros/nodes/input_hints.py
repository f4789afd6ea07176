"""Settings with which no hand can be found, whatever the images show: the reason in words.

In: the image's shape, settings. Out: a sentence, or None where nothing is suspected.
"""

from __future__ import annotations

from hand_pose_ros.tracking.config import LEAST_ROI_PX


def roi_outside(roi: tuple[int, ...], shape: tuple[int, ...]) -> str | None:
    """The region of interest (x, y, width, height, px; zeros: none) against the image's shape (height, width)."""
    if not any(roi):
        return None
    x, y, width, height = roi
    rows, columns = shape
    if min(x + width, columns) - x >= LEAST_ROI_PX and min(y + height, rows) - y >= LEAST_ROI_PX:
        return None
    return (
        f"the parameter 'roi' is {list(roi)}, outside the image of {columns}x{rows} px: no hand can be found"
    )
