"""The scripted person shows what the script says, smoothly, and first what SyntheticMotion shows."""

from __future__ import annotations

import numpy as np
import pytest

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.hand.skeleton import ANGLE_LIMITS, TIP_JOINTS
from hand_pose_ros.retarget.gestures import GestureDetector
from hand_pose_ros.synthetic.gesture_motion import (
    ABSENCE_S,
    AWAY_S,
    HOLD_S,
    LEAVE_S,
    MOVE_S,
    RANDOM_S,
    SCRIPT,
    SCRIPT_S,
    GestureMotion,
)
from hand_pose_ros.synthetic.motion import SyntheticMotion

CAMERA = Camera(160, 120, 120.0, 120.0, 79.5, 59.5)
STEP_S = MOVE_S + HOLD_S


@pytest.mark.slow
@pytest.mark.parametrize(
    "seed, side", [(0, "right"), (1, "left"), (9, "right"), (103, "left"), (104, "right")]
)
def test_every_held_gesture_is_what_it_is_called(seed, side):
    motion = GestureMotion(seed, CAMERA, side)
    for step, name in enumerate(SCRIPT):
        t = step * STEP_S + MOVE_S + 0.5 * HOLD_S
        assert motion.held(t) == name
        angles = motion.angles(t)
        assert ((angles >= ANGLE_LIMITS[:, 0]) & (angles <= ANGLE_LIMITS[:, 1])).all()
        gesture = GestureDetector().update(motion.truth(t), angles, motion.scale)
        pinches = [finger == name.removesuffix("_pinch") for finger in ("index", "middle", "ring", "pinky")]
        assert gesture.pinching.tolist() == pinches, name
        assert gesture.grasping == (name == "grasp"), name


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_tips_of_a_pinch_touch_as_a_persons_do(seed):
    motion = GestureMotion(seed, CAMERA)
    tips = motion.truth(STEP_S + MOVE_S)[list(TIP_JOINTS)]
    assert motion.held(STEP_S + MOVE_S) == "index_pinch"
    assert 0.009 < np.linalg.norm(tips[0] - tips[1]) < 0.018


def test_nothing_is_held_on_the_way_and_the_script_begins_again():
    motion = GestureMotion(2, CAMERA)
    assert motion.held(0.5 * MOVE_S) is None
    assert motion.held(SCRIPT_S + MOVE_S + 0.01) == SCRIPT[0]
    assert np.allclose(motion.angles(MOVE_S + 0.1), motion.angles(SCRIPT_S + MOVE_S + 0.1))


@pytest.mark.slow
def test_random_poses_come_first_and_are_those_without_a_script():
    plain, both = SyntheticMotion(3, CAMERA), GestureMotion(3, CAMERA, random_s=RANDOM_S)
    for t in (0.0, 7.31, 19.9):
        (depth, joints), (same, also) = plain.frame(t), both.frame(t)
        assert np.array_equal(depth, same, equal_nan=True)
        assert np.array_equal(joints, also)
        assert both.held(t) is None
    assert both.held(RANDOM_S + MOVE_S + 0.1) == SCRIPT[0]


@pytest.mark.slow
@pytest.mark.parametrize("random_s", [0.0, RANDOM_S])
def test_joints_never_jump(random_s):
    motion = GestureMotion(5, CAMERA, random_s=random_s)
    times = max(random_s - 1.0, 0.0) + np.arange(0, SCRIPT_S + 2.0, 1 / 30)
    joints = np.stack([motion.truth(t) for t in times])
    assert np.linalg.norm(np.diff(joints, axis=0), axis=-1).max() < 0.06


@pytest.mark.slow
@pytest.mark.parametrize("seed, side", [(0, "right"), (5, "left")])
def test_hand_that_leaves_is_out_of_the_picture_and_comes_back_to_where_it_was(seed, side):
    leaves_s = RANDOM_S + SCRIPT_S
    plain = GestureMotion(seed, CAMERA, side, random_s=RANDOM_S)
    motion = GestureMotion(seed, CAMERA, side, random_s=RANDOM_S, leaves_s=leaves_s)
    for t in (3.0, leaves_s - 0.01):
        np.testing.assert_array_equal(motion.truth(t), plain.truth(t))
    for t in (leaves_s, leaves_s + ABSENCE_S):
        np.testing.assert_allclose(motion.truth(t), plain.truth(leaves_s), atol=1e-9)
    for t in np.linspace(leaves_s + LEAVE_S, leaves_s + LEAVE_S + AWAY_S, 5):
        assert (CAMERA.project(motion.truth(t))[:, 1] > CAMERA.height).all()
        assert motion.held(t) is None
    np.testing.assert_allclose(
        motion.truth(leaves_s + ABSENCE_S + 1.0), plain.truth(leaves_s + 1.0), atol=1e-9
    )
    assert motion.held(leaves_s + ABSENCE_S + MOVE_S + 0.1) == SCRIPT[0]


def test_hand_leaves_and_returns_without_a_jump():
    motion = GestureMotion(0, CAMERA, leaves_s=SCRIPT_S)
    times = np.arange(SCRIPT_S - 0.1, SCRIPT_S + ABSENCE_S + 0.1, 0.01)
    palms = np.array([motion.truth(t)[0] for t in times])
    assert np.linalg.norm(np.diff(palms, axis=0), axis=1).max() < 0.03
