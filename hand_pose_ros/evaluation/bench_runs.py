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

SAME_HAND_M = 0.10
"""A published hand belongs to the true one whose joints are nearest, up to this mean distance."""
MOST_HIDDEN = 0.5
"""Hands of which less is visible, or less in view, are not judged."""


@dataclass(frozen=True)
class Frame:
    """One depth image: its stamp s, the true hands, what was published and what the network alone said, one for one,
    the tracker's state, milliseconds a stage."""

    stamp_s: float
    truth: tuple[HandTruth, ...]
    hands: tuple[Hand, ...]
    raw: tuple[Hand, ...]
    state: TrackState
    timings_ms: Mapping[str, float]

    @property
    def judged(self) -> tuple[HandTruth, ...]:
        """The true hands that can be seen well enough."""
        return tuple(t for t in self.truth if t.visible >= MOST_HIDDEN and t.in_view >= MOST_HIDDEN)


@dataclass
class Run:
    """One tracker over one sequence."""

    variant: str
    sequence: sequences.Sequence
    frames: list[Frame] = field(default_factory=list)


@dataclass(frozen=True)
class Pair:
    """A true hand and what was published of it: joints (23, 3) m refined, raw and true."""

    stamp_s: float
    truth: HandTruth
    hand: Hand
    raw: Hand


def run_trackers(
    trackers: Mapping[str, HandTracker], chosen: Sequence[sequences.Sequence]
) -> Iterator[list[Run]]:
    """The runs of all trackers, sequence by sequence."""
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


def pairs(run: Run) -> list[Pair]:
    """Every judged true hand with the tracked hand (state TRACK) nearest to it, where there is one."""
    found = []
    for frame in run.frames:
        for truth in frame.judged:
            best: Pair | None = None
            least = SAME_HAND_M
            for hand, raw in zip(frame.hands, frame.raw, strict=True):
                distance = float(np.linalg.norm(hand.joints - truth.joints, axis=1).mean())
                if hand.state == TrackState.TRACK and distance < least:
                    best, least = Pair(frame.stamp_s, truth, hand, raw), distance
            if best is not None:
                found.append(best)
    return found
