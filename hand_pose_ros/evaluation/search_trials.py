"""Trials of the tracker's whole search in cluttered still scenes, end to end.

In: a HandTracker, still images (datasets/still_images.py). Out: a :class:`SearchedImage` for each. A scene goes to the
tracker as if it had just been started: a few frames at 30 Hz with fresh noise. Distances are between middles
(mean joints) of true and published hands, and of true hands and proposals.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from hand_pose_ros.datasets.still_images import StillHand, StillImage
from hand_pose_ros.depth.frame import DepthFrame
from hand_pose_ros.evaluation.detector_evaluation import NEAR_A_HAND_M
from hand_pose_ros.tracking.hand import Hand
from hand_pose_ros.tracking.tracker import HandTracker

Array = NDArray[np.float64]

FRAME_S = 1 / 30
"""Time from frame to frame. Chosen: what most depth cameras have."""
HALF_VISIBLE = 0.5
"""Hands of which this share is visible must be found. Chosen by hand."""
FOUND_M = 0.020
"""A hand is found when a published one's middle is within this distance (the project's own requirement, 99 % within
20 mm: docs/experiments/detector.md)."""
SOURCES = ("detector", "blob")
"""Where proposals come from, as ``Proposal.source``."""


@dataclass(frozen=True, eq=False)
class SearchedHand:
    """A true hand, and how near published hands and proposals came to its middle."""

    distance_m: float
    """From the camera."""
    visible: float
    """Share of the hand that is visible."""
    errors_m: Array
    """(frames,) to the nearest published hand, refined; inf where none is published."""
    raw_errors_m: Array
    """(frames,) to the nearest published hand as the network alone has it; inf likewise."""
    right_side: NDArray[np.bool_]
    """(frames,) the nearest published hand has its side."""
    proposals_m: dict[str, float]
    """By source: to the nearest proposal in the first frame, inf where there is none."""

    def nearest_proposal_m(self) -> float:
        """To the nearest proposal of any source."""
        return min(self.proposals_m.values())


@dataclass(frozen=True, eq=False)
class SearchedImage:
    """A scene, and what the tracker published in its frames."""

    hands: tuple[SearchedHand, ...]
    """The true hands."""
    both: NDArray[np.bool_] | None
    """(frames,) two hands, each at least half visible, are both found, by published hands of their own; None when the
    scene has not two such hands."""
    false: NDArray[np.int64]
    """(frames,) published hands farther than 12 cm from every true one."""
    doubles: NDArray[np.int64]
    """(frames,) published hands beyond the first near one true hand."""
    ms: float
    """CPU time of the first frame's update."""
    stages_ms: dict[str, float]
    """Wall-clock time of the parts of the first frame's update."""


def search_images(
    tracker: HandTracker, images: Iterable[StillImage], frames: int, total: int | None = None
) -> Iterator[SearchedImage]:
    """:func:`search_image` for every scene, one by one, with a progress bar; ``total``: how many there are."""
    bar = tqdm(images, total=total, unit="picture", disable=None, leave=False)
    for image in bar:
        yield search_image(tracker, image, frames)


def search_image(tracker: HandTracker, image: StillImage, frames: int) -> SearchedImage:
    """Show one scene to the tracker, ``frames`` times, from a fresh start."""
    tracker.reset()
    count = len(image.hands)
    errors, raw_errors = np.full((count, frames), np.inf), np.full((count, frames), np.inf)
    sides, both = np.zeros((count, frames), bool), np.zeros(frames, bool)
    false, doubles = np.zeros(frames, np.int64), np.zeros(frames, np.int64)
    centres = np.array([hand.centre for hand in image.hands]).reshape(-1, 3)
    depth = image.depth(0)
    proposals = tracker.proposal_generator.propose(DepthFrame(depth, image.camera), tracker.config.hands)
    ms, stages = 0.0, {}
    for frame in range(frames):
        depth = image.depth(frame)
        start = time.process_time()
        result = tracker.update(depth, image.camera, frame * FRAME_S)
        if frame == 0:
            ms, stages = 1e3 * (time.process_time() - start), result.timings_ms
        distances, raw_distances = _distances(centres, result.hands), _distances(centres, result.raw)
        if not count:
            false[frame] = len(result.hands)
        if not count or not result.hands:
            continue
        nearest = distances.argmin(axis=1)
        errors[:, frame], raw_errors[:, frame] = distances.min(axis=1), raw_distances.min(axis=1)
        sides[:, frame] = [result.hands[i].side == h.side for i, h in zip(nearest, image.hands, strict=True)]
        both[frame] = len(set(nearest)) == count and bool((errors[:, frame] < FOUND_M).all())
        on_hand = distances.min(axis=0) <= NEAR_A_HAND_M
        false[frame] = (~on_hand).sum()
        doubles[frame] = on_hand.sum() - len(set(distances.argmin(axis=0)[on_hand]))
    hands = tuple(
        SearchedHand(
            float(hand.centre[2]), hand.seen, errors[k], raw_errors[k], sides[k],
            {source: _nearest(hand, [p.centre for p in proposals if p.source == source]) for source in SOURCES},
        )
        for k, hand in enumerate(image.hands)
    )  # fmt: skip
    two = count == 2 and all(hand.seen >= HALF_VISIBLE for hand in image.hands)
    return SearchedImage(hands, both if two else None, false, doubles, ms, stages)


def _distances(centres: Array, hands: Sequence[Hand]) -> Array:
    """(true, published) distances of middles, m."""
    middles = np.array([hand.joints.mean(axis=0) for hand in hands]).reshape(-1, 3)
    return np.asarray(np.linalg.norm(centres[:, None] - middles[None], axis=-1))


def _nearest(hand: StillHand, points: list[Array]) -> float:
    """Distance of the nearest point to the hand's middle, m; inf when there is none."""
    return min((float(np.linalg.norm(point - hand.centre)) for point in points), default=np.inf)
