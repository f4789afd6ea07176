"""Distances that a trial of the search measures."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from hand_pose_ros.datasets.still_images import StillHand, StillImage
from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.detection.proposals import Proposal
from hand_pose_ros.evaluation.search_trials import search_image
from hand_pose_ros.synthetic.sensor import NO_NOISE
from hand_pose_ros.tracking.config import TrackerConfig

CENTRE = np.array([0.1, 0.0, 0.5])


class Tracker:
    """Publishes nothing in the first frame, then a hand 30 mm off whose network alone was 10 mm off."""

    config = TrackerConfig(hands=2)

    def __init__(self) -> None:
        self.frames = 0

    def reset(self) -> None:
        self.frames = 0

    @property
    def proposal_generator(self):
        return self

    def propose(self, frame, count, unhurried=False):
        return [Proposal(CENTRE + [0.04, 0.0, 0.0], "blob")]

    def update(self, depth, camera, stamp_s):
        assert stamp_s == pytest.approx(self.frames / 30)
        self.frames += 1
        hands, raw = (
            (SimpleNamespace(side="left", joints=np.tile(CENTRE + [off, 0.0, 0.0], (23, 1))),)
            for off in (0.03, 0.01)
        )
        empty = self.frames == 1
        return SimpleNamespace(
            hands=() if empty else hands, raw=() if empty else raw, timings_ms={"locate": 1.0}
        )


def test_distances_are_those_of_middles_frame_by_frame():
    clean = np.full((12, 16), 1.0, np.float32)
    hand = StillHand("right", np.tile(CENTRE, (23, 1)), 0.8, 1.0)
    camera = Camera(16, 12, 14.0, 14.0, 7.5, 5.5)
    found = search_image(Tracker(), StillImage(camera, (hand,), clean, NO_NOISE.as_array(), 3), 2)
    (searched,) = found.hands
    assert searched.errors_m.tolist() == pytest.approx([np.inf, 0.03])
    assert searched.raw_errors_m.tolist() == pytest.approx([np.inf, 0.01])
    assert searched.right_side.tolist() == [False, False]
    assert searched.proposals_m == {"detector": np.inf, "blob": pytest.approx(0.04)}
    assert searched.nearest_proposal_m() == pytest.approx(0.04)
    assert (searched.distance_m, searched.visible) == (0.5, 0.8)
    assert found.both is None
    assert (found.false.tolist(), found.doubles.tolist()) == ([0, 0], [0, 0])
    assert found.stages_ms == {"locate": 1.0}
