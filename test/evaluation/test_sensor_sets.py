"""Test sets of other sensors: the same again from a seed, apart from training, true to their own truth."""

from __future__ import annotations

import numpy as np
import pytest

from hand_pose_ros.evaluation.infrared_pairs import StereoRig
from hand_pose_ros.evaluation.sensor_sets import SENSORS, RenderedHands, SensorSet
from hand_pose_ros.synthetic import splits
from hand_pose_ros.synthetic.subjects import load_subjects

pytestmark = pytest.mark.slow  # the renderer is compiled, and two hundred subjects are made


@pytest.fixture(scope="module")
def hands() -> RenderedHands:
    return RenderedHands(SensorSet(count=3))


@pytest.mark.parametrize("sensor", SENSORS)
def test_a_hand_is_a_pure_function_of_seed_and_index(hands: RenderedHands, sensor: str) -> None:
    again = RenderedHands(SensorSet(count=70))
    again[69]  # of another batch
    np.testing.assert_array_equal(hands[1].depth(sensor), again[1].depth(sensor))
    np.testing.assert_array_equal(hands[1].joints, again[1].joints)


def test_other_seeds_and_indices_give_other_hands(hands: RenderedHands) -> None:
    other = RenderedHands(SensorSet(count=3, seed=1))
    assert np.abs(hands[0].joints - hands[1].joints).max() > 0.01
    assert np.abs(hands[0].joints - other[0].joints).max() > 0.01


def test_nobody_of_the_sets_is_trained_on(hands: RenderedHands) -> None:
    """Sizes drawn from continuous ranges meet by no chance."""
    trained = load_subjects(("makehuman", "webxr"), 10, splits.TRAINING_SPLIT)
    distance = np.abs(hands.people.subjects.shape[:, None] - trained.shape[None]).max(axis=-1)
    assert distance.min() > 1e-6
    assert splits.REPORT_SPLIT not in (splits.TRAINING_SPLIT, splits.VALIDATION_SPLIT, splits.CHOICE_SPLIT)


def test_the_middle_is_as_far_as_asked_and_in_the_picture() -> None:
    for distance in (0.4, 1.0):
        hand = RenderedHands(SensorSet(distance_m=distance, count=1))[0]
        assert np.linalg.norm(hand.joints.mean(axis=0)) == pytest.approx(distance, abs=1e-6)
        column, row = hand.rig.camera.project(hand.joints.mean(axis=0))
        assert 0 < column < hand.rig.width
        assert 0 < row < hand.rig.height


def test_another_camera_sees_the_same_hands_at_its_own_scale(hands: RenderedHands) -> None:
    rig = StereoRig.of_lens(322.0, 0.099)
    other = RenderedHands(SensorSet(count=3, rig=rig))[0]
    np.testing.assert_array_equal(other.joints, hands[0].joints)
    assert StereoRig.of_lens(StereoRig.focal_px, StereoRig.baseline_m) == StereoRig()
    seen = [(hand.depth("clean") < 1.0).mean() for hand in (hands[0], other)]
    assert seen[0] == pytest.approx(seen[1], rel=0.05)  # as shares of pictures of the same angles
    assert other.disparity[1] / hands[0].disparity[1] == pytest.approx(322 * 0.099 / (424 * 0.05), rel=0.05)
    truth, matched = other.depth("clean"), other.depth("sgbm")
    both = np.isfinite(truth) & np.isfinite(matched) & (truth < 1.0)
    assert np.median(np.abs(matched - truth)[both]) < 0.008


def test_matched_depth_lies_on_the_true_surface(hands: RenderedHands) -> None:
    """But for outlines, which matching fattens, and noise."""
    for index in range(3):
        truth = hands[index].depth("clean")
        for sensor in ("parametric", "sgbm", "census"):
            seen = hands[index].depth(sensor)
            both = np.isfinite(truth) & np.isfinite(seen) & (truth < 1.0)
            assert both.sum() > 1000
            assert np.median(np.abs(seen - truth)[both]) < 0.008
        assert not np.isfinite(seen[:, 0]).all()


def test_both_eyes_see_the_same_points(hands: RenderedHands) -> None:
    """The right picture, shifted by the true disparity, looks like the left one."""
    hand = hands[0]
    left, right, depth = hand.pair
    disparity = hand.rig.focal_px * hand.rig.baseline_m / depth
    rows, columns = np.indices(left.shape)
    source = np.round(columns - disparity).astype(int)
    seen = (source >= 0) & (depth < 1.0)
    other = right[rows, np.clip(source, 0, None)].astype(float)
    assert np.corrcoef(left[seen], other[seen])[0, 1] > 0.6


def test_another_sensor_and_another_distance_are_refused(hands: RenderedHands) -> None:
    with pytest.raises(ValueError, match="sensor is 'lidar', want one of clean"):
        hands[0].depth("lidar")
    with pytest.raises(ValueError, match="distance_m is 0.1"):
        SensorSet(distance_m=0.1)
    with pytest.raises(IndexError, match="hand 3 of a set of 3"):
        hands[3]
