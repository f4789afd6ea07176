"""input_transport: compressedDepth, on the topic that image_transport uses, with files made here by OpenCV."""

from __future__ import annotations

import struct
from array import array

import cv2
import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage

WIDTH, HEIGHT = 64, 48

pytestmark = pytest.mark.slow


def compressed(header, depth_m: float, encoding: str = "16UC1", data: bytes | None = None) -> CompressedImage:
    if encoding == "16UC1":
        head = struct.pack("<iff", 0, 0.0, 0.0)
        picture = np.full((HEIGHT, WIDTH), round(depth_m * 1000), np.uint16)
    else:
        a = 100.0 * 101.0
        b = 1.0 - a / 10.0
        head = struct.pack("<iff", 0, a, b)
        picture = np.full((HEIGHT, WIDTH), a / depth_m + b, np.float64).astype(np.uint16)
    if data is None:
        data = head + cv2.imencode(".png", picture)[1].tobytes()
    message = CompressedImage(header=header, format=f"{encoding}; compressedDepth png")
    message.data = array("B", data)
    return message


@pytest.fixture
def bench(rig, fake_tracker):
    made = rig(fake_tracker(), input_transport="compressedDepth")
    made.publisher = made.helper.create_publisher(CompressedImage, "depth/image_rect/compressedDepth", 10)
    assert made.spin_until(lambda: made.publisher.get_subscription_count() > 0)
    assert made.spin_until(lambda: made.info.get_subscription_count() > 0)
    assert made.spin_until(lambda: made.received["hand_model_info"])
    return made


def send(bench, **image) -> None:
    header = bench.header()
    bench.info.publish(bench.info_message(header))
    bench.publisher.publish(compressed(header, **image))


@pytest.mark.parametrize("encoding", ["16UC1", "32FC1"])
def test_compressed_depth_reaches_the_tracker_in_metres(bench, encoding):
    send(bench, depth_m=0.6, encoding=encoding)
    assert bench.wait_for_answers(1)
    (depth,) = bench.tracker.depths
    assert depth.shape == (HEIGHT, WIDTH)
    np.testing.assert_allclose(depth, 0.6, rtol=1e-3)
    assert bench.answers()[0].header.frame_id == "camera"


def test_nothing_is_subscribed_to_on_the_raw_topic(bench):
    assert bench.image.get_subscription_count() == 0


@pytest.mark.parametrize(
    "data", [b"", b"\0" * 12, b"\0" * 12 + b"JFIF", b"\0" * 400], ids=["empty", "header", "jpeg", "zeros"]
)
def test_damaged_data_are_named_counted_and_survived(bench, data):
    send(bench, depth_m=0.6, data=data)
    assert bench.wait_for_error("compressed depth image")
    assert bench.node.statistics.figures()["rejected_bad_input"] == 1
    send(bench, depth_m=0.6)
    assert bench.wait_for_answers(1)


@pytest.mark.parametrize(
    "image_format", ["", "jpeg", "bgr8; jpeg compressed bgr8", "16UC1; compressedDepth lzma"]
)
def test_other_formats_are_refused_by_name(bench, image_format):
    header = bench.header()
    message = compressed(header, 0.6)
    message.format = image_format
    bench.info.publish(bench.info_message(header))
    bench.publisher.publish(message)
    assert bench.wait_for_error("format is")
    assert not bench.tracker.depths


def test_missing_camera_names_the_compressed_topic(bench):
    assert (
        bench.node.resolve_topic_name("depth/image_rect") + "/compressedDepth"
        in bench.node._inputs.depth_topic
    )
