"""The tracker node at camera rate for a long time: its memory, threads and open files must not grow.

In: minutes, a rate, a folder for the node's log. Out: :class:`SoakFigures`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.depth.image import DEPTH_UNIT_M
from hand_pose_ros.evaluation.process_usage import MOST_GROWTH_PERCENT, Growth, Usage, growth, process_usage
from hand_pose_ros.msg import HandPoseArray
from hand_pose_ros.nodes.bench.tracker_client import TrackerClient
from hand_pose_ros.nodes.demo.frame_source import counts_from_depth
from hand_pose_ros.synthetic.motion import SyntheticMotion

CAMERA = Camera(640, 480, 480.0, 480.0, 319.5, 239.5)
SETTLED_S = 120.0
"""After this the node has settled: the hand's size is learnt, every path has been taken. Guessed, as what follows."""
_FRAMES, _FRAMES_HZ = 120, 60.0  # two seconds of motion, played to and fro
_SAMPLE_S = 1.0


@dataclass(frozen=True)
class SoakFigures:
    """What a node held over time."""

    minutes: float
    """How long it was watched."""
    rate_hz: float
    """Frames a second that it was sent."""
    settled_s: float
    """From when on its growth is counted."""
    frames: int
    """Frames sent."""
    answered: int
    """Of these, those answered: the others were replaced by newer ones."""
    hands: int
    """Hands seen."""
    died: bool
    """Whether the node ended."""
    tracebacks: int
    """Tracebacks in its log."""
    growth: Growth | None
    """What it held; None when it died before it had settled."""

    @property
    def problems(self) -> list[str]:
        """Why this is a failure; empty when all is well."""
        found = ["the node died"] if self.died else []
        if self.tracebacks:
            found.append(f"{self.tracebacks} tracebacks")
        if not self.answered:
            found.append("no frame was answered")
        if self.growth is None:
            return [*found, "nothing was measured"]
        if self.growth.resident_percent > MOST_GROWTH_PERCENT:
            found.append(f"memory grew by {self.growth.resident_percent:.2f} %")
        for name in ("threads", "files"):
            fewest, most = getattr(self.growth, name)
            if fewest != most:
                found.append(f"{name} went from {fewest} to {most}")
        return found


def soak_node(
    minutes: float,
    rate_hz: float,
    folder: Path,
    model: str = "",
    progress: Callable[[float], None] = lambda minutes: None,
) -> SoakFigures:
    """Send frames of a moving hand for some minutes.

    Memory counts from the second minute on; in a run of less than four, from its half on.
    """
    end_s = 60.0 * minutes
    settled_s = min(SETTLED_S, 0.5 * end_s)
    counts = _frames()
    samples: list[Usage] = []
    answered = hands = sent = 0

    def count(message: HandPoseArray) -> None:
        nonlocal answered, hands
        answered += 1
        hands += len(message.hands)

    with TrackerClient(folder, {"model": model, "device": "cpu", "tf_mode": "full"}) as client:
        client.on_hands = count
        start = time.monotonic()
        while client.alive() and (now := time.monotonic() - start) < end_s:
            client.spin(sent / rate_hz - now)
            # A camera that cannot keep its rate leaves frames out, it does not send them all at once.
            sent = max(sent, int((time.monotonic() - start - 1.0) * rate_hz))
            client.send(*client.messages(counts[_to_and_fro(sent)], CAMERA, client.now_ns()))
            sent += 1
            if client.alive() and (not samples or now >= samples[-1].time_s + _SAMPLE_S):
                samples.append(process_usage(client.pid, now))
                progress(now / 60.0)
        died = not client.alive()
        tracebacks = len(client.tracebacks())
    watched_s = samples[-1].time_s if samples else 0.0
    settled = watched_s > settled_s
    measured = growth(samples, settled_s, window_s=min(30.0, 0.2 * end_s)) if settled else None
    return SoakFigures(
        minutes=watched_s / 60.0,
        rate_hz=rate_hz,
        settled_s=settled_s,
        frames=sent,
        answered=answered,
        hands=hands,
        died=died,
        tracebacks=tracebacks,
        growth=measured,
    )


def _frames() -> list[np.ndarray]:
    motion = SyntheticMotion(0, CAMERA, "right")
    depths = (motion.frame(index / _FRAMES_HZ)[0] for index in range(_FRAMES))
    return [counts_from_depth(depth, DEPTH_UNIT_M) for depth in depths]


def _to_and_fro(index: int) -> int:
    """0, 1, ... last, last - 1, ... 1, 0, 1, ..."""
    place = index % (2 * _FRAMES - 2)
    return min(place, 2 * _FRAMES - 2 - place)
