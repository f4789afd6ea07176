"""The tracker node at camera rate: how many frames it answers, how old its answers are, what share of a core it takes.

In: a scene, a rate, a folder for the node's log. Out: :class:`NodeLatency`. Ages are those at a receiver in this
process: from the image's stamp, which is when it is sent, to the callback on ``hands``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hand_pose_ros.depth.image import DEPTH_UNIT_M
from hand_pose_ros.evaluation.bench_latency import percentiles
from hand_pose_ros.evaluation.latency_scenes import LatencyScene
from hand_pose_ros.msg import HandPoseArray
from hand_pose_ros.nodes import conversions
from hand_pose_ros.nodes.bench.tracker_client import TrackerClient
from hand_pose_ros.nodes.demo.frame_source import counts_from_depth

# Played before what counts. Guessed.
_SETTLE_S = 1.5


@dataclass(frozen=True)
class NodeLatency:
    """One rate."""

    rate_hz: float
    """Frames a second that were sent."""
    size: str
    """Of the images."""
    sent: int
    """Frames."""
    answered: int
    """Of these."""
    age_ms: Mapping[str, float]
    """p5, p50, p95 at the receiver."""
    core_share: float
    """CPU time of the node a second, of one core."""


def measure_node(
    scene: LatencyScene, rate_hz: float, frames: int, folder: Path, parameters: Mapping[str, Any]
) -> NodeLatency:
    """One row. TrackerLostError when the node does not start."""
    counts = [counts_from_depth(depth, DEPTH_UNIT_M) for depth in scene.depths]
    ages: dict[int, float] = {}
    with TrackerClient(folder, dict(parameters)) as client:
        sent: dict[int, None] = {}

        def receive(message: HandPoseArray) -> None:
            stamp_ns = conversions.stamp_ns(message)
            if stamp_ns in sent:
                ages[stamp_ns] = (client.now_ns() - stamp_ns) * 1e-6

        client.on_hands = receive
        warm_up = int(_SETTLE_S * rate_hz)
        start_s, cpu_s, clock_s = time.monotonic(), 0.0, 0.0
        for number, (_, index) in enumerate(scene.play(warm_up + frames)):
            client.spin(start_s + number / rate_hz - time.monotonic())
            if number == warm_up:
                cpu_s, clock_s = _cpu_seconds(client.pid), time.monotonic()
            stamp_ns = client.now_ns()
            if number >= warm_up:
                sent[stamp_ns] = None
            client.send(*client.messages(counts[index], scene.camera, stamp_ns))
        client.spin(0.5)
        share = (_cpu_seconds(client.pid) - cpu_s) / (time.monotonic() - clock_s)
    if not ages:
        raise ValueError(f"the node answered no frame at {rate_hz:g} Hz")
    return NodeLatency(rate_hz, scene.size, len(sent), len(ages), percentiles(list(ages.values())), share)


def _cpu_seconds(pid: int) -> float:
    """Of all threads of a process, user and system."""
    fields = (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return float(np.sum([int(fields[11]), int(fields[12])])) / os.sysconf("SC_CLK_TCK")
