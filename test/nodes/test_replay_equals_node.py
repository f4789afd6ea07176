"""A bag that is played so slowly that the node drops nothing gives the joints that its replay gives."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rosbags", reason="bags are read with rosbags")
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "recording"))

from bags import DEPTH, INFO, START_NS, camera_info, compressed_image, open_bag
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import CameraInfo, CompressedImage

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.nodes import conversions
from hand_pose_ros.nodes.demo.frame_source import counts_from_depth
from hand_pose_ros.nodes.tracker_factory import build_tracker
from hand_pose_ros.recording.bag import Bag
from hand_pose_ros.recording.bag_recording import BagRecording
from hand_pose_ros.recording.play_options import PlayOptions
from hand_pose_ros.recording.replay import ReplayConfig, replay
from hand_pose_ros.recording.ros_types import CAMERA_INFO, COMPRESSED_IMAGE
from hand_pose_ros.synthetic.sequence_config import SequenceConfig
from hand_pose_ros.synthetic.sequence_renderer import SequenceRenderer
from hand_pose_ros.tracking.config import TrackerConfig, refinement
from hand_pose_ros.tracking.tracker import HandTracker

pytestmark = pytest.mark.slow

FRAMES = 24
PINHOLE = Camera(320, 240, 237.0, 237.0, 159.5, 119.5)
LENS = Camera(320, 240, 237.0, 237.0, 159.5, 119.5, (0.02, -0.01, 0.0005, -0.0005, 0.001), "plumb_bob")
COMPRESSED = f"{DEPTH}/compressedDepth"


@pytest.fixture(scope="module")
def images() -> list[np.ndarray]:
    renderer = SequenceRenderer(SequenceConfig(seed=103, hands=("right", "left")), PINHOLE)
    return [counts_from_depth(renderer.frame(index / 15.0).depth, 0.00025) for index in range(FRAMES)]


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_replayed_joints_are_the_nodes(rig, tmp_path, images, storage) -> None:
    path = tmp_path / "bag"
    with open_bag(path, storage, "message") as bag:
        for index, image in enumerate(images):
            stamp = START_NS + round(index * 1e9 / 15.0)
            bag.write(INFO, CAMERA_INFO, camera_info(LENS, stamp), stamp)
            bag.write(COMPRESSED, COMPRESSED_IMAGE, compressed_image(image, stamp), stamp)
    tracker = HandTracker(None, TrackerConfig(hands=2, **refinement(True, 0.25)))
    with BagRecording(path, PlayOptions(rectified="false")) as recording:
        played = replay(recording, tracker, ReplayConfig(depth_unit_m=0.00025))
    assert sum(len(result.hands) for result in played.results) > FRAMES

    bench = rig(
        build_tracker, hands=2, depth_unit=0.00025, input_transport="compressedDepth", rectified="false", max_age_s=0.0
    )  # fmt: skip
    publisher = bench.helper.create_publisher(CompressedImage, "depth/image_rect/compressedDepth", 10)
    assert bench.spin_until(
        lambda: publisher.get_subscription_count() > 0 and bench.received["hand_model_info"]
    )
    assert bench.spin_until(lambda: bench.info.get_subscription_count() > 0)
    with Bag(path) as recorded:
        for message in recorded.messages((COMPRESSED, INFO)):
            if message.topic == INFO:
                bench.info.publish(deserialize_message(message.data, CameraInfo))
                continue
            before = len(bench.answers())
            publisher.publish(deserialize_message(message.data, CompressedImage))
            assert bench.wait_for_answers(before + 1)

    assert len(bench.answers()) == len(played.frames) == FRAMES
    for answer, frame in zip(bench.answers(), played.frames, strict=True):
        assert answer.header.stamp.sec * 10**9 + answer.header.stamp.nanosec == frame.stamp_ns
        assert len(answer.hands) == len(frame.result.hands)
        for hand, ours in zip(answer.hands, frame.result.hands, strict=True):
            assert (hand.side, hand.track_id) == (conversions.SIDES[ours.side], ours.track_id)
            np.testing.assert_allclose(conversions.joints_of(hand), ours.joints, atol=1e-4)
