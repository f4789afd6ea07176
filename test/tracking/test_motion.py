"""Velocities lead from one frame to the next, and no joint is faster than allowed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hand_pose_ros.tracking.motion import joint_velocity, predicted_centre


@given(st.integers(0, 1000), st.floats(0.001, 1.0), st.floats(0.1, 5.0))
def test_the_fastest_joint_bounds_all_and_directions_stay(seed, dt_s, fastest_m_s):
    before, step = np.random.default_rng(seed).normal(size=(2, 23, 3))
    velocity = joint_velocity(before, before + step, dt_s, fastest_m_s)
    speed = np.linalg.norm(velocity, axis=1)
    assert speed.max() <= fastest_m_s * (1 + 1e-9)
    free = np.linalg.norm(step, axis=1).max() / dt_s
    np.testing.assert_allclose(velocity, step / dt_s * min(1.0, fastest_m_s / free), rtol=1e-6)


def test_hands_at_rest_have_no_velocity_and_stay_where_they_are():
    joints = np.random.default_rng(0).normal(size=(23, 3))
    velocity = joint_velocity(joints, joints, 0.03, 3.0)
    assert not velocity.any()
    np.testing.assert_allclose(predicted_centre(joints, velocity, 0.2), joints.mean(axis=0))
    np.testing.assert_allclose(predicted_centre(joints, None, 0.2), joints.mean(axis=0))


def test_the_middle_goes_on_as_the_joints_do_on_average():
    joints = np.zeros((23, 3))
    middle = predicted_centre(joints, np.tile([0.5, 0.0, -1.0], (23, 1)), 0.1)
    assert middle == pytest.approx([0.05, 0.0, -0.1])
