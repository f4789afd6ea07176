"""The tracker node with a model that is SLOW times slower, to see what the node does when it cannot keep up.

Started by ``demo --slow N``: every run of the network is done N times, on real frames, in the real node. Frames must be
dropped then and never queued, so that the age of the output stays bounded.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, cast

from hand_pose_ros.depth.frame import DepthFrame
from hand_pose_ros.nodes import tracker_node
from hand_pose_ros.nodes.demo.demo_config import SLOW_VARIABLE
from hand_pose_ros.nodes.parameters.parameter_schema import DeclaredParameters
from hand_pose_ros.nodes.tracker_factory import build_tracker
from hand_pose_ros.tracking.estimate import CropRequest, Estimate
from hand_pose_ros.tracking.pose_inference import PoseEstimator
from hand_pose_ros.tracking.stage_timer import StageTimer
from hand_pose_ros.tracking.tracker import HandTracker


class _Repeated:
    """An estimator that does its work several times, and says how long all of that took; the rest is its own."""

    def __init__(self, estimator: Any, times: int) -> None:
        self._estimator, self._times = estimator, times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._estimator, name)

    def __call__(
        self, frame: DepthFrame, requests: Sequence[CropRequest], timer: StageTimer
    ) -> list[Estimate]:
        estimates: list[Estimate] = []
        for _ in range(self._times):
            estimates = self._estimator(frame, requests, timer)
        return estimates


def build_slow_tracker(parameters: DeclaredParameters) -> HandTracker:
    """Returns the tracker that the parameters describe, slowed down."""
    tracker = build_tracker(parameters)
    repeated = _Repeated(tracker.estimator, int(os.environ.get(SLOW_VARIABLE, "10")))
    tracker.estimator = cast(PoseEstimator, repeated)
    return tracker


def main() -> int:
    """Runs the node until it is interrupted."""
    return tracker_node.main(tracker_factory=build_slow_tracker)
