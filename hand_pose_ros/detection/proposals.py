"""Where in a whole depth image hands may be: the learnt detector first, the blob detector where it finds nothing.

In: a DepthFrame. Out: a few :class:`Proposal`, the likeliest first: places (3,) m in the camera's optical frame with
what they add to the log odds of a hand; the pose network then decides which of them are hands.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.depth.frame import DepthFrame
from hand_pose_ros.detection.blob_detector import Blob, coarse_depth, detect_blobs
from hand_pose_ros.detection.config import BlobDetectorConfig, ProposalConfig
from hand_pose_ros.detection.detector import HandDetector
from hand_pose_ros.detection.scene_change import has_changed

Array = NDArray[np.float64]

# Farther from the image than this OpenCV's circles overflow, px.
_FAR_PX = 20000


LOST = "lost"
"""The source of a proposal where a hand was lost a moment ago."""


class Proposal(NamedTuple):
    """A place where a hand may be."""

    centre: Array
    """(3,) m, camera's optical frame."""
    source: str
    """What proposed it: ``detector``, ``blob``, or LOST."""
    log_odds_prior: float = 0.0
    """What that adds to the log odds of a hand there."""


class ProposalGenerator:
    """Proposes places in whole images; without a detector from the blob detector alone."""

    def __init__(
        self,
        detector: HandDetector | None,
        config: ProposalConfig | None = None,
        blob_config: BlobDetectorConfig | None = None,
    ) -> None:
        self._detector = detector
        self._config = config or ProposalConfig()
        self._blob_config = blob_config or BlobDetectorConfig()
        self._blobs_s = -math.inf  # stamp of the last frame that was the blob detector's turn
        # The last frame that it searched: its stamp, what was in it, and what it found.
        self._searched_s = -math.inf
        self._coarse = np.empty((0, 0), np.float32)
        self._camera: Camera | None = None
        self._blobs: list[Blob] = []

    def propose(self, frame: DepthFrame, count: int, unhurried: bool = False) -> list[Proposal]:
        """Places for up to ``count`` hands, and some more in case they are none; without those of the blob detector in
        frames that follow soon on one in which it searched: later where it is ``unhurried``, since every hand that was
        is followed, and one more may come."""
        config = self._config
        found: list[Proposal] = []
        if self._detector is not None:
            # Its estimate of the side is not used: it is not reliable (docs/experiments/detector.md).
            for detection in self._detector.detect(frame, count + config.spare_detections):
                found.append(Proposal(detection.centre, "detector", score_log_odds(detection.score, config)))
            interval_s = config.blob_unhurried_interval_s if unhurried else config.blob_interval_s
            if 0.0 < frame.stamp_s - self._blobs_s < interval_s:
                return self._kept(found)
            self._blobs_s = frame.stamp_s
        without = 0.0 if self._detector is None else config.blob_log_odds
        for blob in self._detect_blobs(frame, count + config.spare_blobs):
            if all(np.linalg.norm(blob.centre - other.centre) > config.same_hand_m for other in found):
                found.append(Proposal(blob.centre, "blob", without))
        return self._kept(found)

    def _detect_blobs(self, frame: DepthFrame, count: int) -> list[Blob]:
        """What the blob detector finds, or found a moment ago in a picture that has not changed since."""
        coarse = coarse_depth(frame, self._blob_config)
        recent = 0.0 < frame.stamp_s - self._searched_s < self._config.blob_unchanged_s
        if not recent or frame.camera != self._camera or has_changed(self._coarse, coarse):
            self._blobs = detect_blobs(frame, self._blob_config, count, coarse)
            self._coarse, self._camera, self._searched_s = coarse, frame.camera, frame.stamp_s
        return self._blobs[:count]

    def detect_remaining(self, frame: DepthFrame, hands: Sequence[Array], count: int) -> list[Proposal]:
        """Places for up to ``count`` hands beside those that are found already, with joints (23, 3) m each.

        The detector is run again with these masked, for it takes two hands near each other for one.
        """
        if self._detector is None:
            return []
        config = self._config
        found = self._detector.detect(mask_hands(frame, hands, config), count + config.spare_remaining)
        proposals = [Proposal(d.centre, "detector", config.remaining_log_odds) for d in found]
        return [proposal for proposal in proposals if self._in_range(proposal)]

    def _kept(self, found: Sequence[Proposal]) -> list[Proposal]:
        return [proposal for proposal in found if self._in_range(proposal)][: self._config.most_proposals]

    def _in_range(self, proposal: Proposal) -> bool:
        return self._blob_config.min_range_m <= float(proposal.centre[2]) <= self._blob_config.max_range_m


def mask_hands(frame: DepthFrame, hands: Sequence[Array], config: ProposalConfig) -> DepthFrame:
    """A copy of the frame without readings where the hands with these joints (23, 3) m are."""
    camera, out = frame.camera, frame.depth.copy()
    for joints in hands:
        near, far = joints[:, 2].min() - config.mask_depth_m, joints[:, 2].max() + config.mask_depth_m
        circles = [
            (round(u), round(v), max(round(config.mask_radius_m * math.sqrt(camera.fx * camera.fy) / z), 1))
            for (u, v), z in zip(camera.project(joints), joints[:, 2], strict=True)
            if z > 0 and abs(u) < _FAR_PX and abs(v) < _FAR_PX  # not NaN either
        ]
        if not circles:
            continue
        # Only the window about the circles is looked at: a hand is a small part of the image.
        left, top = (max(min(c[k] - c[2] for c in circles), 0) for k in (0, 1))
        right, bottom = (max(max(c[k] + c[2] for c in circles) + 1, 0) for k in (0, 1))
        window = (slice(top, bottom), slice(left, right))
        seen, masked = frame.depth[window], out[window]
        if seen.size == 0:  # beside the image
            continue
        about = np.zeros(seen.shape, np.uint8)
        for u, v, radius in circles:
            cv2.circle(about, (u - left, v - top), radius, 1, cv2.FILLED)
        masked[(about > 0) & (seen > near) & (seen < far)] = np.nan
    return replace(frame, depth=out)


def score_log_odds(score: float, config: ProposalConfig) -> float:
    """What a detector's score 0..1 adds to the pose network's log odds of a hand: the two err independently."""
    score = min(max(score, 1e-6), 1.0 - 1e-6)
    log_odds = math.log(score / (1.0 - score)) - math.log(config.even_score / (1.0 - config.even_score))
    return min(max(config.score_weight * log_odds, config.least_prior_log_odds), config.most_prior_log_odds)


def farther_than(
    least_m: float, centres: Sequence[NDArray[np.float64]], proposals: Sequence[Proposal]
) -> list[Proposal]:
    """The proposals that are farther than ``least_m`` from every centre (3,) m."""
    return [
        proposal
        for proposal in proposals
        if all(np.linalg.norm(proposal.centre - centre) > least_m for centre in centres)
    ]
