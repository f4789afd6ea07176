"""What a search spends on what is no hand: refused places are left alone for a moment, unless they move."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.depth.frame import DepthFrame
from hand_pose_ros.detection.proposals import Proposal
from hand_pose_ros.synthetic.sequences import bench_sequences
from hand_pose_ros.tracking.config import SearchConfig, TrackerConfig
from hand_pose_ros.tracking.refused_places import HoldTimes, RefusedPlaces, look_at
from hand_pose_ros.tracking.tracker import HandTracker

SEQUENCES = {sequence.name: sequence for sequence in bench_sequences()}


CAMERA = Camera(160, 120, 140.0, 140.0, 79.5, 59.5)
EMPTY = np.full((120, 160), np.nan, np.float32)
AGAIN = HoldTimes(1.0, 4.0, 4.0)
UNLESS_CHANGED = HoldTimes(0.2, 1.0, 0.2)


def at(x: float) -> Proposal:
    return Proposal(np.array([x, 0.0, 0.6]), "detector")


def frame(stamp_s: float, depth: np.ndarray = EMPTY) -> DepthFrame:
    return DepthFrame(depth, CAMERA, stamp_s)


def ball(x: float, seed: int, radius_m: float = 0.05) -> np.ndarray:
    """A wall 1 m away and a ball before it at (x, 0, 0.6) m, with a sensor's noise."""
    v, u = np.mgrid[0:120, 0:160]
    across = np.hypot((u - CAMERA.cx) / CAMERA.fx * 0.6 - x, (v - CAMERA.cy) / CAMERA.fy * 0.6)
    front = 0.6 - np.sqrt(np.maximum(radius_m**2 - across**2, 0.0))
    depth = np.where(across < radius_m, front, 1.0)
    return (depth + np.random.default_rng(seed).normal(0.0, 0.002, depth.shape)).astype(np.float32)


@given(
    held_s=st.floats(0.01, 2.0), after_s=st.floats(0.0, 4.0), moved_m=st.floats(0.0, 0.1), limit_m=st.floats(0.01, 0.05)
)  # fmt: skip
def test_a_place_is_left_alone_until_its_time_is_over_or_it_has_moved(held_s, after_s, moved_m, limit_m):
    refused, hold = RefusedPlaces(limit_m, limit_m), HoldTimes(held_s, held_s, held_s)
    refused.add(at(0.0).centre, frame(10.0), hold)
    kept = refused.without([at(moved_m), at(1.0)], frame(10.0 + after_s), hold)
    left_alone = 10.0 + held_s - (10.0 + after_s) > 0.0 and moved_m < limit_m
    assert len(kept) == (1 if left_alone else 2)


def test_a_place_that_drifts_is_a_new_one_once_it_is_far_from_where_it_was_refused():
    refused, hold = RefusedPlaces(0.03, 0.03), HoldTimes(1.0, 1.0, 1.0)
    refused.add(at(0.0).centre, frame(0.0), hold)
    kept = [bool(refused.without([at(0.01 * i)], frame(0.03 * i), hold)) for i in range(6)]
    assert kept == [False, False, False, True, True, True]


def tried(refused: RefusedPlaces, hold: HoldTimes, seconds: float, depth=lambda k: EMPTY, x=lambda k: 0.01):
    """The stamps at which a place is tried, and refused again, at four frames a second."""
    stamps = []
    for k in range(int(4 * seconds)):
        now = frame(0.25 * k, depth(k))
        if refused.without([at(x(k))], now, hold):
            stamps.append(now.stamp_s)
            refused.add(at(x(k)).centre, now, hold)
    return stamps


def test_a_place_that_is_refused_again_is_left_alone_for_longer_up_to_a_limit():
    stamps = tried(RefusedPlaces(0.03, 0.15), AGAIN, 30.0)
    assert np.diff(stamps).tolist() == [1.0, 2.0] + [4.0] * (len(stamps) - 3)


def test_what_looks_as_it_did_is_left_alone_for_longer_and_what_changes_is_not():
    hold = HoldTimes(0.25, 1.0, 0.25)
    still = tried(RefusedPlaces(0.03, 0.15), hold, 8.0, lambda k: ball(0.0, k))
    assert np.diff(still).tolist() == [0.25, 0.5] + [1.0] * (len(still) - 3)
    swells = tried(RefusedPlaces(0.03, 0.15), hold, 8.0, lambda k: ball(0.0, k, 0.04 if k % 2 else 0.08))
    assert np.diff(swells).tolist() == [0.25] * 31


def test_what_has_moved_and_looks_the_same_is_the_same_and_something_else_there_is_not():
    refused = RefusedPlaces(0.03, 0.15)
    refused.add(at(0.0).centre, frame(0.0, ball(0.0, 0)), UNLESS_CHANGED)
    assert not refused.without([at(0.08)], frame(0.1, ball(0.08, 1)), UNLESS_CHANGED)
    assert refused.without([at(0.08)], frame(0.1, ball(0.08, 1, 0.09)), UNLESS_CHANGED)
    assert refused.without([at(0.2)], frame(0.1, ball(0.2, 1)), UNLESS_CHANGED)


def test_a_proposal_that_jitters_about_what_has_not_changed_is_the_same():
    hold = HoldTimes(0.25, 4.0, 0.25)
    stamps = tried(RefusedPlaces(0.03, 0.15), hold, 12.0, lambda k: ball(0.0, k), lambda k: 0.02 * (-1) ** k)
    assert np.diff(stamps).tolist() == [0.25, 0.5, 1.0, 2.0, 4.0, 4.0]


