"""Other parties' hands: positions, frames and flags as their users expect them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.joint_sets import JOINT_SETS, convert_joints, operator_points
from hand_pose_ros.hand.kinematics_numba import forward_kinematics
from hand_pose_ros.hand.skeleton import ANGLE_LIMITS, JOINT_COUNT, SHAPE_COUNT, SIDES
from hand_pose_ros.refine.surface_model import END_RADII
from hand_pose_ros.retarget.named_joints import NamedJoints, Validity, named_joints
from hand_pose_ros.tracking.hand import Hand, TrackState


def some_hand(side: str, seed: int = 0, **changes) -> Hand:
    rng = np.random.default_rng(seed)
    rotation, translation = Rotation.random(random_state=seed).as_matrix(), rng.normal(size=3)
    angles, shape = rng.uniform(*ANGLE_LIMITS.T), rng.normal(0, 0.05, SHAPE_COUNT)
    posed = forward_kinematics(side, rotation, translation, angles, shape)
    hand = Hand(
        side, 3, TrackState.TRACK, 0.9, posed.joints, np.full(JOINT_COUNT, 0.8), angles, rotation, translation,
        posed.segment_positions, posed.segment_rotations, shape, thickness=0.1,
    )  # fmt: skip
    return replace(hand, **changes)


def of(joints: NamedJoints, name: str) -> int:
    return joints.joint_set.names.index(name)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("name", sorted(JOINT_SETS))
def test_positions_are_the_sets_and_rotations_are_rotations(side, name):
    hand = some_hand(side)
    joints = named_joints(hand, name)
    assert joints.in_operator_frame == (name == "mediapipe21")
    expected = (
        operator_points(hand.joints, hand.rotation)
        if joints.in_operator_frame
        else convert_joints(hand.joints, name)
    )
    assert np.allclose(joints.positions, expected)
    assert np.allclose(joints.rotations @ joints.rotations.swapaxes(1, 2), np.eye(3))
    assert np.allclose(np.linalg.det(joints.rotations), 1.0)
    assert len(joints.radii) == len(joints.validity) == len(joints.joint_set.names)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("seed", range(5))
def test_openxr_bones_point_forwards_and_backs_up(side, seed):
    """-z leads from a joint to the next one of its finger; y of the palm out of the back; x the same way on both
    sides."""
    hand = some_hand(side, seed)
    joints = named_joints(hand, "openxr26")
    assert joints.joint_set.names[:2] == ("palm", "wrist")
    fingers = [range(2, 6), *(range(6 + 5 * k, 11 + 5 * k) for k in range(4))]
    for finger in fingers:
        for near, far in zip(finger, list(finger)[1:], strict=False):
            bone = joints.positions[far] - joints.positions[near]
            assert np.allclose(-joints.rotations[near, :, 2], bone / np.linalg.norm(bone), atol=1e-6)
        assert np.allclose(joints.rotations[finger[-1]], joints.rotations[finger[-2]])
    palm = joints.rotations[of(joints, "palm")]
    assert np.allclose(palm[:, 1], hand.rotation[:, 2])
    assert np.allclose(-palm[:, 2], hand.rotation[:, 0])
    assert np.allclose(joints.rotations[of(joints, "wrist")], palm)


def test_openxr_has_26_joints_of_which_four_are_estimated_and_flagged():
    joints = named_joints(some_hand("right"), "openxr26")
    flagged = {
        name
        for name, flags in zip(joints.joint_set.names, joints.validity, strict=True)
        if flags & Validity.ESTIMATED
    }
    assert len(joints.joint_set.names) == len(set(joints.joint_set.names)) == 26
    assert flagged == {f"{finger}_metacarpal" for finger in ("index", "middle", "ring", "little")}
    known = Validity.POSITION_VALID | Validity.ORIENTATION_VALID
    assert all(flags & known == known for flags in joints.validity)


def test_templates_metacarpals_have_the_published_proportions():
    flat = forward_kinematics("right", np.eye(3), np.zeros(3), np.zeros(20), np.zeros(9))
    points = dict(zip(JOINT_SETS["openxr26"].names, convert_joints(flat.joints, "openxr26"), strict=True))
    metacarpals = {"index": 68.12, "middle": 64.60, "ring": 58.00, "little": 53.69}
    proximal_mm = 39.78 + 44.63 + 41.37 + 32.74
    ours_mm = 1e3 * sum(skeleton.BONE_LENGTHS[finger][0] for finger in skeleton.FINGERS[1:])
    for finger, length_mm in metacarpals.items():
        bone = points[f"{finger}_proximal"] - points[f"{finger}_metacarpal"]
        assert 1e3 * np.linalg.norm(bone) == pytest.approx(length_mm * ours_mm / proximal_mm, abs=0.1)
    order = [points[f"{finger}_metacarpal"][1] for finger in metacarpals]
    assert order == sorted(order, reverse=True)


@pytest.mark.parametrize("name", ["mediapipe21", "openxr26"])
def test_radii_are_the_flesh_of_this_hand_and_zero_where_it_is_not_known(name):
    hand = some_hand("left")
    joints = named_joints(hand, name)
    tip = skeleton.JOINT_INDEX["index_tip"]
    assert joints.radii[of(joints, "index_tip")] == pytest.approx(END_RADII[tip] * hand.scale * math.exp(0.1))
    assert joints.radii[of(joints, "wrist")] == 0.0
    assert sum(joints.radii > 0) == 20


def test_what_is_hidden_is_valid_and_not_tracked():
    tip = skeleton.JOINT_INDEX["ring_tip"]
    confidence = np.full(JOINT_COUNT, 0.9)
    confidence[tip] = 0.3
    joints = named_joints(some_hand("right", joint_confidence=confidence), "mediapipe21")
    tracked = joints.validity & Validity.POSITION_TRACKED > 0
    assert not tracked[of(joints, "ring_tip")]
    assert tracked.sum() == 20
    assert (joints.validity & Validity.POSITION_VALID > 0).all()
    assert not (joints.validity & (Validity.ORIENTATION_VALID | Validity.ORIENTATION_TRACKED)).any()
    coasting = named_joints(some_hand("right", state=TrackState.COAST), "openxr26")
    assert not (coasting.validity & (Validity.POSITION_TRACKED | Validity.ORIENTATION_TRACKED)).any()


def test_an_unknown_set_is_named():
    with pytest.raises(ValueError, match="joint_set is 'x', want one of"):
        named_joints(some_hand("right"), "x")
