"""The tracker under hostile frames, without ROS: it may refuse them, but never fall, and never see an impossible hand.

In: a number of frames, a seed. Out: :class:`FuzzFigures`. Before and after the hostile frames the tracker is shown the
same good ones; after ``reset`` what it says of them must be what it said before.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.evaluation.hostile_frames import HostileFrame, hostile_frames
from hand_pose_ros.evaluation.impossible_hands import impossible_hand
from hand_pose_ros.synthetic.motion import SyntheticMotion
from hand_pose_ros.tracking.config import TrackerConfig
from hand_pose_ros.tracking.hand import Hand
from hand_pose_ros.tracking.tracker import HandTracker

Array = NDArray[np.float64]

CAMERA = Camera(320, 240, 240.0, 240.0, 159.5, 119.5)
"""Half the usual size: the frames hold the same hand, and more of them fit into a minute."""
GOOD_FRAMES = 20
GOOD_INTERVAL_S = 0.1
"""Good frames, and the time between them. Guessed: slow enough for one core over the middleware."""
MOST_DIFFERENCE_MM = 0.1
"""Good frames after a reset may differ by this from a clean run. Chosen: far below what is measured."""
_KEPT = 10  # of each kind of problem, the first ones are told; chosen by hand


@dataclass
class FuzzFigures:
    """What came of hostile frames; ``problems`` is empty when all is well."""

    frames: int = 0
    """Hostile frames shown."""
    answered: int = 0
    """Of these, those that the tracker made something of, be it no hand."""
    refused: int = 0
    """Of these, those that it refused with one sentence."""
    hands: int = 0
    """Hands that were seen in hostile frames: some hold a good one."""
    deaths: int = 0
    """How often the process ended."""
    impossible: int = 0
    """Hands that can be none."""
    tracebacks: int = 0
    """Errors that are no refusal."""
    difference_mm: float = float("nan")
    """Largest distance of a joint in good frames after ``reset`` from the same frames of a clean run."""
    good_hands: int = 0
    """Hands in the good frames of the clean run: 0 would prove nothing."""
    slowest_s: float = 0.0
    """Longest time that one hostile frame took, seconds."""
    kinds: dict[str, int] = field(default_factory=dict)
    """Hostile frames of each kind."""
    notes: list[str] = field(default_factory=list)
    """What is wrong, in words, the first ones of each kind."""

    def count(self, kind: str) -> None:
        """One more hostile frame, of this kind."""
        self.frames += 1
        self.kinds[kind] = self.kinds.get(kind, 0) + 1

    def note(self, kind: str, text: str) -> None:
        """Keep a problem in words, unless there are enough of its kind."""
        if sum(note.startswith(f"{kind}: ") for note in self.notes) < _KEPT:
            self.notes.append(f"{kind}: {text}")

    @property
    def problems(self) -> list[str]:
        """Why this is a failure."""
        found = [
            f"{count} {name}"
            for count, name in (
                (self.deaths, "deaths"),
                (self.impossible, "impossible hands"),
                (self.tracebacks, "tracebacks"),
            )
            if count
        ]
        if not self.good_hands:
            found.append("no hand was seen in the good frames")
        elif not self.difference_mm <= MOST_DIFFERENCE_MM:
            found.append(f"good frames differ by {self.difference_mm:.3f} mm after a reset")
        return found

    def check(self, what: str, *hand: Any) -> None:
        """Count a hand (arguments as ``impossible_hand``)."""
        self.hands += 1
        why = impossible_hand(*hand)
        if why is not None:
            self.impossible += 1
            self.note("impossible hand", f"{what}: {why}")

    def compare(self, clean: Sequence[Array | None], after: Sequence[Array | None]) -> None:
        """The good frames of both runs, the joints (23, 3) m of each or None without a hand."""
        self.good_hands = sum(joints is not None for joints in clean)
        self.difference_mm = largest_difference_mm(clean, after)


def largest_difference_mm(clean: Sequence[Array | None], after: Sequence[Array | None]) -> float:
    """Largest distance of a joint in two runs over the same frames; infinite where only one of them has a hand."""
    largest = 0.0
    for one, other in zip(clean, after, strict=True):
        if (one is None) != (other is None):
            return float("inf")
        if one is not None and other is not None:
            largest = max(largest, float(np.linalg.norm(one - other, axis=1).max()) * 1e3)
    return largest


def good_frames(seed: int, count: int = GOOD_FRAMES) -> list[NDArray[np.float32]]:
    """Depth images (H, W) m of a synthetic right hand, ``GOOD_INTERVAL_S`` apart, whole millimetres, NaN = none."""
    motion = SyntheticMotion(seed, CAMERA, "right")
    frames = (motion.frame(index * GOOD_INTERVAL_S)[0] for index in range(count))
    return [np.round(depth * 1000).astype(np.float32) * np.float32(0.001) for depth in frames]


def fuzz_tracker(
    count: int,
    seed: int,
    model: str | Path | None = None,
    progress: Callable[[int], None] = lambda done: None,
    tracker: HandTracker | None = None,
) -> FuzzFigures:
    """Show ``count`` hostile frames to a tracker, between good ones.

    :param progress: called with the number of frames done.
    :param tracker: that to be tried; None: one with ``model`` that looks for two hands on the CPU.
    """
    figures = FuzzFigures()
    tracker = tracker or HandTracker(model, TrackerConfig(hands=2, device="cpu"))
    good = good_frames(seed)
    clean = _shown(tracker, good)
    hostile = hostile_frames(seed, good[0], CAMERA)
    for done, frame in zip(range(1, count + 1), hostile, strict=False):
        _show_hostile(tracker, frame, figures)
        progress(done)
    figures.compare(clean, _shown(tracker, good))
    return figures


def _shown(tracker: HandTracker, frames: Sequence[NDArray[np.float32]]) -> list[Array | None]:
    """The joints of the first hand in each good frame, after a reset."""
    tracker.reset()
    answers = []
    for index, depth in enumerate(frames):
        hands = tracker.update(depth, CAMERA, index * GOOD_INTERVAL_S).hands
        answers.append(hands[0].joints if hands else None)
    return answers


def _show_hostile(tracker: HandTracker, frame: HostileFrame, figures: FuzzFigures) -> None:
    figures.count(frame.kind)
    what = f"frame {figures.frames} ({frame.kind})"
    started = time.perf_counter()
    try:
        result = tracker.update(frame.depth, Camera(**frame.camera), frame.stamp_s)
    except ValueError:
        figures.refused += 1
        return
    except Exception as error:  # noqa: BLE001  what it is, is the question
        figures.tracebacks += 1
        place = traceback.extract_tb(error.__traceback__)[-1]
        figures.note(
            "traceback", f"{what}: {error!r} at {Path(place.filename).name}:{place.lineno} ({place.name})"
        )
        return
    finally:
        figures.slowest_s = max(figures.slowest_s, time.perf_counter() - started)
    figures.answered += 1
    for hand in (*result.hands, *result.raw):
        figures.check(what, *numbers_of(hand))


def numbers_of(hand: Hand) -> tuple[Array, Array, Array, float, Array]:
    """A hand as ``impossible_hand`` takes it."""
    return hand.joints, hand.angles, hand.segment_rotations, hand.confidence, hand.joint_confidence
