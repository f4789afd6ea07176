"""The tree of frames is the hand model: walked along its tables alone, it gives the same joints and segments."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.kinematic_tree import KinematicTree, kinematic_tree
from hand_pose_ros.hand.kinematics_numba import forward_kinematics


def walk(tree: KinematicTree, rotation, translation, angles, shape):
    """Joints (23, 3) and segment frames, by the tables alone."""

    def position(points, flags, index):
        return points[index] * np.exp(flags[index] @ shape)

    frames = [(np.array(rotation), np.array(translation))]
    for segment in range(1, skeleton.SEGMENT_COUNT):
        turn, origin = frames[skeleton.SEGMENT_PARENTS[segment]]
        origin = turn @ position(tree.segment_positions, tree.segment_shape, segment) + origin
        turn = turn @ tree.segment_rotations[segment]
        for angle in np.flatnonzero(np.array(tree.angle_segments) == segment):
            vector = tree.angle_signs[angle] * angles[angle] * tree.angle_axes[angle]
            turn = turn @ Rotation.from_rotvec(vector).as_matrix()
        frames.append((turn, origin))
    joints = [
        frames[segment][0] @ position(tree.joint_positions, tree.joint_shape, joint) + frames[segment][1]
        for joint, segment in enumerate(tree.joint_segments)
    ]
    return np.array(joints), np.array([t for t, _ in frames]), np.array([o for _, o in frames])


@pytest.mark.parametrize("side", skeleton.SIDES)
@pytest.mark.parametrize("seed", range(5))
def test_walking_the_tree_gives_the_hand_model(side: str, seed: int) -> None:
    random = np.random.default_rng(seed)
    angles = random.uniform(*skeleton.ANGLE_LIMITS.T)
    shape = random.uniform(-0.5, 0.5, skeleton.SHAPE_COUNT)
    rotation = Rotation.random(random_state=seed).as_matrix()
    translation = random.uniform(-0.5, 0.5, 3)
    hand = forward_kinematics(side, rotation, translation, angles, shape)
    joints, turns, origins = walk(kinematic_tree(side), rotation, translation, angles, shape)
    np.testing.assert_allclose(joints, hand.joints, atol=1e-9)
    np.testing.assert_allclose(turns, hand.segment_rotations, atol=1e-9)
    np.testing.assert_allclose(origins, hand.segment_positions, atol=1e-9)


@pytest.mark.parametrize("side", skeleton.SIDES)
def test_every_log_scale_acts_on_something(side: str) -> None:
    tree = kinematic_tree(side)
    acts = tree.segment_shape.any(axis=(0, 1)) | tree.joint_shape.any(axis=(0, 1))
    assert acts.all()


def test_left_hand_is_the_mirrored_right_hand() -> None:
    right, left = kinematic_tree("right"), kinematic_tree("left")
    mirror = np.array([1.0, -1.0, 1.0])
    np.testing.assert_array_equal(left.joint_positions, right.joint_positions * mirror)
    np.testing.assert_array_equal(left.segment_positions, right.segment_positions * mirror)
    assert set(right.angle_signs) == {1}
    assert sum(sign < 0 for sign in left.angle_signs) == len(skeleton.FINGERS)


def test_unknown_side_is_refused() -> None:
    with pytest.raises(ValueError, match="middle"):
        kinematic_tree("middle")
