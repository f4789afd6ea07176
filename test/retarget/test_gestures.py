"""Gestures: strengths follow gaps and curls, hysteresis holds, events pair up, whatever the hand does."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hand_pose_ros.hand.skeleton import ANGLE_COUNT, ANGLE_LIMITS, FINGER_ANGLE_TABLE, JOINT_COUNT, TIP_JOINTS
from hand_pose_ros.refine.surface_model import END_RADII
from hand_pose_ros.retarget.gestures import (
    PINCH_FINGERS,
    GestureConfig,
    GestureDetector,
    GestureEvent,
    pinch_event,
)

STRAIGHT = np.zeros(ANGLE_COUNT)
FIST = np.zeros(ANGLE_COUNT)
FIST[FINGER_ANGLE_TABLE[1:, 1:]] = (1.3, 1.6, 0.8)


def tips(finger: str = "index", gap_m: float = 1.0, scale: float = 1.0, thickness: float = 0.0) -> np.ndarray:
    """Joints of which only the tips matter: the flesh of one finger's is ``gap_m`` from the thumb's, others are far."""
    joints = np.zeros((JOINT_COUNT, 3))
    joints[list(TIP_JOINTS[1:])] = [1.0, 0.0, 0.0]
    tip = TIP_JOINTS[1 + PINCH_FINGERS.index(finger)]
    flesh = (END_RADII[tip] + END_RADII[TIP_JOINTS[0]]) * scale * math.exp(thickness)
    joints[tip] = [0.0, gap_m + flesh, 0.0]
    return joints


@pytest.mark.parametrize("number, finger", list(enumerate(PINCH_FINGERS)))
@pytest.mark.parametrize("scale, thickness", [(1.0, 0.0), (1.2, 0.1), (0.8, -0.2)])
def test_strength_is_one_at_touch_and_zero_when_open_for_every_hand(number, finger, scale, thickness):
    def strengths(gap_m):
        joints = tips(finger, gap_m, scale, thickness)
        return GestureDetector().update(joints, STRAIGHT, scale, thickness).strengths

    assert strengths(0.0)[number] == pytest.approx(1.0)
    assert strengths(-0.01)[number] == 1.0
    assert strengths(scale * GestureConfig().open_gap_m)[number] == pytest.approx(0.0, abs=1e-12)
    assert strengths(scale * 0.03)[number] == pytest.approx(0.5)
    assert strengths(0.0).sum() == pytest.approx(1.0)


def test_pinch_begins_at_one_strength_and_ends_at_a_lower_one():
    detector, config = GestureDetector(), GestureConfig()
    told = []
    for strength in (0.5, 0.84, 0.86, 0.84, 0.5, 0.41, 0.39, 0.5, 0.84, 0.9):
        gesture = detector.update(tips("ring", (1.0 - strength) * config.open_gap_m), STRAIGHT)
        told.append((bool(gesture.pinching[2]), gesture.events))
    begin, end = (GestureEvent.RING_PINCH_BEGIN,), (GestureEvent.RING_PINCH_END,)
    assert [events for _, events in told] == [(), (), begin, (), (), (), end, (), (), begin]
    assert [held for held, _ in told] == [False] * 2 + [True] * 4 + [False] * 3 + [True]


def test_folded_finger_does_not_pinch():
    """The thumb lies over the fingers of a fist."""
    gesture = GestureDetector().update(tips("middle", 0.0), FIST)
    assert not gesture.pinching.any()
    assert gesture.grasping
    assert gesture.grasp_strength == 1.0


@pytest.mark.parametrize("stretched", range(4))
def test_pointing_and_counting_are_no_grasp(stretched):
    angles = FIST.copy()
    angles[FINGER_ANGLE_TABLE[1 + stretched, 1:]] = 0.1
    gesture = GestureDetector().update(tips(), angles)
    assert not gesture.grasping
    assert gesture.grasp_strength < 0.2


def test_lost_hand_ends_what_is_held_once():
    detector = GestureDetector()
    assert detector.end() is None
    detector.update(tips("index", 0.0), STRAIGHT)
    ended = detector.end()
    assert ended.events == (GestureEvent.INDEX_PINCH_END,)
    assert not ended.pinching.any()
    assert detector.end() is None


@pytest.mark.slow
@settings(max_examples=40)
@given(seed=st.integers(0, 10_000))
def test_events_are_the_changes_and_pair_up(seed):
    rng = np.random.default_rng(seed)
    detector, held = GestureDetector(), set()
    for _ in range(60):
        joints = rng.normal(0, 0.01, (JOINT_COUNT, 3))
        angles = FIST if rng.random() < 0.3 else rng.uniform(*ANGLE_LIMITS.T) * rng.random()
        gesture = detector.update(joints, angles)
        assert ((gesture.strengths >= 0) & (gesture.strengths <= 1)).all()
        assert 0.0 <= gesture.grasp_strength <= 1.0
        for event in gesture.events:
            what, _, how = event.name.rpartition("_")
            assert (what in held) == (how == "END")
            held ^= {what}
        now = {f"{PINCH_FINGERS[i].upper()}_PINCH" for i in np.flatnonzero(gesture.pinching)}
        assert held == now | ({"GRASP"} if gesture.grasping else set())


def test_events_have_the_names_of_their_fingers():
    for number, finger in enumerate(PINCH_FINGERS):
        assert pinch_event(number, True).name == f"{finger.upper()}_PINCH_BEGIN"
        assert pinch_event(number, False).name == f"{finger.upper()}_PINCH_END"


@pytest.mark.parametrize(
    "field, value",
    [("begin_pinch", 1.5), ("end_pinch", 0.9), ("end_grasp", 0.8), ("open_gap_m", 0.0), ("closed_rad", math.nan),
     ("folded_curl", 1.0)],
)  # fmt: skip
def test_wrong_settings_are_named(field, value):
    with pytest.raises(ValueError, match=field):
        GestureConfig(**{field: value})


def test_whoever_gets_a_gesture_may_change_its_arrays():
    detector = GestureDetector()
    held = detector.update(tips(gap_m=0.0), np.zeros(20))
    assert held.pinching.any()
    distances = held.distances.copy()
    for array in (held.distances, held.strengths, held.pinching):
        array[:] = 0
    ended = detector.end()
    assert ended is not None
    assert np.array_equal(ended.distances, distances)
    assert len(ended.events) == 1
