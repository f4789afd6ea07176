"""The watcher writes what it heard: figures and pictures of exactly the frames that were answered."""

from __future__ import annotations

import json
import time
from array import array
from types import SimpleNamespace

import numpy as np
import pytest
import rclpy
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from PIL import Image as Picture
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.msg import HandGesture, HandPose, HandPoseArray
from hand_pose_ros.nodes import conversions
from hand_pose_ros.nodes.demo import watcher_node
from hand_pose_ros.nodes.demo.watcher_node import WatcherNode

CAMERA = Camera(64, 48, 60.0, 60.0, 31.5, 23.5)


@pytest.fixture
def context():
    made = rclpy.Context()
    rclpy.init(context=made)
    yield made
    rclpy.shutdown(context=made)


@pytest.mark.parametrize(
    ("name", "namespace", "told"),
    [
        ("/hand_tracker: tracking", "", True),
        ("/left/hand_tracker: tracking", "/left", True),
        ("/left/hand_tracker: tracking", "/right", False),
        ("/left/hand_tracker: tracking", "", False),
        ("/left/hand_retarget: robot hand", "/left", False),
    ],
)
def test_the_problem_is_that_of_the_tracker_beside_it(context, name, namespace, told):
    """All nodes' diagnostics come on one topic."""
    watcher = WatcherNode(context=context, namespace=namespace)
    status = DiagnosticStatus(name=name, level=DiagnosticStatus.ERROR, message="cannot configure")
    watcher._on_diagnostics(DiagnosticArray(status=[status]))
    assert watcher.tracker_problem == ("cannot configure" if told else None)
    watcher.destroy_node()


def odd_messages():
    """Messages of other publishers, by the callback that hears them."""
    unknown_side = HandPoseArray(hands=[HandPose(side=7)])
    yield "hands", lambda watcher: passed_to(watcher, "_on_hands", unknown_side, 1)
    yield "truth", lambda watcher: passed_to(watcher, "_on_truth", unknown_side)
    yield "hand_gestures", lambda watcher: passed_to(watcher, "_on_gesture", HandGesture(events=[99]))


def passed_to(watcher, callback, *heard):
    topic = {"_on_hands": "hands", "_on_truth": "truth", "_on_gesture": "hand_gestures"}[callback]
    watcher._careful(topic, getattr(watcher, callback))(*heard)


@pytest.mark.parametrize(("topic", "hear"), odd_messages())
def test_a_message_of_another_publisher_ends_no_run(context, topic, hear):
    watcher = WatcherNode(context=context)
    hear(watcher)
    text, _ = watcher._throttled_logger.last_error()
    assert text.startswith(f"a message on '/{topic}' is passed over: ")
    assert "\n" not in text
    assert watcher.figures()["outputs"] == 0
    watcher.destroy_node()


def test_a_stamp_below_zero_is_a_stamp(context):
    watcher = WatcherNode(context=context)
    stamp = Time(sec=-1, nanosec=5)
    watcher._on_info(CameraInfo(header=Header(stamp=stamp)))
    watcher._on_hands(HandPoseArray(header=Header(stamp=stamp)), 1)
    assert list(watcher.record.outputs) == [5 - 10**9]
    assert watcher.figures()["outputs"] == 1
    watcher.destroy_node()


