"""One frame's refinement: a valid hand with the bones that are known, and a shape fitted only where it is asked for."""

from __future__ import annotations

import numpy as np
import pytest
from surface_scenes import FRAME, PlacedHand, open_hand

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.kinematics_numba import forward_joints
from hand_pose_ros.hand.rotations_numba import so3_exp
from hand_pose_ros.hand.skeleton import bone_lengths
from hand_pose_ros.refine.previous_frame import PreviousFrame
from hand_pose_ros.refine.refiner import HandGeometry, NetworkPose, RefineConfig, Refined, Refiner

TEMPLATE = np.zeros(9)
KNOWN = np.array([0.08, 0.02, -0.03, 0.0, 0.01, 0.04, -0.02, 0.0, 0.03])
LOWER, UPPER = skeleton.ANGLE_LIMITS.T


@pytest.fixture(scope="module")
def refiner() -> Refiner:
    return Refiner()


def network_pose(seed: int = 1, error_m: float = 0.004) -> NetworkPose:
    """A drawn template hand, its joints off by normal errors."""
    parameters = open_hand(seed)
    hand = PlacedHand(parameters, TEMPLATE)
    joints = hand.joints + np.random.default_rng(seed).normal(0.0, error_m, (skeleton.JOINT_COUNT, 3))
    sigma = np.full(skeleton.JOINT_COUNT, 1.6 * error_m)
    return NetworkPose(FRAME, hand.draw(), joints, sigma, parameters, TEMPLATE)


def joints_of(hand: Refined) -> np.ndarray:
    return forward_joints("right", hand.rotation, hand.translation, hand.angles, hand.shape)[0]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_refined_joints_are_nearer_to_the_drawn_hand_than_the_networks(refiner: Refiner, seed: int) -> None:
    given = network_pose(seed)
    truth = PlacedHand(given.parameters, TEMPLATE).joints
    refined = refiner.refine(given)
    before = np.linalg.norm(given.joints - truth, axis=1).mean()
    assert np.linalg.norm(refined.joints - truth, axis=1).mean() < 0.8 * before
    assert refined.statistics.explained > 0.8


@pytest.mark.slow
def test_the_refined_hand_is_one_of_the_model_with_angles_in_range(refiner: Refiner) -> None:
    refined = refiner.refine(network_pose())
    assert np.allclose(joints_of(refined), refined.joints, atol=1e-9)
    assert np.allclose(refined.rotation @ refined.rotation.T, np.eye(3), atol=1e-9)
    assert ((refined.angles >= LOWER) & (refined.angles <= UPPER)).all()


@pytest.mark.slow
def test_a_known_shape_is_kept_to_the_bit(refiner: Refiner) -> None:
    refined = refiner.refine(network_pose(), HandGeometry(KNOWN))
    assert np.array_equal(refined.shape, KNOWN)
    assert refined.fitted_shape is None
    template = forward_joints("right", np.eye(3), np.zeros(3), np.zeros(20), KNOWN)[0]
    assert np.allclose(bone_lengths(refined.joints), bone_lengths(template), atol=1e-9)


def test_the_shape_of_an_unknown_hand_is_the_fitted_one(refiner: Refiner) -> None:
    refined = refiner.refine(network_pose())
    assert refined.fitted_shape is not None
    assert np.array_equal(refined.shape, refined.fitted_shape)


def test_fitting_the_shape_as_well_does_not_change_the_hand(refiner: Refiner) -> None:
    given, geometry = network_pose(), HandGeometry(KNOWN)
    alone, both = refiner.refine(given, geometry), refiner.refine(given, geometry, fit_shape=True)
    assert both.fitted_shape is not None
    assert np.array_equal(alone.joints, both.joints)
    unknown = refiner.refine(given).fitted_shape
    assert unknown is not None
    assert np.abs(both.fitted_shape - unknown).max() < 0.05


def test_the_angles_of_the_frame_before_bias_the_fingers(refiner: Refiner) -> None:
    given = network_pose(error_m=0.008)
    bent = np.clip(given.parameters[6:] + 0.3, LOWER, UPPER)
    joints = FRAME.local_to_camera(given.joints)
    before = PreviousFrame(joints, given.sigma, 1.0 / 30.0, angles=bent)
    free, biased = refiner.refine(given), refiner.refine(given, previous=before)
    assert np.abs(biased.angles - bent).mean() < np.abs(free.angles - bent).mean()
    long_ago = PreviousFrame(joints, given.sigma, 10.0, angles=bent)
    assert np.abs(refiner.refine(given, previous=long_ago).angles - free.angles).mean() < 0.5 * (
        np.abs(biased.angles - free.angles).mean()
    )


def test_the_regressor_can_be_left_out(refiner: Refiner) -> None:
    given = network_pose()
    without = Refiner(RefineConfig(regressor=None)).refine(given)
    assert not np.array_equal(without.joints, refiner.refine(given).joints)
    assert np.allclose(joints_of(without), without.joints, atol=1e-9)


def test_joints_that_are_not_finite_count_as_not_seen() -> None:
    given = network_pose()
    joints = given.joints.copy()
    joints[skeleton.TIP_JOINTS[0]] = np.nan
    refined = Refiner(RefineConfig(regressor=None)).refine(
        NetworkPose(given.frame, given.crop, joints, given.sigma, given.parameters, given.shape)
    )
    assert np.isfinite(refined.joints).all()
    assert np.allclose(so3_exp(given.parameters[3:6]), refined.rotation, atol=0.3)
