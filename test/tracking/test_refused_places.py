"""What a search spends on what is no hand: refused places are left alone for a moment, unless they move."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hand_pose_ros.detection.proposals import Proposal
from hand_pose_ros.synthetic.sequences import bench_sequences
from hand_pose_ros.tracking.config import SearchConfig, TrackerConfig
from hand_pose_ros.tracking.refused_places import RefusedPlaces
from hand_pose_ros.tracking.tracker import HandTracker

SEQUENCES = {sequence.name: sequence for sequence in bench_sequences()}


def at(x: float) -> Proposal:
    return Proposal(np.array([x, 0.0, 0.6]), "detector")


@given(
    held_s=st.floats(0.01, 2.0), after_s=st.floats(0.0, 4.0), moved_m=st.floats(0.0, 0.1), limit_m=st.floats(0.01, 0.05)
)  # fmt: skip
def test_a_place_is_left_alone_until_its_time_is_over_or_it_has_moved(held_s, after_s, moved_m, limit_m):
    refused = RefusedPlaces(limit_m)
    refused.add(at(0.0).centre, 10.0, held_s)
    kept = refused.without([at(moved_m), at(1.0)], 10.0 + after_s)
    left_alone = (10.0 + after_s) - 10.0 < held_s and moved_m < limit_m
    assert len(kept) == (1 if left_alone else 2)


def test_a_place_that_drifts_is_a_new_one_once_it_is_far_from_where_it_was_refused():
    refused = RefusedPlaces(0.03)
    refused.add(at(0.0).centre, 0.0, 1.0)
    kept = [bool(refused.without([at(0.01 * i)], 0.03 * i)) for i in range(6)]
    assert kept == [False, False, False, True, True, True]


def test_a_place_that_is_refused_again_is_left_alone_for_longer_up_to_a_limit():
    refused, stamp_s, tried = RefusedPlaces(0.03), 0.0, []
    while stamp_s < 30.0:
        if refused.without([at(0.01)], stamp_s):
            tried.append(stamp_s)
            refused.add(at(0.01).centre, stamp_s, 1.0, 4.0)
        stamp_s += 0.25
    assert np.diff(tried).tolist() == [1.0, 2.0] + [4.0] * (len(tried) - 3)


def test_a_hold_of_when_a_hand_was_followed_is_cut_short_where_none_is():
    refused = RefusedPlaces(0.03)
    refused.add(at(0.0).centre, 0.0, 4.0)
    assert not refused.without([at(0.0)], 1.0)
    assert refused.without([at(0.0)], 1.0, most_s=0.2)


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
    assert np.mean(crops) < 2.0, "it was 4.5 where every place was tried in every frame"


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
    "name", ["refused_hold_s", "recheck_hold_s", "recheck_most_hold_s", "refused_move_m", "doubtful_s"]
)
def test_times_and_distances_of_a_search_are_positive(name):
    with pytest.raises(ValueError, match=f"search.{name} is 0.0, want more than 0"):
        SearchConfig(**{name: 0.0})
