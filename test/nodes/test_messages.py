"""Messages carry what a consumer needs: the hand is rebuilt from them alone, by the recipe of
docs/reference/messages.md."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rclpy.serialization import deserialize_message, serialize_message
from scipy.spatial.transform import Rotation
from std_msgs.msg import Header

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.kinematics_numba import forward_kinematics
from hand_pose_ros.msg import HandGesture, HandJoints, HandModelInfo, HandPose, HandPoseArray
from hand_pose_ros.nodes import conversions
from hand_pose_ros.tracking.hand import Hand, TrackState

ROOT = Path(__file__).resolve().parents[2]
HEADER = Header(frame_id="camera")


def recipe():
    """The functions of the page that users read."""
    (code,) = re.findall(
        r"^```python\n(.*?)^```", (ROOT / "docs/reference/messages.md").read_text(), re.MULTILINE | re.DOTALL
    )
    names: dict = {}
    exec(code, names)
    return names["rebuild"]


def random_hand(side: str, seed: int) -> Hand:
    random = np.random.default_rng(seed)
    angles = random.uniform(*skeleton.ANGLE_LIMITS.T)
    shape = random.uniform(-0.6, 0.6, skeleton.SHAPE_COUNT)
    rotation, translation = (
        Rotation.random(random_state=seed).as_matrix(),
        random.uniform([-0.3, -0.3, 0.3], 0.9),
    )
    placed = forward_kinematics(side, rotation, translation, angles, shape)
    return Hand(
        side, 3, TrackState.TRACK, 0.9, placed.joints, np.ones(skeleton.JOINT_COUNT), angles, rotation, translation,
        placed.segment_positions, placed.segment_rotations, shape, thickness=0.1,
    )  # fmt: skip


def through_the_wire(message, kind):
    return deserialize_message(serialize_message(message), kind)


@pytest.mark.parametrize("side", skeleton.SIDES)
@pytest.mark.parametrize("seed", range(4))
def test_joints_and_segments_are_rebuilt_from_messages_alone(side, seed):
    """To 0.01 mm."""
    hand = random_hand(side, seed)
    pose = through_the_wire(conversions.hand_message(hand, HEADER), HandPose)
    info = through_the_wire(conversions.model_info_message("name", "hash"), HandModelInfo)
    joints, frames = recipe()(pose, info)
    assert np.abs(joints - hand.joints).max() < 1e-5
    np.testing.assert_allclose(frames[:, :3, 3], hand.segment_positions, atol=1e-5)
    np.testing.assert_allclose(frames[:, :3, :3], hand.segment_rotations, atol=1e-6)


def test_a_message_that_is_filled_anew_is_as_one_that_is_made_anew():
    kept, rng = conversions.KeptHandsMessage(), np.random.default_rng(1)
    for step, sides in enumerate(
        (["right"], [], ["left", "right"], ["right"], ["right", "left", "left"], ["left"])
    ):
        hands = [
            replace(
                random_hand(side, 10 * step + k),
                track_id=int(rng.integers(99)),
                confidence=float(rng.random()),
                state=TrackState.COAST if k else TrackState.TRACK,
                shape_frozen=bool(step % 2),
                joint_confidence=rng.random(23),
                thickness=float(rng.normal()),
                joint_velocities=rng.normal(size=(23, 3)),
                angle_velocities=rng.normal(size=20),
            )
            for k, side in enumerate(sides)
        ]
        header = Header(frame_id=f"camera{step}")
        header.stamp.sec = step
        filled = through_the_wire(kept.filled(hands, step % 3, header), HandPoseArray)
        made = through_the_wire(conversions.hands_message(hands, step % 3, header), HandPoseArray)
        assert filled == made
        assert len(filled.hands) == len(sides)


@pytest.mark.parametrize("side", skeleton.SIDES)
def test_bone_lengths_are_those_of_this_hand(side):
    hand = random_hand(side, 7)
    pose = conversions.hand_message(hand, HEADER)
    assert pose.bone_lengths[0] == 0.0
    for joint, parent in enumerate(skeleton.JOINT_PARENTS):
        if parent >= 0:
            length = np.linalg.norm(hand.joints[joint] - hand.joints[parent])
            assert pose.bone_lengths[joint] == pytest.approx(length, abs=1e-6)


def test_size_velocities_and_flesh_go_through(hand):
    random = np.random.default_rng(0)
    sent = hand(
        shape_frozen=True, thickness=-0.25,
        joint_velocities=random.normal(size=(23, 3)), angle_velocities=random.normal(size=20),
    )  # fmt: skip
    pose = through_the_wire(conversions.hand_message(sent, HEADER), HandPose)
    assert pose.shape_frozen
    assert pose.flesh_thickness == pytest.approx(-0.25)
    np.testing.assert_array_equal([(v.x, v.y, v.z) for v in pose.joint_velocities], sent.joint_velocities)
    np.testing.assert_array_equal(pose.angle_velocities, sent.angle_velocities)
    state = conversions.joint_state([sent, hand("left")], HEADER)
    assert len(state.velocity) == len(state.name)
    np.testing.assert_array_equal(state.velocity[:20], sent.angle_velocities)


@pytest.mark.parametrize(
    "changes",
    [
        {"joint_velocities": np.full((23, 3), np.nan)}, {"angle_velocities": np.full(20, np.inf)},
        {"thickness": np.nan}, {"shape": np.full(9, np.nan)}, {"joint_confidence": np.full(23, np.nan)},
    ],
)  # fmt: skip
def test_hand_with_a_new_number_that_is_not_finite_is_impossible(hand, changes):
    assert conversions.hand_error(hand(**changes)) == "it has numbers that are not finite"


def test_template_is_described_fully():
    info = conversions.model_info_message("name", "hash")
    assert (np.array(info.joint_radii)[3:] > 0.004).all()
    for signs in (info.right_angle_signs, info.left_angle_signs):
        assert set(signs) <= {-1, 1}
    for axis in info.angle_axes:
        assert np.hypot(np.hypot(axis.x, axis.y), axis.z) == pytest.approx(1.0)
    assert set(np.unique(info.joint_shape_flags)) == set(np.unique(info.segment_shape_flags)) == {0, 1}


def test_joint_sets_and_gestures_have_their_fields():
    joints = HandJoints(
        set_name="mediapipe21", names=["wrist"], radii=[0.02], validity=[HandJoints.POSITION_VALID]
    )
    assert {"positions", "orientations", "side", "track_id", "confidence"} <= set(
        joints.get_fields_and_field_types()
    )
    flags = [HandJoints.ORIENTATION_VALID, HandJoints.POSITION_VALID, HandJoints.ORIENTATION_TRACKED,
             HandJoints.POSITION_TRACKED, HandJoints.ESTIMATED]  # fmt: skip
    assert flags == [1, 2, 4, 8, 16]
    gesture = HandGesture(events=[HandGesture.INDEX_PINCH_BEGIN])
    assert len(gesture.thumb_tip_distances) == len(gesture.pinch_strengths) == len(gesture.pinching) == 4
    assert [HandGesture.INDEX, HandGesture.MIDDLE, HandGesture.RING, HandGesture.PINKY] == [0, 1, 2, 3]
