"""How long the tracker takes for a frame, stage by stage and end to end.

In: scenes (latency_scenes.py), a tracker's configuration, how many frames. Out: :class:`Latency` a row: percentiles in
milliseconds of every stage and of whole frames. Wall-clock time of one thread: whatever else the computer does counts,
so its load stands beside the figures.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.evaluation.hardware_info import processor_name
from hand_pose_ros.evaluation.latency_scenes import EMPTY, LatencyScene
from hand_pose_ros.tracking.config import TrackerConfig
from hand_pose_ros.tracking.stage_timer import STAGES
from hand_pose_ros.tracking.tracker import HandTracker

PERCENTILES: tuple[int, ...] = (5, 50, 95)
WARM_UP = 30
"""Frames before those that count. Guessed, as the next."""
FIRST_FRAMES = 8
"""So many frames of a new track are its first: as long both sides are tried."""


@dataclass(frozen=True)
class Latency:
    """One row: milliseconds."""

    name: str
    """What was shown."""
    size: str
    """Of the images."""
    frames: int
    """How many count."""
    found: float
    """Share of them in which as many hands were published as there are."""
    total_ms: Mapping[str, float]
    """p5, p50, p95 of whole frames."""
    stages_ms: Mapping[str, Mapping[str, float]]
    """The same of each stage, over all frames: one that a frame does without took 0."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "name": self.name, "size": self.size, "frames": self.frames, "found": self.found,
            "total_ms": dict(self.total_ms), "stages_ms": {k: dict(v) for k, v in self.stages_ms.items()},
        }  # fmt: skip


class ScenePlayer:
    """One scene shown to one tracker, over and over; blocks of frames can be timed with others in between."""

    def __init__(self, scene: LatencyScene, tracker: HandTracker) -> None:
        self.scene, self._tracker = scene, tracker
        self._count = 0
        self._order = [index for _, index in scene.play(2 * scene.frames)]
        self.totals: list[float] = []
        self.stages: list[dict[str, float]] = []
        self.hands: list[int] = []
        tracker.reset()

    def run(self, frames: int, counts: bool = True) -> None:
        """Show the next frames; ``counts``: keep their times."""
        period = max(2 * self.scene.frames - 2, 1)
        for _ in range(frames):
            depth = self.scene.depths[self._order[self._count % period]]
            started = time.perf_counter()
            result = self._tracker.update(depth, self.scene.camera, self._count / 30.0)
            took = 1e3 * (time.perf_counter() - started)
            self._count += 1
            if counts:
                self.totals.append(took)
                self.stages.append(result.timings_ms)
                self.hands.append(len(result.hands))

    def latency(self, name: str | None = None) -> Latency:
        """What was counted. ValueError before anything was."""
        found = float(np.mean(np.array(self.hands) == self.scene.hands))
        return _row(name or self.scene.name, self.scene.size, found, self.totals, self.stages)


def measure_scene(scene: LatencyScene, config: TrackerConfig, model: str | None, frames: int) -> Latency:
    """A row of one scene, after a warm-up."""
    player = ScenePlayer(scene, warm_tracker(replace(config, hands=max(scene.hands, config.hands)), model))
    player.run(WARM_UP, counts=False)
    player.run(frames)
    return player.latency()


def measure_first_frames(
    scene: LatencyScene, config: TrackerConfig, model: str | None, frames: int
) -> Latency:
    """A row of a track's first frames: the tracker forgets its tracks before each run of FIRST_FRAMES."""
    tracker = warm_tracker(config, model)
    totals: list[float] = []
    stages: list[dict[str, float]] = []
    found: list[bool] = []
    for start in range(-1, -(-frames // FIRST_FRAMES)):
        player = ScenePlayer(scene, tracker)
        player.run(FIRST_FRAMES)
        if start >= 0:
            totals += player.totals
            stages += player.stages
            found += [count == scene.hands for count in player.hands]
    return _row(f"first {FIRST_FRAMES} frames", scene.size, float(np.mean(found)), totals, stages)


def warm_tracker(config: TrackerConfig, model: str | None) -> HandTracker:
    """A tracker with every path run once."""
    tracker = HandTracker(model, config)
    tracker.warm_up()
    tracker.reset()
    return tracker


def _row(
    name: str, size: str, found: float, totals: Sequence[float], stages: Sequence[Mapping[str, float]]
) -> Latency:
    columns = {stage: [of_frame.get(stage, 0.0) for of_frame in stages] for stage in STAGES}
    # What a frame takes beside its stages.
    columns["rest"] = [t - sum(of_frame.values()) for t, of_frame in zip(totals, stages, strict=True)]
    return Latency(
        name, size, len(totals), found, percentiles(totals),
        {stage: percentiles(values) for stage, values in columns.items()},
    )  # fmt: skip


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """p5, p50, p95. ValueError for no values."""
    if not len(values):
        raise ValueError("no frame was timed")
    found: NDArray[np.float64] = np.percentile(np.asarray(values, np.float64), PERCENTILES)
    return {f"p{p}": float(value) for p, value in zip(PERCENTILES, found, strict=True)}


def conditions(tracker: HandTracker) -> dict[str, Any]:
    """What the figures were measured with: processor, cores, threads, device, backend, precision, load."""
    backend = tracker.estimator.backend
    return {
        "processor": processor_name(), "cores": os.cpu_count() or 1, "threads": tracker.config.threads,
        "device": device_name(str(backend.device)), "backend": backend.name, "precision": backend.precision,
        "model": tracker.model_info.name, "load": list(os.getloadavg()),
    }  # fmt: skip


def device_name(device: str) -> str:
    """cpu, or the GPU's name."""
    if device != "cuda":
        return device
    import torch  # loaded already, where this is the device

    return str(torch.cuda.get_device_name())


def rows_of(
    config: TrackerConfig,
    model: str | None,
    frames: int,
    scenes: Sequence[str],
    sizes: Sequence[str],
    pictures: int,
    on_row: Callable[[Latency], None],
) -> list[Latency]:
    """Every scene at the first size; then, unless all are empty, the first frames of a track, one hand where two may
    be, and one hand at the other sizes. ``on_row`` is called with each row as it is measured; each scene is rendered
    once, in ``pictures`` frames."""
    rows: list[Latency] = []

    def add(row: Latency) -> None:
        rows.append(row)
        on_row(row)

    for name in scenes:
        add(measure_scene(LatencyScene(name, sizes[0], pictures), config, model, frames))
    if set(scenes) <= set(EMPTY):
        return rows
    hand = LatencyScene("hand", sizes[0], pictures)
    add(measure_first_frames(hand, config, model, frames))
    add(replace(measure_scene(hand, replace(config, hands=2), model, frames), name="hand, hands: 2"))
    for size in sizes[1:]:
        add(measure_scene(LatencyScene("hand", size, pictures), config, model, frames))
    return rows
