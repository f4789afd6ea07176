"""A sensor_msgs/CameraInfo -> the Camera of the image that it goes with.

In: anything with the message's fields (no ROS is imported: a message of rclpy, or one read from a recording). Out:
``Camera``; whether an info and an image belong together.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from hand_pose_ros.depth.camera import Camera, is_focal_length

SYNC_SLOP_S = 0.01
"""Stamps of an image and of its camera info may differ by this, seconds. Guessed: less than half a frame at 50 Hz."""


class CameraInfoFields(Protocol):
    """The fields of sensor_msgs/CameraInfo, as ROS 2 names them."""

    width: int
    height: int
    distortion_model: str
    d: Any
    k: Any
    p: Any
    binning_x: int
    binning_y: int
    roi: Any


def camera_from_info(info: CameraInfoFields, rectified: bool) -> Camera:
    """Returns the camera of the image that ``info`` goes with; ValueError names what is wrong.

    A rectified image has no distortion left and its pinhole is P, not K (REP 104). Where a driver leaves one of the two
    empty, or sends the identity of a camera that was never calibrated, the other is taken.
    """
    projection = np.asarray(info.p).reshape(3, 4)[:, :3].reshape(-1)
    matrix, distortion, model = np.asarray(info.k), tuple(info.d), info.distortion_model
    if rectified:
        distortion, model = (), ""
    size = int(info.width), int(info.height)
    if _is_pinhole(projection, *size) and (rectified or _is_empty(matrix, *size)):
        matrix = projection
    roi = (info.roi.x_offset, info.roi.y_offset, info.roi.width, info.roi.height)
    binning = (info.binning_x, info.binning_y)
    return Camera.from_camera_info_fields(info.width, info.height, matrix, distortion, model, *binning, *roi)


def image_size(info: CameraInfoFields) -> tuple[int, int]:
    """(width, height) px of the image that an info goes with: binning and region of interest counted in."""
    width = (info.roi.width or info.width) // max(info.binning_x, 1)
    height = (info.roi.height or info.height) // max(info.binning_y, 1)
    return int(width), int(height)


def same_frame(one: str, other: str) -> bool:
    """Whether two frame_ids name one frame, or one of them none; the leading '/' of ROS 1's drivers does not count."""
    return len({one.lstrip("/"), other.lstrip("/")} - {""}) < 2


def is_rectified(setting: str, topic: str) -> bool:
    """Whether images of a topic are rectified; ``setting``: true, false, or auto, which asks the topic's name: REP 104
    calls rectified images image_rect..."""
    if setting == "auto":
        return topic.rsplit("/", 1)[-1].startswith("image_rect")
    return setting == "true"


def _is_empty(matrix: np.ndarray, width: int, height: int) -> bool:
    """Whether the 9 numbers of a camera matrix say nothing: focal lengths of 0, or above it but too short for a camera
    of so many pixels (an identity), whatever stands beside them (a 1 in the corner, the principal point), or no finite
    number at all. In a file there may be fewer numbers, or none."""
    if matrix.size != 9:
        return not matrix.any()
    if not np.isfinite(matrix).any() or (matrix[0] == 0.0 and matrix[4] == 0.0):
        return True
    return bool(min(matrix[0], matrix[4]) > 0.0) and not is_focal_length(matrix[0], matrix[4], width, height)


def _is_pinhole(matrix: np.ndarray, width: int, height: int) -> bool:
    """Whether the 9 numbers of a camera matrix, row by row, are finite with focal lengths of a camera."""
    above = np.isfinite(matrix).all() and matrix[0] > 0.0 and matrix[4] > 0.0
    return bool(above) and is_focal_length(matrix[0], matrix[4], width, height)
