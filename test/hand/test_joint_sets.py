"""Joint sets are affine maps of our joints and what their users expect."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.joint_sets import (
    JOINT_SETS,
    OPERATOR_AXES,
    OPERATOR_SET,
    convert_joints,
    operator_points,
)
from hand_pose_ros.hand.kinematics_numba import forward_kinematics
from hand_pose_ros.hand.skeleton import ANGLE_COUNT, ANGLE_LIMITS, SHAPE_COUNT, SIDES


@pytest.mark.parametrize("name, count", [("mediapipe21", 21), ("icvl16", 16), ("nyu14", 14), ("msra21", 21)])
def test_joint_sets_are_affine_maps_of_the_right_size(name, count):
    joint_set = JOINT_SETS[name]
    assert joint_set.matrix.shape == (count, 23)
    assert np.allclose(joint_set.matrix.sum(axis=1), 1.0)


def rows(name: str) -> dict[str, dict[str, float]]:
    """Of a set's joints: our joints that each is made of, and their shares."""
    joint_set = JOINT_SETS[name]
    return {
        joint: {skeleton.JOINT_NAMES[j]: float(round(row[j], 6)) for j in np.flatnonzero(row)}
        for joint, row in zip(joint_set.names, joint_set.matrix, strict=True)
    }


def test_icvl_joints_lie_in_the_middle_of_the_segments():
    found = rows("icvl16")
    assert found.pop("palm") == {"palm": 1.0}
    expected = {}
    for finger in skeleton.FINGERS:
        near, *_ = names = [skeleton.JOINT_NAMES[joint] for joint in skeleton.FINGER_JOINTS[finger]]
        assert near == f"{finger}_{'cmc' if finger == 'thumb' else 'mcp'}"
        for part, (a, b) in zip(("root", "mid", "tip"), pairwise(names), strict=True):
            expected[f"{finger}_{part}"] = {a: 0.5, b: 0.5}
    assert found == expected


def test_nyu_joints_lie_where_they_were_fitted_to_its_annotations():
    found = rows("nyu14")
    for finger in ("pinky", "ring", "middle", "index"):
        assert found.pop(f"{finger}_tip") == {f"{finger}_tip": 1.0}
        assert found.pop(f"{finger}_mid") == {f"{finger}_pip": 0.9, f"{finger}_dip": 0.1}
    assert found == {
        "thumb_tip": {"thumb_ip": 0.23, "thumb_tip": 0.77},
        "thumb_mid": {"thumb_ip": 1.0},
        "thumb_root": {"thumb_cmc": 0.1, "thumb_mcp": 0.9},
        "wrist_left": {"wrist_ulnar": 1.0},
        "wrist_right": {"wrist_ulnar": 0.4, "wrist_radial": 0.6},
        "palm": {"palm": 0.45, "middle_mcp": 0.55},
    }


@pytest.mark.parametrize("name", sorted(JOINT_SETS))
def test_joint_sets_commute_with_rigid_motion(name):
    rng = np.random.default_rng(0)
    joints, shift = rng.normal(size=(5, 23, 3)), rng.normal(size=3)
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    before = convert_joints(joints, name) @ rotation.T + shift
    assert np.allclose(convert_joints(joints @ rotation.T + shift, name), before)


def test_mediapipe_order_starts_at_the_wrist_and_ends_at_the_pinky_tip():
    joint_set = JOINT_SETS["mediapipe21"]
    assert joint_set.names[:5] == ("wrist", "thumb_cmc", "thumb_mcp", "thumb_ip", "thumb_tip")
    assert joint_set.names[-1] == "pinky_tip"


def test_an_unknown_joint_set_is_named_with_the_known_ones():
    with pytest.raises(ValueError, match="joint_set is 'hands19', want one of icvl16, mediapipe21"):
        convert_joints(np.zeros((23, 3)), "hands19")


def some_hand(side, seed=0, angles=None):
    rng = np.random.default_rng(seed)
    angles = rng.uniform(*ANGLE_LIMITS.T) if angles is None else angles
    rotation = Rotation.random(random_state=seed).as_matrix()
    return forward_kinematics(
        side, rotation, rng.normal(size=3), angles, rng.normal(0, 0.1, SHAPE_COUNT)
    ), rotation


