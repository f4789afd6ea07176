"""What colcon installed: messages with their exact fields, launchers, shared files; the package's two halves as one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not here: source a distribution, or run make build")

from ament_index_python.packages import get_package_prefix, get_package_share_directory

from hand_pose_ros.hand import skeleton
from hand_pose_ros.msg import HandGesture, HandJoints, HandModelInfo, HandPose, HandPoseArray

ROOT = Path(__file__).resolve().parents[2]


def test_hand_pose_has_these_fields() -> None:
    assert HandPose.get_fields_and_field_types() == {
        "header": "std_msgs/Header",
        "side": "uint8",
        "track_id": "uint32",
        "state": "uint8",
        "confidence": "float",
        "palm": "geometry_msgs/Pose",
        "joints": "geometry_msgs/Point[23]",
        "joint_confidence": "float[23]",
        "joint_velocities": "geometry_msgs/Vector3[23]",
        "angles": "double[20]",
        "angle_velocities": "double[20]",
        "scale": "float",
        "shape": "float[9]",
        "shape_frozen": "boolean",
        "bone_lengths": "float[23]",
        "flesh_thickness": "float",
        "segments": "geometry_msgs/Pose[16]",
    }
    assert (HandPose.SIDE_RIGHT, HandPose.SIDE_LEFT) == (0, 1)
    states = (HandPose.STATE_SEARCH, HandPose.STATE_TRACK, HandPose.STATE_COAST, HandPose.STATE_LOST)
    assert states == (0, 1, 2, 3)


def test_hand_pose_array_has_these_fields() -> None:
    assert HandPoseArray.get_fields_and_field_types() == {
        "header": "std_msgs/Header",
        "state": "uint8",
        "hands": "sequence<hand_pose_ros/HandPose>",
    }


def test_hand_model_info_has_these_fields() -> None:
    assert HandModelInfo.get_fields_and_field_types() == {
        "model_name": "string",
        "model_hash": "string",
        "package_version": "string",
        "joint_names": "string[23]",
        "joint_parents": "int8[23]",
        "bone_lengths": "float[23]",
        "joint_radii": "float[23]",
        "joint_segments": "int8[23]",
        "right_joint_positions": "geometry_msgs/Point[23]",
        "left_joint_positions": "geometry_msgs/Point[23]",
        "joint_shape_flags": "uint8[621]",
        "angle_names": "string[20]",
        "angle_lower": "double[20]",
        "angle_upper": "double[20]",
        "angle_segments": "int8[20]",
        "angle_axes": "geometry_msgs/Vector3[20]",
        "right_angle_signs": "int8[20]",
        "left_angle_signs": "int8[20]",
        "segment_names": "string[16]",
        "segment_parents": "int8[16]",
        "right_segments": "geometry_msgs/Pose[16]",
        "left_segments": "geometry_msgs/Pose[16]",
        "segment_shape_flags": "uint8[432]",
        "shape_names": "string[9]",
    }


def test_joints_of_other_sets_and_gestures_have_these_fields() -> None:
    hand = {
        "header": "std_msgs/Header",
        "side": "uint8",
        "track_id": "uint32",
        "state": "uint8",
        "confidence": "float",
    }
    assert HandJoints.get_fields_and_field_types() == hand | {
        "set_name": "string",
        "names": "sequence<string>",
        "positions": "sequence<geometry_msgs/Point>",
        "orientations": "sequence<geometry_msgs/Quaternion>",
        "radii": "sequence<float>",
        "validity": "sequence<uint8>",
    }
    assert HandGesture.get_fields_and_field_types() == hand | {
        "thumb_tip_distances": "float[4]",
        "pinch_strengths": "float[4]",
        "pinching": "boolean[4]",
        "grasp_strength": "float",
        "grasping": "boolean",
        "events": "sequence<uint8>",
    }


def test_sizes_are_those_of_the_skeleton() -> None:
    pose, info = HandPose(), HandModelInfo()
    assert len(pose.joints) == len(pose.joint_confidence) == len(info.joint_names) == skeleton.JOINT_COUNT
    assert len(pose.angles) == len(info.angle_names) == skeleton.ANGLE_COUNT
    assert len(pose.segments) == len(info.segment_names) == skeleton.SEGMENT_COUNT
    assert len(pose.shape) == len(info.shape_names) == skeleton.SHAPE_COUNT
    assert len(pose.bone_lengths) == len(pose.joint_velocities) == skeleton.JOINT_COUNT
    assert len(info.joint_shape_flags) == skeleton.JOINT_COUNT * 3 * skeleton.SHAPE_COUNT
    assert len(info.segment_shape_flags) == skeleton.SEGMENT_COUNT * 3 * skeleton.SHAPE_COUNT


def test_every_launcher_is_installed() -> None:
    folder = Path(get_package_prefix("hand_pose_ros"), "lib", "hand_pose_ros")
    for script in (ROOT / "scripts").glob("*"):
        assert os.access(folder / script.name, os.X_OK), f"{script.name} is not installed: run make build"


def test_every_shared_file_is_installed() -> None:
    share = Path(get_package_share_directory("hand_pose_ros"))
    assert (share / "package.xml").is_file()
    for name in ("launch", "config", "rviz", "urdf", "models", "assets"):
        for path in (ROOT / name).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                assert (share / path.relative_to(ROOT)).is_file(), f"{path} is not installed: run make build"


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["elsewhere", "root"])
def test_messages_and_modules_are_one_package(tmp_path: Path, folder: str) -> None:
    """From another folder the installed package is used, in the root the sources are; both have the messages."""
    program = "import hand_pose_ros.msg as m, hand_pose_ros.hand.skeleton as s; print(m.HandPose, s.__file__)"
    cwd = ROOT if folder == "root" else tmp_path
    answer = subprocess.run([sys.executable, "-c", program], cwd=cwd, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    source = Path(answer.stdout.split()[-1])
    assert source.is_relative_to(ROOT / "hand_pose_ros") == (folder == "root")
