"""The engines that need no other package: direct angles and the parallel gripper."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hand_pose_ros.evaluation.operator_hands import operator_hand, pinch_angles
from hand_pose_ros.hand.skeleton import ANGLE_COUNT, ANGLE_LIMITS, ANGLE_NAMES, SIDES
from hand_pose_ros.retarget.direct_angles import DirectAngles
from hand_pose_ros.retarget.parallel_gripper import ParallelGripper
from hand_pose_ros.retarget.robot_config import DirectJoint, GripperConfig

GRIPPER = GripperConfig({"left_finger": [0.0, 0.04], "right_finger": [0.01, -0.03]})


@given(st.integers(0, 2**31))
def test_direct_joints_are_gains_offsets_and_couplings(seed):
    angles = np.random.default_rng(seed).uniform(*ANGLE_LIMITS.T)
    engine = DirectAngles(
        (
            DirectJoint("proximal", {"index_mcp_flexion": 0.5, "index_pip_flexion": -2.0}, 0.1),
            DirectJoint("distal", {"thumb_ip_flexion": 1.0}, 0.2, {"proximal": 3.0}),
            DirectJoint("constant", {}, 0.7),
        )
    )
    by_name = dict(zip(ANGLE_NAMES, angles, strict=True))
    proximal = 0.1 + 0.5 * by_name["index_mcp_flexion"] - 2.0 * by_name["index_pip_flexion"]
    distal = 0.2 + by_name["thumb_ip_flexion"] + 3.0 * proximal
    assert engine.joint_names == ("proximal", "distal", "constant")
    assert np.allclose(engine.retarget(operator_hand("right", angles)), [proximal, distal, 0.7])


@pytest.mark.parametrize("side", SIDES)
def test_gripper_is_closed_by_a_pinch_and_open_with_the_hand(side):
    engine = ParallelGripper(GRIPPER)
    assert np.allclose(engine.retarget(operator_hand(side, pinch_angles(0.013))), [0.0, 0.01])
    assert np.allclose(engine.retarget(operator_hand(side, np.zeros(ANGLE_COUNT))), [0.04, -0.03])


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("gap_m", [0.03, 0.05, 0.08])
def test_gripper_is_as_wide_as_the_pinch(side, gap_m):
    hand = operator_hand(side, pinch_angles(gap_m))
    assert ParallelGripper(GRIPPER).width(hand) == pytest.approx((gap_m - 0.02) / 0.08, abs=0.01)


def test_answers_do_not_depend_on_those_before():
    engine = ParallelGripper(GRIPPER)
    hand = operator_hand("right", pinch_angles(0.05))
    before = engine.retarget(hand)
    engine.start_from(np.zeros(2))
    engine.retarget(operator_hand("right", np.zeros(ANGLE_COUNT)))
    assert np.array_equal(engine.retarget(hand), before)
