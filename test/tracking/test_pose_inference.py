"""Looking at places: one answer a group, sides together, and what is clearly no hand costs one crop."""

from __future__ import annotations

import numpy as np
import pytest

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.depth.crop import upright_roll
from hand_pose_ros.hand.kinematics_numba import fingers_direction
from hand_pose_ros.resources import model_file
from hand_pose_ros.synthetic.sequence_renderer import SequenceConfig, SequenceRenderer
from hand_pose_ros.tracking.pose_inference import CropRequest, HandEstimator
from hand_pose_ros.tracking.scoring import is_hand, is_surely_hand, look

CAMERA = Camera(320, 240, 240.0, 240.0, 159.5, 119.5)


@pytest.fixture(scope="module")
def estimator():
    return HandEstimator(model_file(), "cpu", precision="float32")


@pytest.fixture(scope="module")
def frame():
    return SequenceRenderer(SequenceConfig(seed=101), CAMERA).frame(0.5)


def sides(centre):
    return [CropRequest(np.asarray(centre), False), CropRequest(np.asarray(centre), True)]


def test_sifting_drops_the_places_that_are_no_hand_and_keeps_the_answers(estimator, frame):
    hand = frame.hands[0].joints.mean(axis=0)
    groups = [sides(hand + [0.0, 0.0, 0.5]), sides(hand), sides(hand - [0.0, 0.0, 0.25])]
    whole = look(estimator, frame.depth, CAMERA, groups, {})
    sifted = look(estimator, frame.depth, CAMERA, groups, {}, sift=True)
    assert [len(group) for group in whole] == [2, 2, 2]
    assert [is_hand(group) for group in sifted] == [False, True, False]
    assert sifted[0] == sifted[2] == []
    assert [e.side for e in sifted[1]] == ["right", "left"]
    for a, b in zip(sifted[1], whole[1], strict=True):
        assert np.allclose(a.joints, b.joints, atol=1e-4)
    assert is_surely_hand(sifted[1]) <= is_hand(sifted[1])
    assert not is_surely_hand([])


def test_a_hand_beside_the_middle_is_looked_at_again_where_it_is(estimator, frame):
    hand = frame.hands[0].joints.mean(axis=0)
    (group,) = look(estimator, frame.depth, CAMERA, [sides(hand + [0.06, 0.0, 0.0])], {})
    assert np.linalg.norm(group[0].frame.centre - hand) < 0.02


def test_bfloat16_gives_the_same_hand_to_a_millimetre(estimator, frame):
    places = sides(frame.hands[0].joints.mean(axis=0))
    coarse = HandEstimator(model_file(), "cpu", precision="bfloat16")
    for exact, near in zip(
        estimator(frame.depth, CAMERA, places, {}), coarse(frame.depth, CAMERA, places, {}), strict=True
    ):
        difference = np.linalg.norm(exact.joints - near.joints, axis=1)
        assert 0.0 < difference.mean() < 1e-3
        assert near.presence == pytest.approx(exact.presence, abs=0.5)


def test_no_place_no_answer(estimator, frame):
    assert look(estimator, frame.depth, CAMERA, [], {}, sift=True) == []


@pytest.mark.parametrize("turned_rad", [1.2, -2.0])
def test_a_turned_hand_is_looked_at_again_upright(estimator, frame, turned_rad):
    hand = frame.hands[0].joints
    centre = hand.mean(axis=0)
    upright = upright_roll(centre, fingers_direction(hand))
    places = [CropRequest(centre, mirrored, upright + turned_rad) for mirrored in (False, True)]
    (group,) = look(estimator, frame.depth, CAMERA, [places], {})
    left = upright - group[0].frame.roll_rad
    assert abs(np.degrees(np.arctan2(np.sin(left), np.cos(left)))) < 25
    assert group[0].frame.roll_rad == group[1].frame.roll_rad
