"""How well the tracker's whole search finds hands in cluttered still scenes, end to end.

In: a HandTracker, still images (datasets/still_images.py). Out: :class:`SearchReport`. Each scene goes to the tracker
as if it had just been started: a few frames at 30 Hz with fresh noise. A hand is found when the middle (mean joint) of
a published hand lies within 20 mm of its own; and beside that, where hands are lost on the way: no place named, the
place not taken for a hand, or the hand published beside its middle.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.datasets.still_images import StillHand, StillImage
from hand_pose_ros.depth.frame import DepthFrame
from hand_pose_ros.tracking.hand import Hand
from hand_pose_ros.tracking.tracker import HandTracker

Array = NDArray[np.float64]

WITHIN_MM = (20, 40, 60)
FRAME_S = 1 / 30
HALF_SEEN = 0.5
DISTANCES_M = (0.0, 0.4, 0.6, 0.8, 1.0, 1.5)
SEEN = (0.0, 0.3, 0.5, 0.7, 0.9, 1.01)
FINDERS = ("detector", "blob")
LOSSES = ("no place within 60 mm", "place there, not taken for a hand", "published, 20 to 60 mm off")
_PLACE_M = 0.060
_NEAR_A_HAND_M = 0.12


@dataclass(frozen=True, eq=False)
class SearchedHand:
    """A true hand. errors_m, raw_errors_m (frames,): from its middle to the nearest published one's, refined and as the
    network alone has it, inf where none is published; right_side (frames,): of that hand; places_m: to the nearest
    place that each finder named in the first frame."""

    distance_m: float
    seen: float
    errors_m: Array
    raw_errors_m: Array
    right_side: NDArray[np.bool_]
    places_m: dict[str, float]


@dataclass(frozen=True, eq=False)
class SearchedImage:
    """A scene: its hands; both (frames,): whether two hands, each at least half seen, are both within 20 mm, by hands
    of their own; None when it has not two such. false (frames,): published hands farther than 12 cm from every true
    one; doubles (frames,): those beyond the first near one true hand. ms: CPU time of the first frame's update;
    stages_ms: wall-clock time of its parts."""

    hands: tuple[SearchedHand, ...]
    both: NDArray[np.bool_] | None
    false: NDArray[np.int64]
    doubles: NDArray[np.int64]
    ms: float
    stages_ms: dict[str, float]


@dataclass(frozen=True)
class Found:
    """Shares of so many hands: within (mm -> share) in the first frame, and within 20 mm frame by frame; right_side:
    of those within 60 mm in the last frame; NaN where nothing was counted."""

    hands: int
    within: dict[str, float]
    raw_within_20: float
    by_frame: list[float]
    right_side: float


@dataclass(frozen=True)
class SearchReport:
    """all, half_seen: every hand of which a pixel is seen, and those at least half seen. by_distance (m), by_seen:
    bands, the former of hands half seen. both: pictures with two hands half seen, frame by frame. finders: shares of
    the hands half seen within 60 mm of which one named a place (detector, blob; only: what it alone did). lost: shares
    of them, in the first and in the last frame. false_alarms: a picture, with hands and without, and doubles, by frame.
    ms: median CPU time of the first frame's update, stages_ms: means of its wall-clock time."""

    pictures: int
    frames: int
    all: Found
    half_seen: Found
    by_distance: dict[str, Found]
    by_seen: dict[str, Found]
    two_hands: int
    both: list[float]
    finders: dict[str, float]
    lost: dict[str, dict[str, float]]
    false_alarms: dict[str, list[float]]
    ms: float
    stages_ms: dict[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def search_image(tracker: HandTracker, image: StillImage, frames: int) -> SearchedImage:
    """Show one scene to the tracker, ``frames`` times, from a fresh start."""
    tracker.reset()
    count = len(image.hands)
    errors, raw_errors = np.full((count, frames), np.inf), np.full((count, frames), np.inf)
    sides, both = np.zeros((count, frames), bool), np.zeros(frames, bool)
    false, doubles = np.zeros(frames, np.int64), np.zeros(frames, np.int64)
    centres = np.array([hand.centre for hand in image.hands]).reshape(-1, 3)
    depth = image.depth(0)
    places = tracker.proposal_generator.propose(DepthFrame(depth, image.camera), tracker.config.hands)
    ms, stages = 0.0, {}
    for frame in range(frames):
        depth = image.depth(frame)
        start = time.process_time()
        result = tracker.update(depth, image.camera, frame * FRAME_S)
        if frame == 0:
            ms, stages = 1e3 * (time.process_time() - start), result.timings_ms
        apart, raw_apart = _apart(centres, result.hands), _apart(centres, result.raw)
        if not count:
            false[frame] = len(result.hands)
        if not count or not result.hands:
            continue
        nearest = apart.argmin(axis=1)
        errors[:, frame], raw_errors[:, frame] = apart.min(axis=1), raw_apart.min(axis=1)
        sides[:, frame] = [result.hands[i].side == h.side for i, h in zip(nearest, image.hands, strict=True)]
        both[frame] = len(set(nearest)) == count and bool((errors[:, frame] < 0.02).all())
        on_hand = apart.min(axis=0) <= _NEAR_A_HAND_M
        false[frame] = (~on_hand).sum()
        doubles[frame] = on_hand.sum() - len(set(apart.argmin(axis=0)[on_hand]))
    hands = tuple(
        SearchedHand(
            float(hand.centre[2]), hand.seen, errors[k], raw_errors[k], sides[k],
            {finder: _nearest(hand, [p.centre for p in places if p.source == finder]) for finder in FINDERS},
        )
        for k, hand in enumerate(image.hands)
    )  # fmt: skip
    two = count == 2 and all(hand.seen >= HALF_SEEN for hand in image.hands)
    return SearchedImage(hands, both if two else None, false, doubles, ms, stages)


def _apart(centres: Array, hands: Sequence[Hand]) -> Array:
    """(true, published) distances of middles, m."""
    middles = np.array([hand.joints.mean(axis=0) for hand in hands]).reshape(-1, 3)
    return np.asarray(np.linalg.norm(centres[:, None] - middles[None], axis=-1))


def _nearest(hand: StillHand, places: list[Array]) -> float:
    return min((float(np.linalg.norm(place - hand.centre)) for place in places), default=np.inf)


def report(images: Iterable[SearchedImage]) -> SearchReport:
    """The figures of what was searched."""
    images = list(images)
    hands = [hand for image in images for hand in image.hands]
    half = [hand for hand in hands if hand.seen >= HALF_SEEN]
    both = [image.both for image in images if image.both is not None]
    with_hands = [image for image in images if image.hands]
    without = [image for image in images if not image.hands]

    def banded(
        of: list[SearchedHand], ends: Sequence[float], value: Callable[[SearchedHand], float]
    ) -> dict[str, Found]:
        return {
            f"{low:g} to {min(high, 1.0) if ends is SEEN else high:g}": _found(
                [hand for hand in of if low <= value(hand) < high]
            )
            for low, high in pairwise(ends)
        }

    return SearchReport(
        pictures=len(images),
        frames=len(images[0].false) if images else 0,
        all=_found(hands),
        half_seen=_found(half),
        by_distance=banded(half, DISTANCES_M, lambda hand: hand.distance_m),
        by_seen=banded(hands, SEEN, lambda hand: hand.seen),
        two_hands=len(both),
        both=_by_frame(both),
        finders=_finders(half),
        lost={"first frame": _lost(half, 0), "last frame": _lost(half, -1)},
        false_alarms={
            "with hands": _by_frame([image.false for image in with_hands]),
            "without": _by_frame([image.false for image in without]),
            "doubles": _by_frame([image.doubles for image in with_hands]),
        },
        ms=float(np.median([image.ms for image in images])) if images else float("nan"),
        stages_ms={
            stage: _mean([image.stages_ms.get(stage, 0.0) for image in images])
            for stage in sorted({stage for image in images for stage in image.stages_ms})
        },
    )


def _found(hands: list[SearchedHand]) -> Found:
    first = np.array([1e3 * hand.errors_m[0] for hand in hands])
    last = [bool(hand.right_side[-1]) for hand in hands if hand.errors_m[-1] < _PLACE_M]
    return Found(
        hands=len(hands),
        within={str(limit): _mean(first < limit) for limit in WITHIN_MM},
        raw_within_20=_mean([hand.raw_errors_m[0] < 0.02 for hand in hands]),
        by_frame=_by_frame([hand.errors_m < 0.02 for hand in hands]),
        right_side=_mean(last),
    )


def _finders(hands: list[SearchedHand]) -> dict[str, float]:
    near = {finder: np.array([h.places_m[finder] < _PLACE_M for h in hands], bool) for finder in FINDERS}
    detector, blob = (near[finder] for finder in FINDERS)
    return {
        "detector": _mean(detector),
        "detector only": _mean(detector & ~blob),
        "blob": _mean(blob),
        "blob only": _mean(blob & ~detector),
    }


def _lost(hands: list[SearchedHand], frame: int) -> dict[str, float]:
    """Why hands are not within 20 mm; what the first frame's search named counts for every frame."""
    counts = dict.fromkeys(LOSSES, 0)
    for hand in hands:
        error = hand.errors_m[frame]
        if error < 0.02:
            continue
        if error < _PLACE_M:
            counts[LOSSES[2]] += 1
        else:
            counts[LOSSES[1] if min(hand.places_m.values()) < _PLACE_M else LOSSES[0]] += 1
    return {name: count / len(hands) if hands else float("nan") for name, count in counts.items()}


def _mean(values: Any) -> float:
    return float(np.mean(values)) if len(values) else float("nan")


def _by_frame(rows: Sequence[Any]) -> list[float]:
    return [float(x) for x in np.mean(np.array(rows, float), axis=0)] if len(rows) else []
