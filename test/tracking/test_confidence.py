"""Confidences are probabilities whatever is seen, follow their features, and are stored without loss."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hand_pose_ros.depth.crop import CropFrame
from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.kinematics_numba import forward_joints
from hand_pose_ros.refine.bone_prior import load_bone_prior
from hand_pose_ros.refine.refiner import Refined
from hand_pose_ros.refine.surface_fit import FitStatistics
from hand_pose_ros.tracking.confidence import (
    HAND_FEATURES,
    JOINT_FEATURES,
    Calibration,
    ConfidenceFeatures,
    confidence_features,
    uncalibrated,
)
from hand_pose_ros.tracking.config import VisibilityConfig
from hand_pose_ros.tracking.estimate import Estimate

FRAME = CropFrame(np.array([0.0, 0.0, 0.5]), 0.30, 96)
GOOD = FitStatistics(900.0, 0.95, 0.003, 0.0, 0.6)
NONE = FitStatistics(0.0, 0.0, 0.0, 0.0, 0.0)
SIGMA = np.full(skeleton.JOINT_COUNT, 0.006)
PRIOR = load_bone_prior()
JOINTS = forward_joints(
    "right", np.eye(3), np.zeros(3), np.zeros(skeleton.ANGLE_COUNT), np.zeros(skeleton.SHAPE_COUNT)
)[0]
WALL = np.zeros((96, 96), np.float32)
EMPTY = np.ones((96, 96), np.float32)

weights = st.floats(-5.0, 5.0)


def calibrations() -> st.SearchStrategy[Calibration]:
    return st.builds(
        Calibration,
        hnp.arrays(np.float64, len(HAND_FEATURES), elements=weights),
        weights,
        hnp.arrays(np.float64, len(JOINT_FEATURES), elements=weights),
        hnp.arrays(np.float64, skeleton.JOINT_COUNT, elements=weights),
    )


def features(
    presence: float = 3.0, crop: np.ndarray = WALL, joints: np.ndarray = JOINTS, **changed
) -> ConfidenceFeatures:
    """Features of a hand that network and refinement agree on."""
    known = {"coarse": joints, "refined": joints, "sigma": SIGMA, "statistics": GOOD, **changed}
    estimate = Estimate(
        FRAME, crop, known["coarse"], joints, known["sigma"], np.eye(3), np.zeros(3), np.zeros(20), np.zeros(9),
        presence, None, 1.0, 0.0,
    )  # fmt: skip
    refined = Refined(
        np.eye(3), np.zeros(3), np.zeros(20), np.zeros(9), known["refined"], 0.0, 0.08, known["statistics"]
    )
    return confidence_features(estimate, presence, refined, PRIOR, VisibilityConfig())


def hand_feature(found: ConfidenceFeatures, name: str) -> float:
    return float(found.hand[HAND_FEATURES.index(name)])


def joint_feature(found: ConfidenceFeatures, name: str) -> np.ndarray:
    return found.joints[:, JOINT_FEATURES.index(name) - 1]


def test_features_are_what_they_are_called() -> None:
    # Refined joints 5 mm above, 10 mm below and 35 mm below the skin: in free space, flesh, hidden.
    at = np.tile([0.0, 0.0, 0.01], (skeleton.JOINT_COUNT, 1))
    at[0, 2], at[1, 2] = -0.005, 0.035
    moved = JOINTS + np.array([0.01, 0.0, 0.0])
    found = features(2.5, refined=at, coarse=moved, sigma=np.linspace(0.01, 0.02, skeleton.JOINT_COUNT))
    assert hand_feature(found, "presence") == 2.5
    assert hand_feature(found, "worst_log_sigma") == pytest.approx(np.log(2.0))
    assert hand_feature(found, "disagreement") == pytest.approx(np.log(2.0))
    assert hand_feature(found, "explained") == 0.95
    assert hand_feature(found, "residual") == pytest.approx(0.3)
    assert joint_feature(found, "free_space")[:3] == pytest.approx([0.5, 0.0, 0.0])
    assert joint_feature(found, "hidden")[:3] == pytest.approx([0.0, 1.5, 0.0])
    assert not joint_feature(found, "background").any()
    np.testing.assert_allclose(
        joint_feature(found, "moved"), np.log1p(np.linalg.norm(at - JOINTS, axis=1) / 0.01)
    )


def test_bones_of_no_hand_are_less_plausible() -> None:
    crumpled = JOINTS * np.random.default_rng(1).uniform(0.3, 2.0, JOINTS.shape)
    assert hand_feature(features(coarse=crumpled), "bones") < hand_feature(features(), "bones") - 0.5


@pytest.mark.parametrize("crop", [EMPTY, -EMPTY, WALL])
@pytest.mark.parametrize("presence", [-np.inf, -1e30, 0.0, 1e30, np.inf])
@pytest.mark.parametrize("far", [0.0, 0.1, 50.0])
def test_garbage_gives_finite_features_and_probabilities(
    crop: np.ndarray, presence: float, far: float
) -> None:
    rng = np.random.default_rng(0)
    joints = JOINTS + far * rng.normal(size=JOINTS.shape)
    sigma = np.where(rng.random(skeleton.JOINT_COUNT) < 0.5, np.inf, 0.0)
    found = features(
        presence, crop, joints, refined=-joints, coarse=0.0 * joints, sigma=sigma, statistics=NONE
    )
    assert np.isfinite(found.hand).all()
    assert np.isfinite(found.joints).all()
    hand, each = uncalibrated().confidence(found)
    assert 0.0 <= hand <= 1.0
    assert each.shape == (skeleton.JOINT_COUNT,)
    assert ((each >= 0.0) & (each <= 1.0)).all()


@pytest.mark.slow
@settings(deadline=None, max_examples=50)
@given(
    calibrations(),
    hnp.arrays(np.float64, len(HAND_FEATURES), elements=st.floats(-1e6, 1e6)),
    hnp.arrays(np.float64, (skeleton.JOINT_COUNT, len(JOINT_FEATURES) - 1), elements=st.floats(-1e6, 1e6)),
)
def test_any_features_give_probabilities(
    calibration: Calibration, hand: np.ndarray, joints: np.ndarray
) -> None:
    confidence, each = calibration.confidence(ConfidenceFeatures(hand, joints))
    assert 0.0 < confidence < 1.0
    assert ((each >= 0.0) & (each <= 1.0)).all()


@pytest.mark.slow
@given(calibrations())
def test_dictionary_keeps_everything(calibration: Calibration) -> None:
    again = Calibration.from_dict(json.loads(json.dumps(calibration.to_dict())))
    assert again.to_dict() == calibration.to_dict()
    np.testing.assert_array_equal(again.joint_bias, calibration.joint_bias)


@pytest.mark.parametrize(
    ("part", "name"), [("hand", "visibility_score"), ("joint", "moved"), ("joint_bias", "thumb_tip")]
)
def test_missing_feature_is_named(part: str, name: str) -> None:
    values = uncalibrated().to_dict()
    del values[part][name]
    with pytest.raises(ValueError, match=name):
        Calibration.from_dict(values)


@pytest.mark.parametrize("part", ["right_m", "hand", "hand_bias", "joint", "joint_bias"])
def test_missing_part_is_named(part: str) -> None:
    values = uncalibrated().to_dict()
    del values[part]
    with pytest.raises(ValueError, match=part):
        Calibration.from_dict(values)


def test_calibration_for_other_features_or_another_limit_is_refused() -> None:
    values = uncalibrated().to_dict()
    with pytest.raises(ValueError, match="another limit"):
        Calibration.from_dict({**values, "right_m": 0.03})
    with pytest.raises(ValueError, match="other features"):
        Calibration.from_dict({**values, "hand": {**values["hand"], "smell": 1.0}})


def test_wrong_sizes_and_values_are_refused() -> None:
    good = uncalibrated()
    with pytest.raises(ValueError, match="joint_bias"):
        replace(good, joint_bias=np.zeros(3))
    with pytest.raises(ValueError, match="hand"):
        replace(good, hand=np.full(len(HAND_FEATURES), np.nan))
    with pytest.raises(ValueError, match="hand_bias"):
        replace(good, hand_bias=float("inf"))


def test_confidence_grows_with_presence() -> None:
    found = [uncalibrated().confidence(features(presence)) for presence in (-7.0, -2.0, 0.0, 2.0, 7.0)]
    assert (np.diff([hand for hand, _ in found]) > 0.0).all()
    assert (np.diff([joints for _, joints in found], axis=0) > 0.0).all()


def test_a_joint_follows_its_own_features_and_the_hand() -> None:
    """By hand: weights 1 on the hand's log odds, -2 on the own expected error, a bias of 0.5 for one joint."""
    hand, joint = np.zeros(len(HAND_FEATURES)), np.zeros(len(JOINT_FEATURES))
    hand[HAND_FEATURES.index("presence")] = 1.0
    joint[JOINT_FEATURES.index("hand")], joint[JOINT_FEATURES.index("log_sigma")] = 1.0, -2.0
    bias = np.zeros(skeleton.JOINT_COUNT)
    bias[4] = 0.5
    sigma = np.full(skeleton.JOINT_COUNT, 0.01)
    sigma[7] = 0.02
    confidence, each = Calibration(hand, -1.0, joint, bias).confidence(features(2.0, sigma=sigma))
    assert confidence == pytest.approx(1 / (1 + np.exp(-1.0)))
    expected = np.full(skeleton.JOINT_COUNT, 1.0)
    expected[4], expected[7] = 1.5, 1.0 - 2.0 * np.log(2.0)
    np.testing.assert_allclose(each, 1 / (1 + np.exp(-expected)))


def test_uncalibrated_confidence_is_high_for_a_sure_hand_and_low_for_an_empty_place() -> None:
    wide = np.full(skeleton.JOINT_COUNT, 0.04)
    assert uncalibrated().confidence(features(5.0))[0] > 0.5
    assert uncalibrated().confidence(features(-5.0, EMPTY, sigma=wide, statistics=NONE))[0] < 0.05
