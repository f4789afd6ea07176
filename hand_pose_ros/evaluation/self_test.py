"""A self-test: the tracker on thirty synthetic frames whose hand is known.

In: a tracker. Out: :class:`SelfTest`, errors in millimetres and times in milliseconds.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.synthetic.motion import SyntheticMotion
from hand_pose_ros.tracking.tracker import HandTracker

FRAMES = 30
"""Synthetic frames of the test. Chosen: one second of a usual camera."""
LEAST_FOUND = 25
"""Frames with the hand that a sound installation finds at least. Chosen: five may pass before it is found."""
MOST_ERROR_MM = 20.0
"""Mean error that a sound installation stays below. Chosen: twice what it has on this seed (8 mm and less)."""

# Chosen by hand: a usual rate, any hand, a picture that is small enough to be drawn quickly.
_RATE_HZ = 30.0
_SEED = 3
_CAMERA = Camera(320, 240, 240.0, 240.0, 159.5, 119.5)


@dataclass(frozen=True)
class SelfTest:
    """What came out."""

    found: int
    """Frames in which the hand was found, of FRAMES."""
    error_mm: float | None
    """Mean distance of its joints from the known ones; None where it was never found."""
    median_ms: float
    """Of the tracker's update."""
    worst_ms: float
    """The longest of them, the first frame left out."""

    @property
    def passed(self) -> bool:
        """Whether the installation is sound."""
        return self.found >= LEAST_FOUND and self.error_mm is not None and self.error_mm < MOST_ERROR_MM


def run_self_test(tracker: HandTracker) -> SelfTest:
    """Tracks the synthetic frames with a tracker that is warm. Errors of the tracker pass through."""
    motion = SyntheticMotion(_SEED, _CAMERA)
    errors, times = [], []
    tracker.reset()
    for index in range(FRAMES):
        stamp_s = index / _RATE_HZ
        depth, true = motion.frame(stamp_s)
        start = time.perf_counter()
        result = tracker.update(depth, _CAMERA, stamp_s)
        times.append(1e3 * (time.perf_counter() - start))
        apart = [1e3 * float(np.linalg.norm(hand.joints - true, axis=1).mean()) for hand in result.hands]
        errors += [min(apart)] if apart else []
    return SelfTest(
        len(errors),
        float(np.mean(errors)) if errors else None,
        float(np.median(times)),
        float(np.max(times[1:])),
    )
