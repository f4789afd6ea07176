"""The tracker node with a model that is SLOW times slower, to see what the node does when it cannot keep up.

Started by ``demo --slow N``: every run of the network is done N times, on real frames, in the real node. Frames must be
dropped then and never queued, so that the age of the output stays bounded.
"""

from __future__ import annotations

import os
import sys
from typing import Any, cast

from hand_pose_ros.estimator import HandEstimator
from hand_pose_ros.nodes.declaration import DeclaredParameters
from hand_pose_ros.nodes.demo_config import SLOW_VARIABLE
from hand_pose_ros.nodes.tracker_node import build_tracker, main
from hand_pose_ros.tracker import HandTracker


class _Repeated:
    """An estimator that does its work several times; everything else is the estimator's own."""

    def __init__(self, estimator: Any, times: int) -> None:
        self._estimator, self._times = estimator, times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._estimator, name)

    def __call__(self, *arguments: Any) -> Any:
        for _ in range(self._times - 1):
            self._estimator(*arguments)
        return self._estimator(*arguments)


def build_slow_tracker(parameters: DeclaredParameters) -> HandTracker:
    """The tracker that the parameters describe, slowed down."""
    tracker = build_tracker(parameters)
    repeated = _Repeated(tracker.estimator, int(os.environ.get(SLOW_VARIABLE, "10")))
    tracker.estimator = cast(HandEstimator, repeated)
    return tracker


if __name__ == "__main__":
    sys.exit(main(tracker_factory=build_slow_tracker))
