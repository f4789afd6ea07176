"""Where in a whole depth image hands may be: the learnt detector first, the blob detector where it finds nothing.

In: a DepthFrame. Out: a few :class:`Proposal`, the likeliest first: places (3,) m in the camera's optical frame with
what they add to the log odds of a hand; the pose network then decides which of them are hands.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.depth.frame import DepthFrame
from hand_pose_ros.detection.blob_detector import Blob, coarse_depth, detect_blobs
from hand_pose_ros.detection.config import BlobDetectorConfig, ProposalConfig
from hand_pose_ros.detection.detector import HandDetector, Look
from hand_pose_ros.detection.scene_change import has_changed

Array = NDArray[np.float64]

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

    def look(self, frame: DepthFrame, hands: Sequence[Array] = ()) -> Look | None:
        """What the detector sees of a frame, without the hands with the joints ``hands``, each (23, 3) m, from which
        :meth:`propose` and :meth:`propose_remaining` go on, in the next frame where there is no hurry; None without a
        detector."""
        return None if self._detector is None else self._detector.look(frame, hands)

    def propose(
        self, frame: DepthFrame, count: int, unhurried: bool = False, look: Look | None = None
    ) -> list[Proposal]:
        """Places for up to ``count`` hands, and some more in case they are none; without those of the blob detector in
        frames that follow soon on one in which it searched: later where it is ``unhurried``, since every hand that was
        is followed, and one more may come. look: of this frame or the last one, if there is one."""
        config = self._config
        found: list[Proposal] = []
        if self._detector is not None:
            # Its estimate of the side is not used: it is not reliable (docs/experiments/detector.md).
            seen = self._detector.seen(look or self._detector.look(frame), count + config.spare_detections)
            for detection in seen:
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

    def propose_remaining(self, look: Look | None, count: int) -> list[Proposal]:
        """Places for up to ``count`` hands beside those that were hidden from this look: the detector takes two hands
        near each other for one."""
        if self._detector is None or look is None:
            return []
        config = self._config
        found = self._detector.seen(look, count + config.spare_remaining)
        proposals = [Proposal(d.centre, "detector", config.remaining_log_odds) for d in found]
        return [proposal for proposal in proposals if self._in_range(proposal)]

    def _kept(self, found: Sequence[Proposal]) -> list[Proposal]:
        return [proposal for proposal in found if self._in_range(proposal)][: self._config.most_proposals]

    def _in_range(self, proposal: Proposal) -> bool:
        return self._blob_config.min_range_m <= float(proposal.centre[2]) <= self._blob_config.max_range_m


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
