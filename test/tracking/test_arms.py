"""What one surface joins to a hand's wrist, where its elbow would be, is no other hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.depth.frame import DepthFrame
from hand_pose_ros.hand import skeleton
from hand_pose_ros.synthetic.sequences import bench_sequences
from hand_pose_ros.tracking.arms import FARTHEST_M, FLESH_M, NEAREST_M, PATIENCE, Elbows, lies_on_arm
from hand_pose_ros.tracking.config import TrackerConfig
from hand_pose_ros.tracking.tracker import HandTracker

CAMERA = Camera(160, 120, 105.0, 105.0, 79.5, 59.5)
WRIST = np.array([0.0, 0.05, 0.7])


def joints(direction: np.ndarray) -> np.ndarray:
    """A hand whose forearm leaves the wrist in this direction: only palm and wrist count."""
    hand = np.tile(WRIST - 0.09 * direction, (skeleton.JOINT_COUNT, 1))
    hand[list(skeleton.WRIST_JOINTS)] = WRIST
    return hand


def scene(end: np.ndarray, background_m: float = 1.5, gap: bool = False) -> DepthFrame:
    """A wall, and a strip 6 cm wide from 10 cm before the wrist to 5 cm beyond an end; gap: not in its middle."""
    depth = np.full((120, 160), background_m, np.float32)
    rows, columns = np.mgrid[:120, :160]
    length = np.linalg.norm(end - WRIST)
    for share in np.linspace(-0.1 / length, 1.0 + 0.05 / length, 60):
        if gap and 0.2 < share < 0.8:
            continue
        point = WRIST + share * (end - WRIST)
        u, v = CAMERA.project(point[None])[0]
        radius = 0.03 * CAMERA.fx / point[2]
        depth[(columns - u) ** 2 + (rows - v) ** 2 < radius**2] = point[2] - FLESH_M
    return DepthFrame(depth, CAMERA)


def place(angle: float, length_m: float, towards_m: float = 0.0) -> np.ndarray:
    """So far from the wrist, in this direction in the picture (0: down), and so much farther away."""
    return WRIST + length_m * np.array([np.sin(angle), np.cos(angle), 0.0]) + [0.0, 0.0, towards_m]


DOWN = np.array([0.0, 1.0, 0.0])


@given(st.floats(-0.9, 0.9), st.floats(NEAREST_M + 0.01, 0.30), st.floats(-0.1, 0.1))
def test_an_elbow_is_on_the_arm_however_the_wrist_is_bent(angle, length_m, towards_m):
    elbow = place(angle, length_m, towards_m)
    assert lies_on_arm(scene(elbow), joints(DOWN), elbow)


@given(st.floats(-3.1, 3.1), st.floats(0.20, 0.30))
def test_what_no_surface_joins_to_the_wrist_is_not(angle, length_m):
    elbow = place(angle, length_m)
    assert not lies_on_arm(scene(elbow, gap=True), joints(DOWN), elbow)


@pytest.mark.parametrize("angle", [1.2, 2.0, np.pi])
def test_what_lies_before_the_fingers_or_beside_the_hand_is_not(angle):
    other = place(angle, 0.25)
    assert not lies_on_arm(scene(other), joints(DOWN), other)


@pytest.mark.parametrize("length_m", [NEAREST_M - 0.01, FARTHEST_M + 0.01])
def test_what_is_nearer_or_farther_than_an_elbow_is_not(length_m):
    other = place(0.0, length_m)
    assert not lies_on_arm(scene(other), joints(DOWN), other)


def test_what_lies_beyond_the_picture_or_behind_the_camera_is_not():
    frame = scene(place(0.0, 0.25))
    assert not lies_on_arm(frame, joints(DOWN) + [2.0, 0.0, 0.0], place(0.0, 0.25) + [2.0, 0.0, 0.0])
    assert not lies_on_arm(frame, joints(DOWN) - [0.0, 0.0, 0.75], place(0.0, 0.25, -0.75))


class Seen:
    """A track as far as it counts here: a hand with its forearm, or what an elbow is taken for."""

    def __init__(self, track_id: int, middle: Any, sigma_m: float, published: bool = True) -> None:
        self.track_id, self.published, self.seen_s = track_id, published, 0.0
        self.sigma = np.full(skeleton.JOINT_COUNT, sigma_m)
        self.hand = self
        self.joints = joints(DOWN) if middle is None else np.tile(middle, (skeleton.JOINT_COUNT, 1))


ELBOW = place(0.0, 0.25)
FRAME = scene(ELBOW)


def frames(elbows: Elbows, tracks: list, frame: DepthFrame = FRAME, count: int = 1) -> list:
    for _ in range(count):
        elbows.next_frame(tracks)
        kept = elbows.without(tracks, frame)
        assert elbows.without(tracks, frame) == kept  # a pair counts once a frame
    return kept


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_on_one_arm_the_surer_stays(order):
    hand, elbow = Seen(1, None, 0.01), Seen(2, ELBOW, 0.02)
    elbows = Elbows()
    assert frames(elbows, [hand, elbow][::order]) == [hand]
    assert elbows.dropped == {2}


def test_one_that_is_not_published_ends_none_that_is():
    hand, elbow = Seen(1, None, 0.01, published=False), Seen(2, ELBOW, 0.02)
    assert frames(Elbows(), [hand, elbow]) == [hand, elbow]


def test_one_that_is_not_seen_ends_none():
    hand, elbow = Seen(1, None, 0.01), Seen(2, ELBOW, 0.02)
    hand.seen_s = -0.1
    assert frames(Elbows(), [hand, elbow]) == [hand, elbow]


def test_a_hand_that_comes_to_touch_the_other_arm_stays_for_as_long_as_it_was_seen_apart():
    hand, other = Seen(1, None, 0.01), Seen(2, ELBOW, 0.02)
    elbows, apart = Elbows(), scene(ELBOW, gap=True)
    assert frames(elbows, [hand, other], apart, count=5) == [hand, other]
    assert frames(elbows, [hand, other], count=5) == [hand, other]
    assert frames(elbows, [hand, other]) == [hand]


def at(stamp_s: float, tracks: list) -> DepthFrame:
    for track in tracks:
        track.seen_s = stamp_s
    return DepthFrame(FRAME.depth, CAMERA, stamp_s)


@pytest.mark.parametrize("sigma_m, stays", [(0.013, "hand"), (0.009, "newcomer")])
def test_an_established_hand_gives_way_only_to_one_that_is_clearly_surer_for_some_frames(sigma_m, stays):
    hand, newcomer, elbows = Seen(1, None, 0.014), Seen(2, ELBOW, sigma_m), Elbows()
    frames(elbows, [hand], at(0.0, [hand]))
    kept = frames(elbows, [hand, newcomer], at(1.0, [hand, newcomer]))
    assert hand in kept
    for number in range(PATIENCE):
        kept = frames(elbows, kept, at(1.1 + 0.1 * number, kept))
    assert kept == [hand if stays == "hand" else newcomer]


def test_both_hands_of_a_pair_that_was_seen_apart_stay_when_they_meet_whichever_is_surer():
    hand, other, elbows = Seen(1, None, 0.01), Seen(2, ELBOW, 0.02), Elbows()
    frames(elbows, [hand, other], scene(ELBOW, gap=True), count=3)
    hand.sigma, other.sigma = other.sigma, hand.sigma
    assert frames(elbows, [hand, other]) == [hand, other]


def test_what_is_known_of_a_track_ends_with_it():
    hand, other = Seen(1, None, 0.01), Seen(2, ELBOW, 0.02)
    elbows = Elbows()
    frames(elbows, [hand, other], scene(ELBOW, gap=True), count=9)
    frames(elbows, [hand])
    assert frames(elbows, [hand, other]) == [hand]


@pytest.fixture(scope="module")
def bent_arm() -> tuple[Any, list]:
    """A raised forearm before a stereo camera, whose elbow the network is surer of than of most hands."""
    sequence = next(sequence for sequence in bench_sequences() if sequence.name == "stereo_0")
    renderer = sequence.open()
    return sequence.camera, [(t, renderer.frame(t)) for t in np.arange(4.2, 4.7, 0.1)]


def test_the_elbow_of_a_tracked_hand_is_not_published_before_a_stereo_camera(bent_arm):
    camera, pictures = bent_arm
    tracker = HandTracker(config=TrackerConfig(hands=2))
    for stamp_s, picture in pictures:
        hands = tracker.update(picture.depth, camera, stamp_s).hands
        assert len(hands) == 1
        assert np.linalg.norm(hands[0].joints - picture.hands[0].joints, axis=1).mean() < 0.05
