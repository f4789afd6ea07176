"""Where in a whole depth image hands may be: the learnt detector first, the blob search where it finds nothing.

In: depth (H, W) float32 m and its Camera. Out: a few places (3,) m in the camera's optical frame, likeliest first; the
pose network then says which of them are hands.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.depth.locate import LocateConfig, locate_hands
from hand_pose_ros.network.detector import HandDetector

Array = NDArray[np.float64]

# Places nearer than this to each other are one hand's.
_SAME_HAND_M = 0.12
_MOST_PLACES = 4


class HandSearch:
    """Looks over whole images. Without a detector the blob search does it alone."""

    def __init__(self, detector: HandDetector | None, config: LocateConfig) -> None:
        self._detector = detector
        self._config = config

    def __call__(self, depth: NDArray[np.float32], camera: Camera, count: int) -> list[Array]:
        """Places for up to ``count`` hands, and some more in case they are none."""
        found: list[Array] = []
        if self._detector is not None:
            # Which side it takes a hand for is not asked: it never learnt to tell (docs/detector.md).
            found += [detection.centre for detection in self._detector.find(depth, camera, count + 1)]
        for location in locate_hands(depth, camera, self._config, count=count + 1):
            if all(np.linalg.norm(location.centre - centre) > _SAME_HAND_M for centre in found):
                found.append(location.centre)
        near, far = self._config.min_range_m, self._config.max_range_m
        return [centre for centre in found if near <= float(centre[2]) <= far][:_MOST_PLACES]
