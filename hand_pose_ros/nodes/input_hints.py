"""Settings and images with which no hand can be found: the reason in words, in the log and in the diagnostics.

In: images as they come and as metres, their cameras, the parameters, how many hands were found. Out: sentences, to the
statistics (for as long as they hold) and to the log (throttled). What only may be wrong is said once, and no warning.
"""

from __future__ import annotations

import math
import time

import numpy as np
from sensor_msgs.msg import CameraInfo, Image

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.depth.image import looks_swapped
from hand_pose_ros.detection.unit_watch import OTHER_UNITS, NoHandWatch, UnitWatch
from hand_pose_ros.nodes.diagnostics import FrameStatistics
from hand_pose_ros.nodes.parameters.parameter_schema import DeclaredParameters
from hand_pose_ros.nodes.throttled_logger import ThrottledLogger
from hand_pose_ros.tracking.confidence import LOG_ODDS_LIMIT
from hand_pose_ros.tracking.input_hints import region_outside, region_too_small

_MOST_CONFIDENCE = 1.0 / (1.0 + math.exp(-LOG_ODDS_LIMIT))
# A calibration made for an image so many times as large, or as small, has its principal point at half of that, but for
# this share of the image's sides. Chosen: what drivers scale by; guessed: lenses are mounted as well as that.
_SCALES = (2.0, 3.0, 4.0, 1 / 2, 1 / 3, 1 / 4)
_CENTRED_WITHIN = 0.06
# So many images in a row must look as if their bytes were swapped. Guessed: a third of a second.
_SWAPPED_IN_A_ROW = 10


class FrameHints:
    """Looks at every frame of one worker."""

    def __init__(
        self, parameters: DeclaredParameters, statistics: FrameStatistics, throttled_logger: ThrottledLogger
    ) -> None:
        self._parameters = parameters
        self._statistics = statistics
        self._throttled_logger = throttled_logger
        self._unit_watch = UnitWatch()
        self._no_hand_watch = NoHandWatch(
            f"the parameter 'depth_unit' is {parameters['depth_unit']:g} metres a count of 16UC1 images; it is 0.001 in"
            f" all presets, {OTHER_UNITS}, where the driver does not bring it to millimetres; 32FC1 images must be in"
            " metres (REP 118)"
        )
        self._remark_logged = False
        self._hinted = False
        self._swapped = 0
        self._hands_before = 0

    def look(self, image: Image, depth: np.ndarray, camera: Camera, info: CameraInfo | None = None) -> None:
        """Before the hands of an image are looked for: what none can be found in is told."""
        # A part of the camera's image may have its principal point anywhere.
        cropped = info is not None and (info.roi.width, info.roi.height) not in (
            (0, 0),
            (info.width, info.height),
        )
        roi = tuple(self._parameters["roi"])
        region = region_outside(roi, depth.shape) or region_too_small(roi, camera)
        hints = {
            "roi": f"the parameter {region}" if region else None,
            "min_confidence": confidence_out_of_reach(self._parameters["min_confidence"]),
            "calibration": None if cropped else calibration_of_another_size(camera),
            "unit": self._unit_watch.look(depth),
            "bytes": self._bytes(image),
        }
        self._hinted = any(hints.values())
        for subject, text in hints.items():
            self._statistics.hint(subject, text)
            if text is not None:
                self._throttled_logger.warn(f"hint {subject}", text)

    def saw(self, depth: np.ndarray, hands: int) -> None:
        """After it: how many hands were found."""
        self._hands_before = hands
        if hands:
            self._no_hand_watch.found()
        text = self._no_hand_watch.look(depth, time.monotonic())
        if self._hinted:  # there is a better reason
            text = None
        self._statistics.remark(text)
        if text is not None and not self._remark_logged:
            self._remark_logged = True
            self._throttled_logger.info(text)

    def _bytes(self, image: Image) -> str | None:
        # Whatever gives hands is not swapped, and it need not be looked at.
        swapped = self._hands_before == 0 and looks_swapped(
            image.data, image.encoding, image.width, image.height, image.step, bool(image.is_bigendian)
        )
        self._swapped = self._swapped + 1 if swapped else 0
        if self._swapped < _SWAPPED_IN_A_ROW:
            return None
        return (
            f"the bytes of the depth images' numbers seem to be in the wrong order: is_bigendian is"
            f" {int(image.is_bigendian)}, and with {int(not image.is_bigendian)} they would show a scene: mend the"
            " camera driver"
        )


def confidence_out_of_reach(min_confidence: float) -> str | None:
    """The least confidence against the most that a hand can have."""
    if min_confidence <= _MOST_CONFIDENCE:
        return None
    return (
        f"the parameter 'min_confidence' is {min_confidence:g}: no hand's confidence is above {_MOST_CONFIDENCE:.4f},"
        " so none is published"
    )


def calibration_of_another_size(camera: Camera) -> str | None:
    """Where the principal point is, against where it would be if images were scaled and the calibration was not."""
    across, down = camera.cx / camera.width, camera.cy / camera.height
    for scale in _SCALES:
        within = _CENTRED_WITHIN * scale
        if abs(across - scale / 2.0) < within and abs(down - scale / 2.0) < within:
            return (
                f"the camera info's principal point is ({camera.cx:g}, {camera.cy:g}) in an image of"
                f" {camera.width}x{camera.height}: it seems to be the calibration of one of"
                f" {camera.width * scale:.0f}x{camera.height * scale:.0f}, and hands are as wrong as that: scale K and"
                " P with the images"
            )
    return None
