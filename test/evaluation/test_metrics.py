"""Metrics against hand-worked cases and properties that any error measure has."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hand_pose_ros.evaluation.metrics import (
    CURVE_LIMIT_MM,
    angle_errors_deg,
    angle_table,
    area_under_curve,
    bone_spread_mm,
    evaluate,
    joint_errors_mm,
    out_of_range_fraction,
    success_curve,
)
from hand_pose_ros.hand.skeleton import ANGLE_LIMITS, ANGLE_NAMES, bone_lengths

ERRORS = arrays(np.float64, st.integers(1, 30), elements=st.floats(0, 200))


def hand_made() -> tuple[np.ndarray, np.ndarray]:
    """Two frames of two joints: errors 3-4-5 and 0 mm, then 10 and 30 mm."""
    truth = np.array([[[0.0, 0.0, 0.5], [0.1, 0.0, 0.5]], [[0.0, 0.0, 0.6], [0.1, 0.0, 0.6]]])
    prediction = truth.copy()
    prediction[0, 0] += [0.003, 0.004, 0.0]
    prediction[1, 0, 2] += 0.010
    prediction[1, 1, 1] -= 0.030
    return prediction, truth


def test_figures_of_a_hand_made_case():
    prediction, truth = hand_made()
    result = evaluate("m", prediction, truth, ("a", "b"), thresholds_mm=(5, 20, 30), bones=((0, 1),))
    np.testing.assert_allclose(result.joint_mm, [7.5, 15.0])
    np.testing.assert_allclose(result.worst_mm, [5.0, 30.0])
    np.testing.assert_allclose(result.mean_mm, [2.5, 20.0])
    assert result.error_mm == pytest.approx(11.25)
    assert result.median_mm == pytest.approx(11.25)
    assert result.median_joint_mm == pytest.approx(7.5)  # of 5, 0, 10 and 30
    # Rounding puts an error of exactly 5 or 30 mm on either side of the threshold; a hair more must count it in.
    assert success_curve(result.worst_mm, [5 + 1e-9, 20, 30 + 1e-9]).tolist() == [0.5, 0.5, 1.0]
    assert result.mean_success[2] == 1.0
    assert result.area == pytest.approx(1 - (5 + 30) / 2 / CURVE_LIMIT_MM)
    assert result.frames == 2
    assert result.angle_deg is None
    assert result.out_of_range is None
    assert result.bone_error_mm == pytest.approx(
        np.abs(1000.0 * bone_lengths(prediction, ((0, 1),)) - 100.0).mean()
    )


def test_thresholds_are_inclusive():
    assert success_curve([10.0, 20.0, 30.0, 40.0], [9.9, 10.0, 30.0, 40.0]).tolist() == [0.0, 0.25, 0.75, 1.0]


@pytest.mark.slow
@settings(deadline=None, max_examples=50)
@given(ERRORS)
def test_success_never_falls_and_ends_at_one(errors):
    thresholds = np.linspace(0, 200, 101)
    curve = success_curve(errors, thresholds)
    assert (np.diff(curve) >= 0).all()
    assert curve[-1] == 1.0


@pytest.mark.slow
@settings(deadline=None, max_examples=50)
@given(ERRORS)
def test_area_is_the_integral_of_the_success_curve(errors):
    edges = np.linspace(0, CURVE_LIMIT_MM, 4001)
    middles = (edges[1:] + edges[:-1]) / 2
    assert area_under_curve(errors) == pytest.approx(success_curve(errors, middles).mean(), abs=1e-3)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_errors_do_not_change_when_both_sides_move_together(seed):
    rng = np.random.default_rng(seed)
    prediction, truth = rng.normal(size=(2, 4, 5, 3))
    rotation = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    shift = rng.normal(size=3)
    moved = joint_errors_mm(prediction @ rotation + shift, truth @ rotation + shift)
    np.testing.assert_allclose(moved, joint_errors_mm(prediction, truth), rtol=1e-9)


def test_angle_error_is_taken_on_the_circle():
    a, b = np.radians([[10.0, 359.0], [20.0, 1.0]]), np.radians([[13.0, 1.0], [15.0, 0.0]])
    np.testing.assert_allclose(angle_errors_deg(a, b), [4.0, 1.5])


def test_a_frame_is_out_of_range_when_any_angle_is():
    middle = ANGLE_LIMITS.mean(axis=1)
    angles = np.tile(middle, (4, 1))
    angles[1, 3] = ANGLE_LIMITS[3, 1] + 0.01
    angles[2, 7] = ANGLE_LIMITS[7, 0] - 0.01
    angles[3] = ANGLE_LIMITS[:, 0]
    assert out_of_range_fraction(angles) == 0.5


def test_raw_angles_decide_on_the_range_and_clamped_ones_on_the_error():
    prediction, truth = hand_made()
    clamped = np.tile(ANGLE_LIMITS[:, 1], (2, 1))
    result = evaluate(
        "m", prediction, truth, ("a", "b"), angles=clamped, true_angles=clamped, raw_angles=clamped + 0.2
    )
    assert result.out_of_range == 1.0
    assert result.angle_deg == pytest.approx(0.0, abs=1e-9)
    assert set(angle_table(result)) == set(ANGLE_NAMES)
    assert evaluate("m", prediction, truth, ("a", "b"), raw_angles=clamped).out_of_range == 0.0
    assert evaluate("m", prediction, truth, ("a", "b"), angles=clamped).out_of_range is None


def test_a_rigid_skeleton_has_no_bone_spread_within_its_own_frames():
    one = np.array([[0.0, 0.0, 0.5], [0.03, 0.04, 0.5]])
    joints = np.stack([one, one + 0.1, one * 2, one * 2 - 0.3])
    assert bone_spread_mm(joints, ((0, 1),), [slice(0, 2), slice(2, 4)])[0] == pytest.approx(0.0, abs=1e-9)
    assert bone_spread_mm(joints, ((0, 1),))[0] == pytest.approx(25.0)
    whole = [slice(None)]
    assert evaluate(
        "m", joints, joints, "ab", bones=((0, 1),), sequences=whole
    ).bone_spread_mm == pytest.approx(25.0)
    assert evaluate("m", joints, joints, "ab", bones=((0, 1),)).bone_spread_mm is None


@pytest.mark.parametrize(
    "prediction, truth, message",
    [
        (np.zeros((2, 3, 3)), np.zeros((3, 3, 3)), "they must be equal"),
        (np.zeros((2, 3)), np.zeros((2, 3)), "want \\(frames, joints, 3\\)"),
        (np.full((2, 3, 3), np.nan), np.zeros((2, 3, 3)), "not finite in frame 0"),
        (np.zeros((0, 3, 3)), np.zeros((0, 3, 3)), "at least one"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(prediction, truth, message):
    with pytest.raises(ValueError, match=message):
        joint_errors_mm(prediction, truth)


def test_names_and_angles_that_do_not_fit_are_refused():
    prediction, truth = hand_made()
    with pytest.raises(ValueError, match="3 joint names for 2 joints"):
        evaluate("m", prediction, truth, ("a", "b", "c"))
    with pytest.raises(ValueError, match="want \\(frames, 20\\)"):
        out_of_range_fraction(np.zeros((4, 3)))
    with pytest.raises(ValueError, match="positive length"):
        area_under_curve([1.0], 0.0)
    with pytest.raises(ValueError, match="at least one frame"):
        success_curve([], [1.0])
    with pytest.raises(ValueError, match="the same \\(frames, angles\\)"):
        angle_errors_deg(np.zeros((2, 20)), np.zeros((3, 20)))
