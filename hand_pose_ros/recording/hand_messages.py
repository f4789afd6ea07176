"""Hands as the messages that the tracker node publishes, made without ROS: for bags.

In: hands, a stamp in ns, a frame. Out: messages of ``rosbags``, made as the node's (``message_contents``; a test
compares their bytes).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from hand_pose_ros.hand import skeleton
from hand_pose_ros.recording.message_contents import MessageTypes
from hand_pose_ros.recording.ros_types import (
    HAND_MODEL_INFO,
    HAND_POSE,
    HAND_POSE_ARRAY,
    JOINT_STATE,
    type_store,
)
from hand_pose_ros.tracking.hand import Hand


def header(stamp_ns: int, frame_id: str) -> Any:
    """A std_msgs/Header."""
    types = type_store().types
    seconds, rest = divmod(stamp_ns, 1_000_000_000)
    return types["std_msgs/msg/Header"](
        stamp=types["builtin_interfaces/msg/Time"](sec=int(seconds), nanosec=int(rest)), frame_id=frame_id
    )


@lru_cache(maxsize=1)
def bag_types() -> MessageTypes:
    """The classes of messages in bags."""
    types = type_store().types
    geometry = (types[f"geometry_msgs/msg/{name}"] for name in ("Point", "Vector3", "Quaternion", "Pose"))
    return MessageTypes(types[HAND_POSE], types[HAND_POSE_ARRAY], types[HAND_MODEL_INFO], *geometry)


def joint_state_message(hands: Sequence[Hand], head: Any) -> Any:
    """Angles (rad) and their velocities of all hands, by name with the side as prefix."""
    return type_store().types[JOINT_STATE](
        header=head,
        name=[f"{hand.side}_{name}" for hand in hands for name in skeleton.ANGLE_NAMES],
        position=np.concatenate([hand.angles for hand in hands] or [np.zeros(0)]),
        velocity=np.concatenate([hand.angle_velocities for hand in hands] or [np.zeros(0)]),
        effort=np.zeros(0),
    )