@pytest.mark.slow
def test_run_is_written_as_it_was_heard(tmp_path, hand, context):
    overrides = {"output": str(tmp_path / "run.json"), "pictures": str(tmp_path), "keep_every": 1}
    watcher = WatcherNode(
        context=context,
        parameter_overrides=[Parameter(name, value=value) for name, value in overrides.items()],
    )
    robot = rclpy.create_node("robot", context=context)
    info = robot.create_publisher(CameraInfo, "depth/camera_info", 10)
    image = robot.create_publisher(Image, "depth/image_rect", 10)
    truth = robot.create_publisher(HandPoseArray, "truth", 10)
    hands = robot.create_publisher(HandPoseArray, "hands", 10)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(watcher)
    executor.add_node(robot)

    def spin_until(condition) -> bool:
        deadline = time.monotonic() + 30
        while not condition() and time.monotonic() < deadline:
            executor.spin_once(timeout_sec=0.05)
        return condition()

    publishers = (info, image, truth, hands)
    assert spin_until(lambda: all(publisher.get_subscription_count() for publisher in publishers))
    posed = hand()
    for index in range(4):
        header = Header(frame_id="camera", stamp=robot.get_clock().now().to_msg())
        info.publish(conversions.camera_to_info(CAMERA, header))
        picture = Image(header=header, width=64, height=48, encoding="16UC1", step=128)
        picture.data = array("B", np.full((48, 64), 500, "<u2").tobytes())
        image.publish(picture)
        truth.publish(conversions.truth_message(posed.joints + [0.0, 0.0, 0.004], "right", header))
        if index != 2:
            seen = [posed] if index != 3 else []
            hands.publish(conversions.hands_message(seen, 1, header))
        # One frame at a time: the newest image replaces one that was not taken yet.
        assert spin_until(lambda count=index + 1: len(watcher._images) == count)
    record = watcher.record
    assert spin_until(lambda: (len(record.frames), len(record.truths), len(record.outputs)) == (4, 4, 3))
    watcher.finish()
    for node in (watcher, robot):
        node.destroy_node()
    executor.shutdown()

    written = json.loads((tmp_path / "run.json").read_text())
    assert (written["frames"], written["outputs"], written["hands"], written["dropped"]) == (4, 3, 2, 1)
    assert written["frames_dropped"] == [2]
    assert written["frames_without_hand"] == [3]
    assert written["error_mm"] == {"mean": 4.0, "median": 4.0}
    assert written["age_ms"]["p50"] > 0
    with Picture.open(tmp_path / "overlay.gif") as animation:
        assert animation.n_frames == 3
    assert (tmp_path / "overlay.png").exists()


@pytest.mark.parametrize(
    "error", [None, ExternalShutdownException(), KeyboardInterrupt(), RuntimeError("wait set")]
)
def test_figures_are_written_however_the_middleware_ends(monkeypatch, error):
    """A signal ends it at any moment; in the middle of a wait that raises whatever failed then."""
    finished = []
    node = SimpleNamespace(context=SimpleNamespace(ok=lambda: False), finish=lambda: finished.append(1))

    def interrupted():
        if error is not None:
            raise error

    def run_node(name, make, arguments, *, spin, **_):
        spin(SimpleNamespace(spin=interrupted), node)
        return 0

    monkeypatch.setattr(watcher_node, "run_node", run_node)
    assert watcher_node.main([]) == 0
    assert finished


def test_error_of_a_living_middleware_is_not_hidden(monkeypatch):
    def broken():
        raise RuntimeError("a fault")

    def run_node(name, make, arguments, *, spin, **_):
        spin(SimpleNamespace(spin=broken), SimpleNamespace(context=SimpleNamespace(ok=lambda: True)))

    monkeypatch.setattr(watcher_node, "run_node", run_node)
    with pytest.raises(RuntimeError, match="a fault"):
        watcher_node.main([])


@pytest.mark.parametrize("name", ["output", "pictures"])
def test_what_cannot_be_written_ends_it_at_once_in_one_line(name, tmp_path, capfd):
    (tmp_path / "file").touch()
    place = {"output": tmp_path / "file" / "run.json", "pictures": tmp_path / "file"}[name]
    assert watcher_node.main(["watcher", "--ros-args", "-p", f"{name}:={place}"]) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert line == f"watcher: {tmp_path / 'file'} is a file, want a folder"


def test_a_disk_that_is_full_for_a_while_ends_no_run(tmp_path, context, monkeypatch):
    def full(path, content):
        raise OSError(f"{path} cannot be written: No space left on device, want room on the disk")

    watcher = WatcherNode(
        context=context, parameter_overrides=[Parameter("output", value=str(tmp_path / "run.json"))]
    )
    monkeypatch.setattr(watcher_node, "write_json", full)
    watcher._keep()
    text, _ = watcher._throttled_logger.last_error()
    assert "want room on the disk" in text
    watcher.destroy_node()
