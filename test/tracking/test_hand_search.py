"""The search beside hands that are followed: a step a frame, and what was seen a frame ago is still of use."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.depth.frame import DepthFrame
from hand_pose_ros.detection.proposals import Proposal
from hand_pose_ros.tracking.config import TrackerConfig
from hand_pose_ros.tracking.hand_search import HandSearch
from hand_pose_ros.tracking.stage_timer import StageTimer

CAMERA = Camera(64, 48, 60.0, 60.0, 31.5, 23.5)
DEPTH = np.full((48, 64), 0.6, np.float32)
FIRST, SECOND = np.array([0.0, 0.0, 0.5]), np.array([0.2, 0.0, 0.5])


class Follower:
    """Follows the first hand where it is said to be there; the second shows only where the first is hidden."""

    def __init__(self, follows: bool, detector: bool = True) -> None:
        self.proposal_generator = self
        self.track = SimpleNamespace(
            published=True, seen_s=0.0, hand=SimpleNamespace(joints=np.tile(FIRST, (23, 1))),
            centre=lambda _: FIRST, rests=lambda _: False,
        )  # fmt: skip
        self.tracks = [self.track] if follows else []
        self.detector = detector
        self.calls: list[tuple[float, str, float | None]] = []
        self.tried: list[tuple[float, np.ndarray]] = []
        self.stamp_s = 0.0

    def confirmed_tracks(self, stamp_s):
        return [track for track in self.tracks if track.seen_s == stamp_s]

    def keep_best_tracks(self):
        pass

    def estimate(self, frame, requests, timer, reject_early=False):
        self.tried += [(frame.stamp_s, group[0].centre) for group in requests]
        if not self.tracks and requests:  # the first hand is found
            self.track.seen_s = frame.stamp_s
            self.tracks = [self.track]
        return [[] for _ in requests]

    def look(self, frame, hands=()):
        if not self.detector:
            return None
        self.calls.append((self.stamp_s, "look beside" if len(hands) else "look", frame.stamp_s))
        return SimpleNamespace(stamp_s=frame.stamp_s, camera=frame.camera, hidden=len(hands))

    def propose(self, frame, count, unhurried=False, look=None):
        self.calls.append((self.stamp_s, "propose", None if look is None else look.stamp_s))
        return [Proposal(FIRST, "detector", 0.0)]

    def propose_remaining(self, look, count):
        self.calls.append((self.stamp_s, "propose beside", look.stamp_s))
        return [Proposal(SECOND, "detector", 0.0)] if look.hidden else []


@pytest.fixture(autouse=True)
def no_hand_is_accepted(monkeypatch):
    for name in ("is_hand", "is_surely_hand"):
        monkeypatch.setattr(f"hand_pose_ros.tracking.hand_search.{name}", lambda *_: False)


def run(follower: Follower, stamps, missed=(), interval_s: float | None = None) -> None:
    search = HandSearch(TrackerConfig(hands=2), follower)
    for stamp_s in stamps:
        follower.stamp_s = stamp_s
        if follower.tracks and stamp_s not in missed:
            follower.track.seen_s = stamp_s
        search.schedule.next_frame(interval_s or stamps[1] - stamps[0])
        search.run(DepthFrame(DEPTH, CAMERA, stamp_s), StageTimer())


def test_beside_a_followed_hand_each_step_has_a_frame_of_its_own():
    stamps = [i / 32 for i in range(15)]
    follower = Follower(follows=True)
    run(follower, stamps)
    assert follower.calls == [
        (stamps[0], "look", stamps[0]),
        (stamps[1], "propose", stamps[0]),
        (stamps[2], "look beside", stamps[2]),
        (stamps[3], "propose beside", stamps[2]),
    ]
    assert [(stamp, tuple(place)) for stamp, place in follower.tried] == [(stamps[3], tuple(SECOND))]


def test_where_no_hand_is_followed_it_is_all_done_in_the_frame():
    follower = Follower(follows=False)
    run(follower, [0.0, 1 / 32])
    assert [call[:2] for call in follower.calls[:3]] == [
        (0.0, "propose"), (0.0, "look beside"), (0.0, "propose beside"),
    ]  # fmt: skip
    assert [stamp for stamp, _ in follower.tried] == [0.0, 0.0]


def test_where_a_hand_is_missed_nothing_waits():
    stamps = [i / 32 for i in range(4)]
    follower = Follower(follows=True)
    run(follower, stamps, missed=stamps[1:])
    # The look of the first frame is used, and then each frame is searched at once.
    assert [call[:2] for call in follower.calls] == [
        (stamps[0], "look"), (stamps[1], "propose"), (stamps[2], "propose"), (stamps[3], "propose"),
    ]  # fmt: skip


def test_slow_cameras_are_searched_whole_in_every_frame():
    stamps = [0.0, 0.2, 0.4]
    follower = Follower(follows=True)
    run(follower, stamps)
    steps = ("propose", "look beside", "propose beside")
    assert [(stamp, name) for stamp, name, _ in follower.calls] == [(t, s) for t in stamps for s in steps]
    assert all(of in (None, stamp) for stamp, _, of in follower.calls)


def test_what_was_looked_at_too_long_ago_is_looked_at_anew():
    follower = Follower(follows=True)
    run(follower, [0.0, 3.0], interval_s=1 / 32)
    assert follower.calls == [(0.0, "look", 0.0), (3.0, "propose", None)]
    follower = Follower(follows=True)
    run(follower, [0.0, 1 / 32, 2 / 32, 0.3], interval_s=1 / 32)
    assert follower.calls[2:] == [
        (2 / 32, "look beside", 2 / 32), (0.3, "look beside", 0.3), (0.3, "propose beside", 0.3),
    ]  # fmt: skip
    assert [(stamp, tuple(place)) for stamp, place in follower.tried] == [(0.3, tuple(SECOND))]


def test_without_a_detector_the_places_are_proposed_at_once():
    follower = Follower(follows=True, detector=False)
    run(follower, [i / 32 for i in range(4)])
    assert [call[:2] for call in follower.calls] == [(0.0, "propose")]


def test_what_was_seen_where_a_fast_hand_was_a_frame_ago_is_not_another_hand():
    stamps = [i / 32 for i in range(2)]
    follower = Follower(follows=True)
    follower.track.centre = lambda stamp_s: FIRST + [6.0 * stamp_s, 0.0, 0.0]  # 0.19 m a frame
    run(follower, stamps)
    assert follower.calls[-1] == (stamps[1], "propose", stamps[0])
    assert follower.tried == []


def test_a_missed_hand_is_looked_for_where_it_was_seen_a_frame_ago():
    stamps = [i / 32 for i in range(2)]
    follower = Follower(follows=True)
    run(follower, stamps, missed=stamps[1:])
    assert [(stamp, tuple(place)) for stamp, place in follower.tried] == [(stamps[1], tuple(FIRST))]


@pytest.mark.parametrize("step", [2, 3])
def test_a_search_beside_hands_that_are_gone_ends_and_the_whole_image_is_searched(step):
    stamps = [i / 32 for i in range(step + 1)]
    follower = Follower(follows=True)
    run(follower, stamps, missed=stamps[step:])
    assert [call[:2] for call in follower.calls[step:]] == [(stamps[step], "propose")]


def test_what_another_camera_saw_is_not_taken_for_what_this_one_sees():
    follower = Follower(follows=True)
    search = HandSearch(TrackerConfig(hands=2), follower)
    other = Camera(64, 48, 90.0, 90.0, 31.5, 23.5)
    for stamp_s, camera in ((0.0, CAMERA), (1 / 32, other), (2 / 32, other), (3 / 32, CAMERA)):
        follower.stamp_s = follower.track.seen_s = stamp_s
        search.schedule.next_frame(1 / 32)
        search.run(DepthFrame(DEPTH, camera, stamp_s), StageTimer())
    assert follower.calls == [
        (0.0, "look", 0.0), (1 / 32, "propose", None), (2 / 32, "look beside", 2 / 32),
        (3 / 32, "look beside", 3 / 32), (3 / 32, "propose beside", 3 / 32),
    ]  # fmt: skip
