"""Frames become image data ahead of their time, in order, and their truth goes with them."""

from __future__ import annotations

import itertools
import queue
import threading
import time

import cv2
import numpy as np
import pytest

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.nodes.demo.frame_source import (
    PreRenderer,
    RecordedSource,
    SyntheticSource,
    counts_from_depth,
    image_bytes,
)
from hand_pose_ros.recording.frame_folder import RecordedFrames

CAMERA = Camera(64, 48, 60.0, 60.0, 31.5, 23.5)


class Motion:
    """The time is the depth, and the joints' coordinate."""

    def frame(self, t: float) -> tuple[np.ndarray, np.ndarray]:
        return np.full((48, 64), t, np.float32), np.full((23, 3), t)


def test_synthetic_frames_are_a_period_apart_and_carry_their_joints():
    source = SyntheticSource(Motion(), CAMERA, "left", rate_hz=50.0, depth_unit_m=0.001)
    for index, frame in enumerate(itertools.islice(source.frames(), 5)):
        np.testing.assert_array_equal(np.frombuffer(frame.data, "<u2"), 20 * index)
        np.testing.assert_allclose(frame.joints, index / 50.0)
    assert (source.camera, source.side) == (CAMERA, "left")


@pytest.fixture
def recording(tmp_path):
    for index in range(3):
        assert cv2.imwrite(str(tmp_path / f"{index}.png"), np.full((48, 64), 500 + index, np.uint16))
    return RecordedFrames.open(tmp_path, (60.0, 60.0, 31.5, 23.5))


@pytest.mark.parametrize("loop, expected", [(False, [500, 501, 502]), (True, [500, 501, 502, 500, 501])])
def test_recorded_frames_come_once_or_again_and_again_without_truth(recording, loop, expected):
    source = RecordedSource(recording, loop)
    frames = list(itertools.islice(source.frames(), 5))
    assert [np.frombuffer(frame.data, "<u2")[0] for frame in frames] == expected
    assert all(frame.joints is None for frame in frames)
    assert source.side is None
    assert (source.camera.width, source.camera.height) == (64, 48)


def test_bytes_are_little_endian_rows():
    counts = np.array([[1, 256], [513, 65535]], np.uint16)
    assert image_bytes(counts).tobytes() == b"\x01\x00\x00\x01\x01\x02\xff\xff"
    assert image_bytes(counts[:, ::-1]).tobytes() == b"\x00\x01\x01\x00\xff\xff\x01\x02"


def test_no_more_frames_are_made_than_were_asked_for():
    source = SyntheticSource(Motion(), CAMERA, "right", 30.0, 0.001)
    frames = PreRenderer(source, ahead=10, count=3)
    deadline = time.monotonic() + 60
    while not frames.ready and time.monotonic() < deadline:
        time.sleep(0.01)
    taken = [frames._queue.get(timeout=60) for _ in range(4)]
    assert [frame is None for frame in taken] == [False, False, False, True]
    frames.close()


def test_frame_that_is_not_made_yet_is_said_to_be_missing_and_closing_ends_the_thread():
    gate = threading.Event()

    class Source:
        camera, side = CAMERA, None

        def frames(self):
            gate.wait(60)
            yield from itertools.count()

    frames = PreRenderer(Source(), ahead=2, count=0)
    with pytest.raises(queue.Empty):
        frames.take()
    gate.set()
    frames.close()
    assert not frames._thread.is_alive()


def test_frames_are_made_before_they_are_asked_for():
    gate = threading.Event()

    class Source:
        camera, side = CAMERA, None

        def frames(self):
            gate.wait(60)
            yield from range(3)

    frames = PreRenderer(Source(), ahead=2, count=0)
    assert not frames.ready
    gate.set()
    deadline = time.monotonic() + 60
    while not frames.ready and time.monotonic() < deadline:
        time.sleep(0.01)
    assert frames.made == 2
    taken = []
    while (item := frames._queue.get(timeout=60)) is not None:
        taken.append(item)
    assert taken == [0, 1, 2]
    frames.close()


def test_failure_to_make_a_frame_is_reported_not_lost():
    class Source:
        camera, side = CAMERA, None

        def frames(self):
            yield 1
            raise ValueError("frame 2 is torn")

    frames = PreRenderer(Source(), ahead=10, count=0)
    assert frames._queue.get(timeout=60) == 1
    assert frames._queue.get(timeout=60) is None
    assert frames.error == "frame 2 is torn"
    frames.close()


def test_counts_are_the_nearest_and_zero_means_nothing():
    depth = np.array([0.5004, 0.5006, np.nan, np.inf, -1.0, 70.0])
    np.testing.assert_array_equal(counts_from_depth(depth, 0.001), [500, 501, 0, 0, 0, 0])