def test_a_change_in_the_picture_ends_a_long_hold():
    """What was refused four times is left alone for a second; a hand that comes to it is tried as soon as at first."""
    refused, stamp_s = RefusedPlaces(0.03, 0.15), 0.0
    for k in range(4):
        refused.add(at(0.0).centre, frame(stamp_s, ball(0.0, k)), UNLESS_CHANGED)
        stamp_s += 0.8
    stamp_s += 0.25 - 0.8
    assert not refused.without([at(0.0)], frame(stamp_s, ball(0.0, 9)), UNLESS_CHANGED)
    assert refused.without([at(0.0)], frame(stamp_s, ball(0.0, 9, 0.09)), UNLESS_CHANGED)


def test_few_places_that_were_refused_are_tried_again_in_one_frame_and_all_new_ones():
    refused, hold = RefusedPlaces(0.03, 0.03), HoldTimes(0.2, 0.2, 0.2, most_rechecks=1)
    known, new = [at(0.0), at(0.3), at(0.6)], [at(0.9), at(1.2)]
    for proposal in known:
        refused.add(proposal.centre, frame(0.0), hold)
    kept = refused.without([*known, *new], frame(0.3), hold)
    assert [p.centre[0] for p in kept] == [0.0, 0.9, 1.2]
    refused.add(known[0].centre, frame(0.3), hold)
    assert refused.without(known, frame(0.33), hold)[0].centre[0] == 0.3


def test_a_hold_of_when_a_hand_was_followed_is_cut_short_where_none_is():
    refused = RefusedPlaces(0.03, 0.15)
    refused.add(at(0.0).centre, frame(0.0), HoldTimes(4.0, 4.0, 4.0))
    assert not refused.without([at(0.0)], frame(1.0), AGAIN)
    assert refused.without([at(0.0)], frame(1.0), UNLESS_CHANGED)


@given(
    st.floats(-1e3, 1e3), st.floats(-1e3, 1e3), st.floats(-1.0, 1e3), st.integers(1, 40), st.integers(1, 40)
)
def test_any_place_of_any_picture_has_a_look(x, y, z, width, height):
    depth = np.full((height, width), 0.5, np.float32)
    look = look_at(DepthFrame(depth, Camera(width, height, 20.0, 20.0, 0.0, 0.0)), np.array([x, y, z]))
    assert np.all(np.isnan(look) | (np.abs(look) <= 0.121))


class Counting:
    """An estimator that counts its crops, frame by frame."""

    def __init__(self, inner) -> None:
        self._inner = inner
        self.crops: list[int] = []

    def __getattr__(self, name):
        return getattr(self._inner, name)

    def __call__(self, frame, requests, timer):
        self.crops[-1] += len(requests)
        return self._inner(frame, requests, timer)


def played(name: str, config: TrackerConfig, frames: int) -> tuple[list[int], list[int]]:
    """Crops and hands of each frame of a sequence."""
    tracker = HandTracker(config=config)
    counting = tracker.estimator = Counting(tracker.estimator)
    sequence, hands = SEQUENCES[name], []
    renderer = sequence.open()
    for stamp_s in sequence.times()[:frames]:
        counting.crops.append(0)
        result = tracker.update(renderer.frame(stamp_s).depth, sequence.camera, stamp_s)
        hands.append(len(result.hands))
    return counting.crops, hands


@pytest.mark.slow
@pytest.mark.parametrize("name", ["nothing_clutter", "nothing_gripper_at_work", "nothing_face_and_box"])
def test_what_is_no_hand_costs_few_crops(name):
    crops, hands = played(name, TrackerConfig(device="cpu"), 40)
    assert not any(hands)
    assert np.mean(crops) < 0.7, "it was 4.5 where every place was tried in every frame"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["moving_1", "leave_return_0", "still_1"])
def test_a_hand_that_enters_is_found_within_two_frames(name):
    crops, hands = played(name, TrackerConfig(device="cpu"), 4)
    assert hands[1] == 1
    assert crops[-1] <= 2


@pytest.mark.slow
def test_a_hand_is_found_where_something_was_refused_a_moment_ago():
    """Clutter for ten frames, then a hand appears."""
    tracker = HandTracker(config=TrackerConfig(device="cpu"))
    clutter, hand = SEQUENCES["nothing_clutter"], SEQUENCES["still_0"]
    empty, full = clutter.open(), hand.open()
    for i in range(10):
        assert not tracker.update(empty.frame(i / 30).depth, clutter.camera, i / 30).hands
    found = [
        len(tracker.update(full.frame(i / 30).depth, hand.camera, (10 + i) / 30).hands) for i in range(2)
    ]
    assert found[1] == 1


@pytest.mark.slow
def test_looking_for_a_second_hand_adds_a_crop_to_few_frames():
    crops, hands = played("still_1", TrackerConfig(device="cpu", hands=2), 75)
    assert hands[-1] == 1
    steady = crops[15:]
    assert max(steady) <= 2, "one crop more than the hand's own in any frame"
    assert np.mean([count > 1 for count in steady]) < 0.15


@pytest.mark.parametrize(
    "name",
    [
        "refused_hold_s",
        "unchanged_hold_s",
        "recheck_hold_s",
        "recheck_most_hold_s",
        "refused_move_m",
        "carried_m",
        "doubtful_s",
        "slow_frame_s",
        "regained_s",
    ],
)
def test_times_and_distances_of_a_search_are_positive(name):
    with pytest.raises(ValueError, match=f"search.{name} is 0.0, want more than 0"):
        SearchConfig(**{name: 0.0})
