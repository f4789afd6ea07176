"""ROS message types without ROS: the common ones, and this package's own from its msg/ folder.

In: nothing. Out: a type store of ``rosbags`` that reads, writes and describes messages as ROS does (CDR; the
definitions and hashes that go into a bag). No ROS.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from hand_pose_ros.resources import resource

IMAGE = "sensor_msgs/msg/Image"
COMPRESSED_IMAGE = "sensor_msgs/msg/CompressedImage"
CAMERA_INFO = "sensor_msgs/msg/CameraInfo"
JOINT_STATE = "sensor_msgs/msg/JointState"
HAND_POSE = "hand_pose_ros/msg/HandPose"
HAND_POSE_ARRAY = "hand_pose_ros/msg/HandPoseArray"
HAND_MODEL_INFO = "hand_pose_ros/msg/HandModelInfo"

_OWN = (HAND_POSE, HAND_POSE_ARRAY, HAND_MODEL_INFO)


@lru_cache(maxsize=1)
def type_store() -> Any:
    """The store, made once. FileNotFoundError where the msg/ folder is not installed."""
    store = get_typestore(Stores.ROS2_HUMBLE)  # the types used here are the same from Humble on
    types: dict[str, Any] = {}
    for name in _OWN:
        text = resource("msg", f"{name.rpartition('/')[2]}.msg").read_text(encoding="utf-8")
        types.update(get_types_from_msg(text, name))
    store.register(types)
    return store
