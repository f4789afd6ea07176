"""Messages and plain data: nothing is lost, frames compose."""

from __future__ import annotations

import math
from array import array
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.depth.camera_info import camera_from_info
from hand_pose_ros.hand.joint_sets import convert_joints, operator_points
from hand_pose_ros.hand.skeleton import (
    FINGER_SEGMENT_TABLE,
    JOINT_NAMES,
    SEGMENT_NAMES,
    TIP_JOINTS,
    WRIST_JOINTS,
)
from hand_pose_ros.nodes import conversions
from hand_pose_ros.tracking.hand import named_hands

HEADER = Header(frame_id="camera")
ANGLES = np.linspace(-0.25, 0.3, 20)


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("prefix", ["", "robot_"])
def test_full_tf_chain_composes_to_the_segments_frames(hand, side, prefix):
    posed = hand(side, angles=ANGLES)
    poses = {"camera": (np.eye(3), np.zeros(3))}
    for stamped in conversions.transforms(posed, HEADER, full=True, prefix=prefix):
        t, q = stamped.transform.translation, stamped.transform.rotation
        rotation, translation = poses[stamped.header.frame_id]
        local = Rotation.from_quat([q.x, q.y, q.z, q.w]).as_matrix()
        poses[stamped.child_frame_id] = (rotation @ local, rotation @ [t.x, t.y, t.z] + translation)
    for index, name in enumerate(SEGMENT_NAMES):
        rotation, translation = poses[f"{prefix}{side}_hand/{name}"]
        np.testing.assert_allclose(rotation, posed.segment_rotations[index], atol=1e-6)
        np.testing.assert_allclose(translation, posed.segment_positions[index], atol=1e-6)
    for joint, segments in zip(TIP_JOINTS, FINGER_SEGMENT_TABLE, strict=True):
        rotation, translation = poses[f"{prefix}{side}_hand/{JOINT_NAMES[joint]}"]
        np.testing.assert_allclose(translation, posed.joints[joint], atol=1e-6)
        np.testing.assert_allclose(rotation, posed.segment_rotations[segments[-1]], atol=1e-6)
    rotation, translation = poses[f"{prefix}{side}_hand/wrist"]
    np.testing.assert_allclose(translation, posed.joints[list(WRIST_JOINTS)].mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(rotation, posed.rotation, atol=1e-6)
    operator = poses[f"{prefix}{side}_hand/operator"]
    points = operator_points(posed.joints, posed.rotation) @ operator[0].T + operator[1]
    np.testing.assert_allclose(points, convert_joints(posed.joints, "mediapipe21"), atol=1e-6)
    assert len(poses) == 1 + len(SEGMENT_NAMES) + len(TIP_JOINTS) + 2


def test_root_tf_is_the_palm_alone(hand):
    frames = conversions.transforms(hand(), HEADER, full=False, prefix="")
    assert [frame.child_frame_id for frame in frames] == ["right_hand/palm"]
    assert frames[0].header.frame_id == "camera"


def test_joint_state_names_both_hands(hand):
    state = conversions.joint_state([hand("right"), hand("left")], HEADER)
    assert len(set(state.name)) == len(state.name) == len(state.position) == 40
    assert {name.split("_")[0] for name in state.name} == {"right", "left"}


def test_names_of_a_side_stand_for_the_hand_that_is_tracked_longest(hand):
    older, newer, left = hand(track_id=3), hand(track_id=5), hand("left", track_id=9)
    assert named_hands([newer, left, older]) == [older, left]
    assert named_hands([newer, left]) == [newer, left]
    assert named_hands([]) == []


def test_valid_hands_are_possible(hand):
    for side in ("right", "left"):
        assert conversions.hand_error(hand(side, angles=ANGLES)) is None


def test_camera_survives_its_message():
    camera = Camera(640, 480, 500.0, 510.0, 320.5, 239.5)
    for rectified in (True, False):
        assert camera_from_info(conversions.camera_to_info(camera, HEADER), rectified) == camera


def test_rectified_image_takes_p_and_no_distortion():
    """The D of an image_rect's camera info belongs to the raw image."""
    info = CameraInfo(width=64, height=48, distortion_model="plumb_bob", d=[0.1, 0.0, 0.0, 0.0, 0.0])
    info.k = [60.0, 0.0, 32.0, 0.0, 60.0, 24.0, 0.0, 0.0, 1.0]
    info.p = [55.0, 0.0, 31.0, 0.0, 0.0, 56.0, 23.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    rectified = camera_from_info(info, rectified=True)
    assert (rectified.fx, rectified.fy, rectified.cx, rectified.cy) == (55.0, 56.0, 31.0, 23.0)
    assert rectified.distortion == ()
    raw = camera_from_info(info, rectified=False)
    assert raw.fx == 60.0
    assert raw.distortion[0] == 0.1
    info.p = [0.0] * 12
    assert camera_from_info(info, rectified=True).fx == 60.0


@pytest.mark.parametrize("rectified", [True, False])
def test_of_two_calibrations_the_one_that_is_there_is_taken(rectified):
    k, p = (
        [60.0, 0.0, 32.0, 0.0, 60.0, 24.0, 0.0, 0.0, 1.0],
        [55.0, 0.0, 31.0, 0.0, 0.0, 55.0, 23.0, 0.0, 0.0, 0.0, 1.0, 0.0],
    )
    info = CameraInfo(width=64, height=48, distortion_model="rational_polynomial", d=[0.0] * 8)
    info.p = p
    assert camera_from_info(info, rectified).fx == 55.0
    for empty in ([0.0] * 12, [55.0] + [0.0] * 11, [float("nan")] * 12, [float("inf")] * 12):
        info.p, info.k = empty, k
        assert camera_from_info(info, rectified).fx == 60.0
        info.k = [0.0] * 9
        with pytest.raises(ValueError, match="focal length"):
            camera_from_info(info, rectified)


def test_binning_and_region_of_interest_are_applied():
    info = CameraInfo(width=640, height=480, binning_x=2, binning_y=2)
    info.k = [500.0, 0.0, 320.0, 0.0, 500.0, 240.0, 0.0, 0.0, 1.0]
    info.roi.x_offset, info.roi.y_offset, info.roi.width, info.roi.height = 100, 80, 400, 300
    camera = camera_from_info(info, rectified=False)
    assert (camera.width, camera.height) == (200, 150)
    assert (camera.fx, camera.cx, camera.cy) == (250.0, 110.0, 80.0)


@pytest.mark.parametrize("bigendian", [False, True])
@pytest.mark.parametrize("padding", [0, 7])
def test_depth_image_is_metres_whatever_its_layout(bigendian, padding):
    counts = np.array([[500, 0, 1000], [1, 2, 65535]], dtype=">u2" if bigendian else "<u2")
    image = Image(width=3, height=2, encoding="16UC1", is_bigendian=bigendian, step=6 + padding)
    image.data = array("B", b"".join(row.tobytes() + bytes(padding) for row in counts))
    depth = conversions.depth_from_image(image, 0.0001)
    expected = np.where(counts == 0, np.nan, counts * 1e-4)
    np.testing.assert_allclose(depth, expected, rtol=1e-6)


def test_truth_keeps_its_joints(hand):
    joints = hand().joints
    message = conversions.truth_message(joints, "left", HEADER)
    np.testing.assert_allclose(conversions.joints_of(message.hands[0]), joints)
    assert conversions.SIDE_NAMES[message.hands[0].side] == "left"


def test_published_bone_lengths_are_those_of_the_template(hand):
    info = conversions.model_info_message("name", "hash")
    joints = hand().joints
    for joint, parent in enumerate(info.joint_parents):
        length = np.linalg.norm(joints[joint] - joints[parent]) if parent >= 0 else 0.0
        assert info.bone_lengths[joint] == pytest.approx(length, abs=1e-6)


def test_published_version_is_that_of_the_project():
    info = conversions.model_info_message("name", "hash")
    project = (Path(__file__).resolve().parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    assert f'\nversion = "{info.package_version}"\n' in project


@given(st.lists(st.floats(-10.0, 10.0), min_size=4, max_size=4).filter(lambda q: np.linalg.norm(q) > 1e-6))
def test_rotation_of_a_quaternion_is_scipys(quaternion):
    assert np.allclose(
        conversions.rotation_matrix(*quaternion),
        Rotation.from_quat(quaternion).as_matrix(),
        rtol=0.0,
        atol=1e-14,
    )


@pytest.mark.parametrize("quaternion", [(0, 0, 0, 0), (math.nan, 0, 0, 1), (0, math.inf, 0, 1)])
def test_quaternion_that_is_no_rotation_is_refused(quaternion):
    with pytest.raises(ValueError, match="quaternion is"):
        conversions.rotation_matrix(*quaternion)
