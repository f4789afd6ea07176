"""Where in a whole depth image hands may be: the learnt detector first, the blob search where it finds nothing.

In: depth (H, W) float32 m and its Camera. Out: a few places (3,) m in the camera's optical frame, likeliest first; the
pose network then says which of them are hands.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.depth.locate import LocateConfig, locate_hands
from hand_pose_ros.network.detector import HandDetector

Array = NDArray[np.float64]

# Places nearer than this to each other are one hand's.
_SAME_HAND_M = 0.12
_MOST_PLACES = 4


class Candidate(NamedTuple):
    """A place (3,) m, and who named it: detector or blob."""

    centre: Array
    finder: str


class HandSearch:
    """Looks over whole images. Without a detector the blob search does it alone."""

    def __init__(self, detector: HandDetector | None, config: LocateConfig) -> None:
        self._detector = detector
        self._config = config

    def __call__(self, depth: NDArray[np.float32], camera: Camera, count: int) -> list[Candidate]:
        """Places for up to ``count`` hands, and some more in case they are none."""
        found: list[Candidate] = []
        if self._detector is not None:
            # Which side it takes a hand for is not asked: it never learnt to tell (docs/detector.md).
            for detection in self._detector.find(depth, camera, count + 1):
                found.append(Candidate(detection.centre, "detector"))
        for location in locate_hands(depth, camera, self._config, count=count + 1):
            if all(np.linalg.norm(location.centre - other.centre) > _SAME_HAND_M for other in found):
                found.append(Candidate(location.centre, "blob"))
        near, far = self._config.min_range_m, self._config.max_range_m
        return [place for place in found if near <= float(place.centre[2]) <= far][:_MOST_PLACES]
