"""How well gestures are told: synthetic people who show them by a script, tracked, against the truth of their hands.

In: how many people, the first one's seed (even ones are right hands, odd ones left), a HandTracker each. Out:
:class:`GestureFigures`.
The truth is what the same detector says of the true joints and angles, and which pinch the script holds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.hand.skeleton import SIDES
from hand_pose_ros.retarget.gestures import PINCH_FINGERS, GestureConfig, GestureDetector
from hand_pose_ros.synthetic.gesture_motion import SCRIPT_S, GestureMotion
from hand_pose_ros.synthetic.sequences import VGA
from hand_pose_ros.tracking.tracker import HandTracker

Flags = NDArray[np.bool_]

RATE_HZ = 30.0
"""Images a second. Chosen: what most depth cameras send."""
_SAME_EVENT_FRAMES = 6
"""A beginning, or an end, this many images from a true one is that one. Guessed: a fifth of a second."""


@dataclass(frozen=True)
class GestureRun:
    """One person's script: what was true and what was detected, image by image."""

    truth: Flags
    """(T, 5): pinches as PINCH_FINGERS, then the grasp."""
    detected: Flags
    """(T, 5)."""
    held: tuple[str | None, ...]
    """(T,): the gesture that the script holds."""


@dataclass(frozen=True)
class GestureFigures:
    """Of all people. Shares in percent."""

    images: int
    """How many were looked at."""
    agreement: float
    """Of all images and all five flags, those that are as in the truth."""
    held_pinches: int
    """How many pinches the script holds."""
    held_agreement: float
    """Of the images in which the script holds a pinch, those with all flags as in the truth."""
    held_without_fault: int
    """How many of the held pinches agree in every image."""
    held_told: float
    """Of the images in which the script holds a pinch, those in which this pinch is detected, whatever the rules say of
    the true joints."""
    late: dict[str, int]
    """Beginnings and ends by how many images they came late; below 0: early."""
    missed: int
    """True beginnings and ends without one detected near them."""
    extra: int
    """Told ones without a true one near them."""

    def lines(self) -> list[str]:
        """In words, a line each."""
        late = ", ".join(f"{frames}: {count}" for frames, count in self.late.items())
        return [
            f"{self.images} images, {self.agreement:.2f} % of all flags agree with the truth",
            f"{self.held_pinches} held pinches: {self.held_agreement:.2f} % of their images agree,"
            f" {self.held_without_fault} without a fault; the pinch is told in {self.held_told:.2f} %",
            f"beginnings and ends by images late: {late}; missed {self.missed}, extra {self.extra}",
        ]

    def as_json(self) -> dict[str, Any]:
        """For a file."""
        return asdict(self)


def run_person(seed: int, tracker: HandTracker, config: GestureConfig | None = None) -> GestureRun:
    """The whole script of one person."""
    motion = GestureMotion(seed, VGA, SIDES[seed % len(SIDES)])
    true_detector, detector, track_id = GestureDetector(config), GestureDetector(config), -1
    truth, detected, held = [], [], []
    for index in range(int(SCRIPT_S * RATE_HZ)):
        t = index / RATE_HZ
        depth, joints = motion.frame(t)
        hands = tracker.update(depth, VGA, t).hands
        true = true_detector.update(joints, motion.angles(t), motion.scale)
        truth.append([*true.pinching, true.grasping])
        detected.append([False] * (len(PINCH_FINGERS) + 1))
        if hands:
            hand = hands[0]
            if hand.track_id != track_id:
                detector, track_id = GestureDetector(config), hand.track_id
            gesture = detector.update(hand.joints, hand.angles, hand.scale, hand.thickness)
            detected[-1] = [*gesture.pinching, gesture.grasping]
        held.append(motion.held(t))
    return GestureRun(np.array(truth), np.array(detected), tuple(held))


def figures(runs: list[GestureRun]) -> GestureFigures:
    """Of some people's scripts."""
    late: list[int] = []
    missed = extra = 0
    holds: list[Flags] = []
    detected_holds: list[Flags] = []
    for run in runs:
        for flag in range(run.truth.shape[1]):
            for begins in (True, False):
                true, detected = _changes(run.truth[:, flag], begins), _changes(run.detected[:, flag], begins)
                pairs = [detected[np.abs(detected - at) <= _SAME_EVENT_FRAMES] - at for at in true]
                late += [int(near[np.abs(near).argmin()]) for near in pairs if len(near)]
                missed += sum(len(near) == 0 for near in pairs)
                extra += sum(not (np.abs(true - at) <= _SAME_EVENT_FRAMES).any() for at in detected)
        same = (run.truth == run.detected).all(axis=1)
        for number, finger in enumerate(PINCH_FINGERS):
            shown = np.array([name == f"{finger}_pinch" for name in run.held])
            if shown.any():
                holds.append(same[shown])
                detected_holds.append(run.detected[shown, number])
    counts = {str(frames): late.count(frames) for frames in sorted(set(late))}
    return GestureFigures(
        images=sum(len(run.truth) for run in runs),
        agreement=100.0 * float(np.mean([(run.truth == run.detected).mean() for run in runs])),
        held_pinches=len(holds),
        held_agreement=100.0 * float(np.concatenate(holds).mean()),
        held_without_fault=sum(bool(hold.all()) for hold in holds),
        held_told=100.0 * float(np.concatenate(detected_holds).mean()),
        late=counts,
        missed=missed,
        extra=extra,
    )


def measure(
    people: int,
    build: Callable[[], HandTracker],
    on_person: Callable[[int], None] = lambda number: None,
    seed: int = 0,
) -> GestureFigures:
    """Figures of ``people`` seeds from ``seed`` on; ``on_person`` hears how many were done before."""
    runs = []
    for number in range(people):
        runs.append(run_person(seed + number, build()))
        on_person(number)
    return figures(runs)


def _changes(flags: Flags, begins: bool) -> NDArray[np.int64]:
    """Indices of the images in which a flag is set for the first time, or is not any more."""
    steps = np.diff(np.concatenate([[0], flags.astype(np.int64)]))
    return np.flatnonzero(steps == (1 if begins else -1))
