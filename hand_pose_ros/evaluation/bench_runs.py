"""Trackers run side by side over the synthetic sequences of the bench: what each published, against the truth.

In: named tracker configurations, sequences (synthetic/sequences.py). Out: a :class:`Run` a tracker and sequence, with
one :class:`Frame` a depth image. Every frame is rendered once and shown to all trackers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.synthetic import sequences
from hand_pose_ros.synthetic.sequence_renderer import HandTruth
from hand_pose_ros.tracking.hand import Hand, TrackState
from hand_pose_ros.tracking.tracker import HandTracker

Array = NDArray[np.float64]

MATCH_M = 0.10
"""A published hand belongs to the true one whose joints are nearest, up to this mean distance (guessed)."""
LEAST_VISIBLE_EVALUATED = 0.5
"""Hands of which a smaller share is visible, or in view, are not evaluated. Chosen by hand."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One depth image: what was there, and what a tracker made of it."""

    stamp_s: float
    """Time of the image within its sequence, seconds."""
    truth: tuple[HandTruth, ...]
    """The true hands."""
    hands: tuple[Hand, ...]
    """The published hands."""
    raw: tuple[Hand, ...]
    """The network's own estimate of each published hand."""
    state: TrackState
    """The tracker's state."""
    timings_ms: Mapping[str, float]
    """Milliseconds of each stage."""

    @property
    def evaluated(self) -> tuple[HandTruth, ...]:
        """The true hands that can be seen well enough."""
        return tuple(
            t
            for t in self.truth
            if t.visible >= LEAST_VISIBLE_EVALUATED and t.in_view >= LEAST_VISIBLE_EVALUATED
        )


@dataclass
class Run:
    """One tracker over one sequence."""

    variant: str
    """Name of the tracker's configuration."""
    sequence: sequences.Sequence
    """What it was shown."""
    frames: list[Frame] = field(default_factory=list)
    """A frame for each depth image, in order."""


@dataclass(frozen=True, eq=False)
class Pair:
    """A true hand and what was published of it."""

    stamp_s: float
    """Time of the frame, seconds."""
    truth: HandTruth
    """The true hand, joints (23, 3) m in the camera's optical frame."""
    hand: Hand
    """The published hand nearest to it."""
    raw: Hand
    """The network's own estimate of that hand."""


def run_trackers(
    trackers: Mapping[str, HandTracker], chosen: Sequence[sequences.Sequence]
) -> Iterator[list[Run]]:
    """The runs of all trackers, one sequence after the other."""
    for sequence in chosen:
        runs = {name: Run(name, sequence) for name in trackers}
        for tracker in trackers.values():
            tracker.reset()
        for stamp_s, picture in sequence.frames():
            for name, tracker in trackers.items():
                result = tracker.update(picture.depth, sequence.camera, stamp_s)
                runs[name].frames.append(
                    Frame(stamp_s, picture.hands, result.hands, result.raw, result.state, result.timings_ms)
                )
        yield list(runs.values())


def apart_m(hand: Hand, truth: HandTruth) -> float:
    """The joints' mean distance, metres."""
    return float(np.linalg.norm(hand.joints - truth.joints, axis=1).mean())


def pairs(run: Run) -> list[Pair]:
    """Every evaluated true hand with the tracked hand (state TRACK) nearest to it, where there is one."""
    found = []
    for frame in run.frames:
        for truth in frame.evaluated:
            best: Pair | None = None
            least = MATCH_M
            for hand, raw in zip(frame.hands, frame.raw, strict=True):
                distance = apart_m(hand, truth)
                if hand.state == TrackState.TRACK and distance < least:
                    best, least = Pair(frame.stamp_s, truth, hand, raw), distance
            if best is not None:
                found.append(best)
    return found
