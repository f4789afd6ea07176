"""Where in a whole depth image hands may be: the learnt detector first, the blob search where it finds nothing.

In: depth (H, W) float32 m and its Camera. Out: a few places (3,) m in the camera's optical frame, likeliest first, and
how much speaks for a hand there; the pose network then says which of them are hands.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.detection.blob_detector import LocateConfig, locate_hands
from hand_pose_ros.detection.detector import HandDetector

Array = NDArray[np.float64]

LEAST_SCORE = 0.15
"""The detector's places from this score on are looked at. Every third hand that it scores below 0.3 lies here."""
# Places nearer than this to each other are one hand's.
_SAME_HAND_M = 0.12
_MOST_PLACES = 6
# What the detector's score says beside the pose network's log odds: so much a unit of its own log odds, from a score of
# 0.4 on, within limits. Found on 374 places on hands and 1221 on other things (docs/detector.md).
_SCORE_WEIGHT, _EVEN_SCORE, _EVIDENCE = 2.0, 0.4, (-1.0, 3.0)
# How thick a found hand is taken out of the picture, around its joints and before and behind them. Arms that end where
# a hand was taken out look like hands: a place found then must be likelier than others.
_AROUND_M, _BEFORE_M = 0.03, 0.04
_TAKEN_OUT_EVIDENCE = -1.0
_FAR_PX = 20000


class Proposal(NamedTuple):
    """A place (3,) m, who named it (detector or blob), and what that adds to the log odds of a hand there."""

    centre: Array
    source: str
    log_odds_prior: float = 0.0


class ProposalGenerator:
    """Looks over whole images. Without a detector the blob search does it alone."""

    def __init__(self, detector: HandDetector | None, config: LocateConfig) -> None:
        self._detector = detector
        self._config = config

    def __call__(self, depth: NDArray[np.float32], camera: Camera, count: int) -> list[Proposal]:
        """Places for up to ``count`` hands, and some more in case they are none."""
        found: list[Proposal] = []
        if self._detector is not None:
            # Which side it takes a hand for is not asked: it never learnt to tell (docs/detector.md).
            for detection in self._detector.find(depth, camera, count + 2):
                found.append(Proposal(detection.centre, "detector", score_log_odds(detection.score)))
        without = 0.0 if self._detector is None else score_log_odds(0.0)
        for location in locate_hands(depth, camera, self._config, count=count + 1):
            if all(np.linalg.norm(location.centre - other.centre) > _SAME_HAND_M for other in found):
                found.append(Proposal(location.centre, "blob", without))
        return [place for place in found if self._in_range(place)][:_MOST_PLACES]

    def detect_remaining(
        self, depth: NDArray[np.float32], camera: Camera, hands: Sequence[Array], count: int
    ) -> list[Proposal]:
        """Places for up to ``count`` hands more, beside those with joints (23, 3) m that are found already: the
        detector looks again with these taken out of the picture, for it takes two hands near each other for one."""
        if self._detector is None:
            return []
        found = self._detector.find(mask_hands(depth, camera, hands), camera, count + 1)
        places = [Proposal(detection.centre, "detector", _TAKEN_OUT_EVIDENCE) for detection in found]
        return [place for place in places if self._in_range(place)]

    def _in_range(self, place: Proposal) -> bool:
        return self._config.min_range_m <= float(place.centre[2]) <= self._config.max_range_m


def mask_hands(depth: NDArray[np.float32], camera: Camera, hands: Sequence[Array]) -> NDArray[np.float32]:
    """A copy of depth (H, W) m without readings where the hands with these joints (23, 3) m are."""
    out = depth.copy()
    for joints in hands:
        near, far = joints[:, 2].min() - _BEFORE_M, joints[:, 2].max() + _BEFORE_M
        about = np.zeros(depth.shape, np.uint8)
        for (u, v), z in zip(camera.project(joints), joints[:, 2], strict=True):
            if z > 0 and abs(u) < _FAR_PX and abs(v) < _FAR_PX:  # not NaN either
                radius = max(round(_AROUND_M * math.sqrt(camera.fx * camera.fy) / z), 1)
                cv2.circle(about, (round(u), round(v)), radius, 1, cv2.FILLED)
        out[(about > 0) & (depth > near) & (depth < far)] = np.nan
    return out


def score_log_odds(score: float) -> float:
    """What a detector's score 0..1 adds to the pose network's log odds of a hand: the two err independently."""
    score = min(max(score, 1e-6), 1.0 - 1e-6)
    odds = math.log(score / (1.0 - score)) - math.log(_EVEN_SCORE / (1.0 - _EVEN_SCORE))
    return min(max(_SCORE_WEIGHT * odds, _EVIDENCE[0]), _EVIDENCE[1])
