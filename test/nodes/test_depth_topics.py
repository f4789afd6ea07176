"""Topics that may be depth are named; the tracker's own picture is not one of them."""

from __future__ import annotations

import pytest

rclpy = pytest.importorskip("rclpy", reason="ROS 2 is not here: source a distribution, or run make build")

from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from hand_pose_ros.nodes.depth_topics import depth_topic_lines


def test_images_infos_and_compressed_depth_are_named_and_the_overlay_is_not():
    context = rclpy.Context()
    rclpy.init(args=[], context=context)
    try:
        node = Node("a_camera", context=context)
        kinds = {
            "depth/image": Image, "depth/info": CameraInfo, "depth/image/compressedDepth": CompressedImage,
            "colour/image/compressed": CompressedImage, "hand_tracker/overlay": Image,
        }  # fmt: skip
        publishers = [node.create_publisher(kind, name, 1) for name, kind in kinds.items()]
        named = [line.split(" ")[0] for line in depth_topic_lines(listen_s=2.0)]
        assert len(publishers) == len(kinds)
        assert {name for name in named if name[1:] in kinds} == {
            "/depth/image",
            "/depth/info",
            "/depth/image/compressedDepth",
        }
        node.destroy_node()
    finally:
        context.try_shutdown()
