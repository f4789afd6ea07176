"""A hand in view keeps its identity and side, and its size is learnt, at whatever times the frames come."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.synthetic.motion import SyntheticMotion
from hand_pose_ros.tracking.config import TrackerConfig
from hand_pose_ros.tracking.tracker import HandTracker

CAMERA = Camera(320, 240, 240.0, 240.0, 159.5, 119.5)


def at(hz: float, count: int) -> list[float]:
    return [1.0 / hz] * count


def jittering(hz: float, count: int) -> list[float]:
    """Intervals that are up to half longer or shorter."""
    return list(np.random.default_rng(5).uniform(0.5, 1.5, count) / hz)


SCHEDULES: dict[str, list[float]] = {
    "from 30 Hz to 1 Hz and back": at(30, 20) + at(1, 8) + at(30, 20),
    "0.5 Hz, jittering": jittering(0.5, 15),
    "2 Hz, jittering": jittering(2, 20),
    "4 Hz, jittering": jittering(4, 30),
    "bursts": ([1.0] + at(30, 4)) * 6,
    "pairs": [0.8, 1 / 30] * 10,
    "a pause of 2 s": at(30, 15) + [2.0] + at(30, 15) + [2.9] + at(5, 10),
}


@pytest.mark.slow
@pytest.mark.parametrize("moves", [False, True])
@pytest.mark.parametrize("intervals_s", SCHEDULES.values(), ids=list(SCHEDULES))
def test_one_hand_is_one_track(tmp_path: Path, intervals_s: list[float], moves: bool) -> None:
    motion = SyntheticMotion(4, CAMERA)
    tracker = HandTracker(config=TrackerConfig(user="anna", user_folder=str(tmp_path)))
    stamp_s, hands = 0.0, []
    for interval_s in intervals_s:
        stamp_s += interval_s
        depth = motion.frame(0.5 * stamp_s if moves else 0.0)[0].astype(np.float32)
        hands += tracker.update(depth, CAMERA, stamp_s).hands
    assert len(hands) == len(intervals_s)
    assert len({(hand.track_id, hand.side) for hand in hands}) == 1
    if stamp_s > 7.0:
        assert (tmp_path / "anna.json").exists()
