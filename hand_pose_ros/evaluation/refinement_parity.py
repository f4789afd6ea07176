"""Whether the GPU refines hands as the CPU does, and how long either takes.

In: weights, a number of frames of a moving hand and of two. Out: :class:`RefinementParity`: how far joints and angles
move, and the time from hands on the host to refined ones on the host.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hand_pose_ros.evaluation.latency_scenes import LatencyScene
from hand_pose_ros.refine.refiner import Refined, Refiner, RefineRequest
from hand_pose_ros.tracking.config import TrackerConfig
from hand_pose_ros.tracking.tracker import HandTracker

MOST_JOINT_MM = 0.01
"""By so much 99.9 % of the joints may move. Guessed: a rounding more or less in float64 moves them by 1e-12, and where
it decides whether a step is taken, by what a step of the tolerance is worth."""
_SCENES = ("moving", "two hands")
_HANDS = (1, 2)
_REPEATS = 200


@dataclass(frozen=True)
class RefinementParity:
    """The GPU's refinement against the CPU's."""

    hands: int
    """How many were compared."""
    joint_mm: tuple[float, float, float]
    """Movement of the joints: median, 99.9 %, most."""
    angle_rad: float
    """The most that an angle moves."""
    milliseconds: dict[int, tuple[float, float]]
    """p50 on the CPU and on the GPU, host to host, by how many hands at once."""

    @property
    def problem(self) -> str:
        """Why it does not agree; empty when it does."""
        if self.joint_mm[1] <= MOST_JOINT_MM:
            return ""
        return f"99.9 % of the joints move by up to {self.joint_mm[1]:.3f} mm, want at most {MOST_JOINT_MM}"


class _Recorder(Refiner):
    """Keeps what it is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[RefineRequest] = []

    def refine_all(self, requests: Sequence[RefineRequest]) -> list[Refined]:
        self.requests += requests
        return super().refine_all(requests)


def refine_requests(weights: Path, frames: int) -> list[RefineRequest]:
    """What the tracker asks the refinement for while it follows a hand, and two, on the CPU."""
    recorder = _Recorder()
    tracker = HandTracker(weights, TrackerConfig(device="cpu", hands=2))
    tracker.refiner = recorder
    for name in _SCENES:
        scene = LatencyScene(name, frames=frames)
        tracker.reset()
        for stamp_s, index in scene.play(frames):
            tracker.update(scene.depths[index], scene.camera, stamp_s)
    return recorder.requests


def compare_refiners(
    reference: Refiner, other: Refiner, requests: Sequence[RefineRequest]
) -> RefinementParity:
    """One after the other, then so many hands at once as one frame has. ValueError for fewer than two requests."""
    if len(requests) < max(_HANDS):
        raise ValueError(f"{len(requests)} hands were refined, want at least {max(_HANDS)}")
    wanted, found = reference.refine_all(requests), []
    for first in range(0, len(requests), 2):
        found += other.refine_all(requests[first : first + 2])
    moved = 1e3 * np.array(
        [np.linalg.norm(a.joints - b.joints, axis=1) for a, b in zip(found, wanted, strict=True)]
    )
    angle = max(float(np.abs(a.angles - b.angles).max()) for a, b in zip(found, wanted, strict=True))
    low, high, most = np.percentile(moved, (50, 99.9, 100))
    took = {
        hands: (_p50(reference.refine_all, requests, hands), _p50(other.refine_all, requests, hands))
        for hands in _HANDS
    }
    return RefinementParity(len(requests), (float(low), float(high), float(most)), angle, took)


def _p50(
    refine: Callable[[Sequence[RefineRequest]], list[Refined]], requests: Sequence[RefineRequest], hands: int
) -> float:
    times = []
    for index in range(_REPEATS):
        first = index * hands % (len(requests) - hands + 1)
        start = time.perf_counter()
        refine(requests[first : first + hands])
        times.append(1e3 * (time.perf_counter() - start))
    return float(np.median(times))
