"""Cut-outs of replayed frames for contact.png and hands.png, and what is written on them.

In: a frame's picture (H, W, 3) uint8 RGB with its hands drawn, its camera, its hands. Out: a tile (320, 320, 3).
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.tracking.hand import Hand, TrackState

# Chosen by hand, all three.
_TILE_PX = 320
_TILE_HALF_M = 0.16
"""Half the width of a tile at the hand's depth: a spread hand fits in."""
_TILE_CAPTION_LENGTH = 44


def caption_of(name: str, hands: Sequence[Hand], state: TrackState) -> str:
    """A frame's name and its hands; where there is none, the tracker's state."""
    told = [
        f"{hand.side} {hand.confidence:.2f}"
        + (f" {hand.state.name}" if hand.state != TrackState.TRACK else "")
        for hand in hands
    ]
    return f"{name} {', '.join(told) or state.name}"


def tile_of(picture: np.ndarray, camera: Camera, caption: str, hands: Sequence[Hand]) -> NDArray[np.uint8]:
    """A frame's picture cut out around these hands (all of it without one), with the caption, (320, 320, 3)."""
    if hands:
        height, width = picture.shape[:2]
        corners = np.array([_surroundings(camera, hand, width, height) for hand in hands])
        (left, top), (right, bottom) = corners[:, :2].min(axis=0), corners[:, 2:].max(axis=0)
        half = int(max(right - left, bottom - top) + 1) // 2
        column, row = int(left + right) // 2, int(top + bottom) // 2
        padded = cv2.copyMakeBorder(picture, half, half, half, half, cv2.BORDER_CONSTANT)
        picture = padded[row : row + 2 * half, column : column + 2 * half]
    tile = cv2.resize(picture, (_TILE_PX, _TILE_PX))
    shown, origin, white = caption[-_TILE_CAPTION_LENGTH:], (4, 14), (255, 255, 255)
    cv2.putText(tile, shown, origin, cv2.FONT_HERSHEY_SIMPLEX, 0.38, white, 1, cv2.LINE_AA)
    return np.asarray(tile, np.uint8)


def _surroundings(camera: Camera, hand: Hand, width: int, height: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom (px) of what is shown of a hand in a picture of this size."""
    middle = hand.joints.mean(axis=0)
    # Beyond the lens, and so nearer than its longer side is wide, there is nothing to cut out.
    half = int(np.clip(camera.fx * _TILE_HALF_M / middle[2], 1, max(width, height)))
    pixel = camera.project(middle)
    if not np.isfinite(pixel).all():
        pixel = np.array([camera.cx, camera.cy])
    column, row = (int(v) for v in np.clip(pixel, 0, [width - 1, height - 1]))
    return column - half, row - half, column + half, row + half
