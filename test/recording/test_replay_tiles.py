"""What is written on a replay's pictures says of each hand what it is."""

from __future__ import annotations

import numpy as np
import pytest

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.recording.replay_tiles import caption_of, tile_of
from hand_pose_ros.tracking.hand import Hand, PoseState, TrackState, posed_hand

CAMERA = Camera(160, 120, 120.0, 120.0, 79.5, 59.5)


def hand(side: str = "right", state: TrackState = TrackState.TRACK, z: float = 0.5) -> Hand:
    pose = PoseState(np.array([0.0, 0.0, z]), np.eye(3), np.zeros(20))
    known = {"track_id": 1, "joint_confidence": np.ones(23), "state": state, "confidence": 0.93}
    return posed_hand(side, pose, np.zeros(9), **known)


def test_each_hand_is_named_with_its_own_state():
    hands = [hand("left", TrackState.COAST), hand()]
    assert caption_of("39.png", hands, TrackState.TRACK) == "39.png left 0.93 COAST, right 0.93"
    assert caption_of("39.png", hands[1:], TrackState.TRACK) == "39.png right 0.93"


@pytest.mark.parametrize("state", [TrackState.SEARCH, TrackState.LOST])
def test_without_a_hand_the_trackers_state_is_named(state):
    assert caption_of("1.png", [], state) == f"1.png {state.name}"


@pytest.mark.parametrize("z", [0.05, 0.5, 3.0])
def test_tiles_are_of_one_size_wherever_the_hand_is(z):
    picture = np.full((120, 160, 3), 90, np.uint8)
    for hands in ([], [hand(z=z)], [hand(z=z), hand("left", z=2 * z)]):
        assert tile_of(picture, CAMERA, "a" * 100, hands).shape == (320, 320, 3)
