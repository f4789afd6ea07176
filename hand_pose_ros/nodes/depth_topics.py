"""Topics on which depth images come, as ROS sees them at this moment.

In: some seconds of listening. Out: names with types, publishers and quality of service, in plain text.
"""

from __future__ import annotations

import time

import rclpy
from rclpy.node import Node
from rclpy.qos import ReliabilityPolicy

_TYPES = ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage", "sensor_msgs/msg/CameraInfo")
_OWN_PICTURE = "/overlay"
"""What the tracker itself publishes: a picture, and no depth."""
_LISTEN_S = 2.0  # guessed: discovery on one machine takes well under a second


def depth_topic_lines(listen_s: float = _LISTEN_S) -> list[str]:
    """One line for each topic of images or camera infos that somebody publishes and that may be depth."""
    context = rclpy.Context()
    # No log file: there may be no place for one, in which a node starts all the same.
    rclpy.init(args=["doctor", "--ros-args", "--disable-external-lib-logs"], context=context)
    try:
        node = rclpy.create_node("hand_pose_doctor", context=context)
        try:
            time.sleep(listen_s)
            return sorted(_lines(node))
        finally:
            node.destroy_node()
    finally:
        context.try_shutdown()


def _lines(node: Node) -> list[str]:
    lines = []
    for topic, kinds in node.get_topic_names_and_types():
        kind = next((kind for kind in kinds if kind in _TYPES), None)
        may_be = kind is not None and (kind != _TYPES[1] or topic.endswith("/compressedDepth"))
        may_be &= not topic.endswith(_OWN_PICTURE)
        publishers = node.get_publishers_info_by_topic(topic) if may_be else []
        if not publishers:
            continue
        reliable = all(p.qos_profile.reliability == ReliabilityPolicy.RELIABLE for p in publishers)
        qos = "reliable" if reliable else "best effort"
        count = f"{len(publishers)} publisher{'s' if len(publishers) > 1 else ''}"
        lines.append(f"{topic} ({kind}), {count}, {qos}")
    return lines
