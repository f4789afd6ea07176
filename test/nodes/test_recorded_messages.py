"""Messages in a replay's bag are, byte for byte, those that the node publishes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not sourced")
pytest.importorskip("rosbags", reason="bags are written with rosbags")

from ament_index_python.packages import get_package_share_directory
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import JointState

from hand_pose_ros.msg import HandModelInfo, HandPoseArray
from hand_pose_ros.nodes import conversions
from hand_pose_ros.recording import hand_messages
from hand_pose_ros.recording.ros_types import (
    HAND_MODEL_INFO,
    HAND_POSE,
    HAND_POSE_ARRAY,
    JOINT_STATE,
    type_store,
)

STAMP_NS = 1_700_000_000_123_456_789


def ros_header():
    from std_msgs.msg import Header

    header = Header(frame_id="camera")
    header.stamp.sec, header.stamp.nanosec = divmod(STAMP_NS, 1_000_000_000)
    return header


def same(ours, kind: str, theirs, ros_type: type) -> None:
    data = bytes(type_store().serialize_cdr(ours, kind))
    assert deserialize_message(data, ros_type) == deserialize_message(serialize_message(theirs), ros_type)


def test_hands_and_their_angles_are_the_nodes(hand) -> None:
    hands = [hand(), hand("left", track_id=9)]
    head = hand_messages.header(STAMP_NS, "camera")
    same(
        hand_messages.bag_types().hands(hands, 1, head), HAND_POSE_ARRAY,
        conversions.hands_message(hands, 1, ros_header()), HandPoseArray,
    )  # fmt: skip
    same(
        hand_messages.joint_state_message(hands, head), JOINT_STATE,
        conversions.joint_state(hands, ros_header()), JointState,
    )  # fmt: skip
    same(
        hand_messages.bag_types().hands([], 0, head), HAND_POSE_ARRAY,
        conversions.hands_message([], 0, ros_header()), HandPoseArray,
    )  # fmt: skip


def test_the_model_info_is_the_nodes() -> None:
    same(
        hand_messages.bag_types().model_info("default", "ab" * 32), HAND_MODEL_INFO,
        conversions.model_info_message("default", "ab" * 32), HandModelInfo,
    )  # fmt: skip


@pytest.mark.parametrize("kind", [HAND_POSE, HAND_POSE_ARRAY, HAND_MODEL_INFO])
def test_type_hashes_are_those_of_the_built_messages(kind) -> None:
    name = f"{kind.rpartition('/')[2]}.json"
    folder = Path(get_package_share_directory("hand_pose_ros")) / "msg"
    if not (folder / name).exists():
        pytest.skip("this distribution has no type hashes")
    built = {t["type_name"]: t["hash_string"] for t in json.loads((folder / name).read_text())["type_hashes"]}
    assert type_store().hash_rihs01(kind) == built[kind]
