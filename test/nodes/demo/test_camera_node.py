"""The camera node publishes what its source gives, with the truth stamped alike."""

from __future__ import annotations

import time

import cv2
import numpy as np
import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo, Image

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.depth.camera_info import camera_from_info
from hand_pose_ros.msg import HandPoseArray
from hand_pose_ros.nodes import conversions
from hand_pose_ros.nodes.demo.camera_node import DepthCameraNode, build_source
from hand_pose_ros.nodes.demo.frame_source import SyntheticSource

CAMERA = Camera(64, 48, 60.0, 60.0, 31.5, 23.5)


class Motion:
    """Depth and joints tell the time they were made for."""

    def frame(self, t: float) -> tuple[np.ndarray, np.ndarray]:
        depth = np.full((48, 64), 0.5 + t, np.float32)
        depth[0] = np.nan
        return depth, np.full((23, 3), 0.5 + t)


def synthetic(parameters):
    return SyntheticSource(Motion(), CAMERA, "left", parameters["rate_hz"], parameters["depth_unit"])


def play(source_factory, **parameters):
    """Everything that the camera publishes until it is finished: images, infos, truths."""
    context = rclpy.Context()
    rclpy.init(context=context)
    overrides = [Parameter(name, value=value) for name, value in parameters.items()]
    listener = rclpy.create_node("listener", context=context)
    received = ([], [], [])
    for kind, topic, messages in zip(
        (Image, CameraInfo, HandPoseArray),
        ("depth/image_rect", "depth/camera_info", "truth"),
        received,
        strict=True,
    ):
        listener.create_subscription(kind, topic, messages.append, 100)
    camera = DepthCameraNode(source_factory, context=context, parameter_overrides=overrides)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(camera)
    executor.add_node(listener)
    deadline = time.monotonic() + 60
    while not camera.finished and time.monotonic() < deadline:
        executor.spin_once(timeout_sec=0.1)
    camera.close()
    for _ in range(20):
        executor.spin_once(timeout_sec=0.01)
    finished = camera.finished
    camera.destroy_node()
    listener.destroy_node()
    executor.shutdown()
    rclpy.shutdown(context=context)
    assert finished
    return received


@pytest.mark.slow
def test_synthetic_frames_come_with_the_truth_stamped_alike():
    images, infos, truths = play(
        synthetic, count=8, rate_hz=50.0, reliability="reliable", wait_for_subscribers=1
    )
    assert len(images) == len(infos) == len(truths) == 8
    for index, (image, info, truth) in enumerate(zip(images, infos, truths, strict=True)):
        assert image.header == info.header == truth.header
        expected = 0.5 + index / 50.0
        np.testing.assert_allclose(conversions.joints_of(truth.hands[0]), expected)
        depth = conversions.depth_from_image(image, 0.001)
        np.testing.assert_allclose(depth[1:], expected, atol=1e-6)
        assert np.isnan(depth[0]).all()
        assert camera_from_info(info, rectified=True) == CAMERA
    stamps = [image.header.stamp.sec + image.header.stamp.nanosec * 1e-9 for image in images]
    assert stamps == sorted(set(stamps))


@pytest.mark.slow
def test_an_unknown_parameter_name_is_reported(capfd):
    play(synthetic, count=1, rate_hz=50.0, reliability="reliable", wait_for_subscribers=1, cuont=5)
    assert "no parameter 'cuont'" in capfd.readouterr().err


@pytest.fixture
def folder(tmp_path):
    for index in range(4):
        assert cv2.imwrite(str(tmp_path / f"{index + 8}.png"), np.full((48, 64), 500 + index, np.uint16))
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("loop, count, expected", [(False, 0, [0, 1, 2, 3]), (True, 6, [0, 1, 2, 3, 0, 1])])
def test_recorded_frames_are_played_in_order_once_or_again(folder, loop, count, expected):
    images, infos, truths = play(
        build_source, source="frames", frames=str(folder), intrinsics=[60.0, 60.0, 31.5, 23.5], loop=loop,
        count=count, rate_hz=100.0, reliability="reliable", wait_for_subscribers=1,
    )  # fmt: skip
    assert [np.frombuffer(image.data, "<u2")[0] - 500 for image in images] == expected
    assert len(infos) == len(expected)
    assert truths == []


@pytest.mark.parametrize(
    "parameters, named",
    [
        ({"source": "frames"}, "'frames' is empty"),
        (
            {"frames": "/some/folder"},
            "'/some/folder', which 'source' synthetic does not play: want source frames",
        ),
        ({"source": "frames", "frames": "/nowhere"}, "/nowhere"),
        ({"rate_hz": -1.0}, "rate_hz"),
        ({"side": "both"}, "left, right"),
    ],
)
def test_bad_parameters_are_refused_with_one_sentence(parameters, named):
    with pytest.raises(ValueError, match=named):
        play(build_source, **parameters)
