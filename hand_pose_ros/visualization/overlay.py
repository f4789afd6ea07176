"""The skeleton drawn on the depth image. No ROS.

In: depth (H, W) float metres (NaN = no reading), its ``Camera``, and hands with joints (23, 3) metres in the camera's
optical frame. Out: (H, W, 3) uint8 RGB: depth coloured from near (bright) to far (dark) around the hand, bones in the
colours of their fingers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import cv2
import numpy as np

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.hand.skeleton import BONES, FINGER_JOINTS, JOINT_COUNT, PALM_JOINT

FINGER_COLOURS: dict[str, tuple[int, int, int]] = {
    "thumb": (230, 70, 0),
    "index": (240, 228, 66),
    "middle": (0, 190, 120),
    "ring": (86, 180, 233),
    "pinky": (220, 110, 180),
}
"""RGB of each finger, distinguishable with the common kinds of colour blindness too (after Okabe and Ito's palette)."""
# By eye.
PALM_COLOUR: tuple[int, int, int] = (245, 245, 245)


def _joint_colours() -> tuple[tuple[int, int, int], ...]:
    colours = [PALM_COLOUR] * JOINT_COUNT
    for finger, joints in FINGER_JOINTS.items():
        for joint in joints:
            colours[joint] = FINGER_COLOURS[finger]
    return tuple(colours)


JOINT_COLOURS: tuple[tuple[int, int, int], ...] = _joint_colours()
"""RGB of each joint, and of the bone that ends there."""

_REACH_M = 0.15
"""Coloured depth range behind the hand; before it, and where there is no hand, in proportion. By eye."""
_LEVELS = 255
_CAPTION_WIDTH_PX = 900.0
"""A caption is drawn at scale 1 in an image of this width. By eye."""


class HasJoints(Protocol):
    """Anything with joints (23, 3), metres, camera optical frame."""

    @property
    def joints(self) -> np.ndarray: ...


@dataclass(frozen=True, eq=False)
class OverlayFrame:
    """One depth frame with the hands that were found in it, to be drawn later."""

    depth: np.ndarray
    """(H, W) float metres, NaN = no reading."""
    camera: Camera
    """The camera of the depth image."""
    hands: Sequence[HasJoints]
    """The hands to draw."""
    caption: str
    """One line at the top left."""
    time_s: float
    """Time of the frame, seconds from any start."""

    def draw(self) -> np.ndarray:
        """The picture with hands and caption, (H, W, 3) uint8 RGB. ValueError as :func:`draw_overlay`."""
        picture = draw_overlay(self.depth, self.camera, self.hands)
        draw_caption(picture, self.caption, picture.shape[1])
        return picture


def draw_caption(picture: np.ndarray, caption: str, width: int) -> None:
    """Writes one line at the top left of a picture (H, W, 3), as large as fits pictures of this width (px)."""
    scale = width / _CAPTION_WIDTH_PX
    origin = (8, round(34 * scale) + 4)
    for colour, thickness in (((0, 0, 0), 4), ((255, 255, 255), 1)):
        cv2.putText(picture, caption, origin, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, thickness, cv2.LINE_AA)


def draw_overlay(depth: np.ndarray, camera: Camera, hands: Sequence[HasJoints]) -> np.ndarray:
    """Depth (H, W) m and hands -> picture (H, W, 3) uint8 RGB.

    ValueError when the depth image and the camera differ in size.
    """
    camera.require_size(depth.shape[1], depth.shape[0])
    picture = colour_depth(depth, *_depth_range(depth, hands))
    for hand in hands:
        _draw_skeleton(picture, camera, np.asarray(hand.joints))
    return picture


def colour_depth(depth: np.ndarray, near: float, far: float) -> np.ndarray:
    """Depth (H, W) m -> (H, W, 3) uint8 RGB between near and far (m); what is farther fades, no reading is black."""
    scale = _LEVELS / 2 / max(far - near, 1e-3)
    # The first half of the table is the range from near to far, the second half what lies behind.
    with np.errstate(invalid="ignore"):
        level = np.clip((depth - near) * scale + 1.0, 0, _LEVELS)
        level[depth <= near] = 1.0
    level[np.isnan(level)] = 0.0
    return _colour_table().take(level.astype(np.uint8), axis=0)


def _depth_range(depth: np.ndarray, hands: Sequence[HasJoints]) -> tuple[float, float]:
    if hands:
        z = np.concatenate([np.asarray(hand.joints)[:, 2] for hand in hands])
        return float(z.min()) - _REACH_M / 3, float(z.max()) + _REACH_M
    seen = depth[np.isfinite(depth)]
    if seen.size == 0:
        return 0.3, 1.0
    near = float(np.percentile(seen, 1))
    return near - 0.02, near + 4 * _REACH_M


@lru_cache(maxsize=1)
def _colour_table() -> np.ndarray:
    levels = np.arange(_LEVELS + 1, dtype=np.float32)
    # A cool tone that leaves the fingers' colours readable: light steel blue when near, dark when far.
    within = np.clip((levels - 1) / (_LEVELS / 2), 0, 1)
    behind = np.clip((levels - 1 - _LEVELS / 2) / (_LEVELS / 2), 0, 1)
    brightness = 0.78 - 0.56 * within - 0.12 * behind
    table = brightness[:, None] * np.array([205.0, 222.0, 255.0], dtype=np.float32)
    table[0] = 0
    return table.astype(np.uint8)


def _draw_skeleton(picture: np.ndarray, camera: Camera, joints: np.ndarray) -> None:
    pixels = camera.project(joints)
    if not np.isfinite(joints[PALM_JOINT]).all():
        return
    # Line width follows the hand's size in the image.
    size = camera.fx * 0.08 / max(float(joints[PALM_JOINT, 2]), 0.05)
    thickness = int(np.clip(round(size / 25), 2, 6))
    height, width = picture.shape[:2]
    # cv2 takes 16-bit-ish coordinates: a joint far outside the image is left out.
    drawable = np.isfinite(pixels).all(axis=1) & (np.abs(pixels) < 4 * max(height, width)).all(axis=1)
    shift = 4  # sub-pixel drawing
    points = np.zeros(pixels.shape, dtype=np.int64)
    points[drawable] = np.round(pixels[drawable] * (1 << shift)).astype(np.int64)
    for outline in (True, False):
        grow = 2 if outline else 0
        # Far joints first, so that near fingers cover them.
        for parent, child in sorted(BONES, key=lambda bone: -float(joints[bone[1], 2])):
            if drawable[parent] and drawable[child]:
                colour = (20, 20, 30) if outline else JOINT_COLOURS[child]
                start, end = points[parent].tolist(), points[child].tolist()
                cv2.line(picture, start, end, colour, thickness + grow, cv2.LINE_AA, shift)
        for joint in np.argsort(-joints[:, 2]):
            if drawable[joint]:
                colour = (20, 20, 30) if outline else JOINT_COLOURS[joint]
                radius = (thickness + 1 + grow // 2) << shift
                cv2.circle(picture, points[joint].tolist(), radius, colour, -1, cv2.LINE_AA, shift)