def example_points(points, side):
    """What the example of dex-retargeting makes of 21 points (its ``single_hand_detector.py``), written here anew."""
    points = points - points[0]
    wrist, index, middle = points[[0, 5, 9]]
    towards_wrist = wrist - middle
    _, _, axes = np.linalg.svd(np.stack([wrist, index, middle]) - (wrist + index + middle) / 3)
    normal = axes[2]
    x = towards_wrist - (towards_wrist @ normal) * normal
    x /= np.linalg.norm(x)
    z = np.cross(x, normal)
    if z @ (index - middle) < 0:
        normal, z = -normal, -z
    to_mano = {"right": [[0, 0, -1], [-1, 0, 0], [0, 1, 0]], "left": [[0, 0, -1], [1, 0, 0], [0, -1, 0]]}[
        side
    ]
    return points @ np.stack([x, normal, z], axis=1) @ np.array(to_mano)


@pytest.mark.parametrize("side", SIDES)
def test_operator_points_do_not_depend_on_where_the_hand_is(side):
    hand, rotation = some_hand(side)
    points = operator_points(hand.joints, rotation)
    turn, shift = Rotation.random(random_state=5).as_matrix(), np.array([0.3, -2.0, 1.0])
    assert points.shape == (21, 3)
    assert np.allclose(points[0], 0.0)
    assert np.allclose(operator_points(hand.joints @ turn.T + shift, turn @ rotation), points)


@pytest.mark.parametrize("side", SIDES)
def test_operator_points_take_many_hands_at_once(side):
    hands = [some_hand(side, seed) for seed in range(6)]
    joints = np.stack([hand.joints for hand, _ in hands]).reshape(2, 3, 23, 3)
    rotations = np.stack([rotation for _, rotation in hands]).reshape(2, 3, 3, 3)
    many = operator_points(joints, rotations).reshape(6, 21, 3)
    assert np.allclose(many, [operator_points(hand.joints, rotation) for hand, rotation in hands])


def test_operator_frame_is_a_rotation_of_the_palm_frame():
    assert np.allclose(OPERATOR_AXES @ OPERATOR_AXES.T, np.eye(3))
    assert np.linalg.det(OPERATOR_AXES) == pytest.approx(1.0)
    assert np.allclose(OPERATOR_AXES @ [1.0, 2.0, 3.0], [-3.0, 2.0, 1.0])


@pytest.mark.parametrize("side", SIDES)
def test_fingers_point_up_and_curl_forward_in_the_operator_frame(side):
    tips = [
        JOINT_SETS[OPERATOR_SET].names.index(skeleton.JOINT_NAMES[tip]) for tip in skeleton.TIP_JOINTS[1:]
    ]
    flat, rotation = some_hand(side, angles=np.zeros(ANGLE_COUNT))
    curled, _ = some_hand(
        side, angles=np.where(np.char.find(skeleton.ANGLE_NAMES, "mcp_flexion") >= 0, 0.8, 0.0)
    )
    flat_tips = operator_points(flat.joints, rotation)[tips]
    curled_tips = operator_points(curled.joints, rotation)[tips]
    assert (flat_tips[:, 2] > 0.1).all()
    assert (curled_tips[:, 0] > flat_tips[:, 0] + 0.03).all()
    thumb_side = flat_tips[0, 1] - flat_tips[-1, 1]
    assert thumb_side > 0 if side == "right" else thumb_side < 0


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("seed", range(20))
def test_operator_frame_is_that_of_the_example_of_dex_retargeting(side, seed):
    """Within the angle between the palm frame and a plane through three of its points."""
    hand, rotation = some_hand(side, seed)
    ours = operator_points(hand.joints, rotation)
    theirs = example_points(convert_joints(hand.joints, OPERATOR_SET), side)
    turn, _ = Rotation.align_vectors(theirs, ours)
    assert np.allclose(turn.apply(ours), theirs, atol=1e-9)
    assert turn.magnitude() < 0.3
