"""A signal ends what a node's last messages began, before the node ends: arms and fingers stop, RViz is empty."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

rclpy = pytest.importorskip("rclpy", reason="needs ROS 2: source tools/environment.sh")

from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import TwistStamped
from lifecycle_msgs.msg import TransitionEvent
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CameraInfo, Image, JointState
from std_msgs.msg import Bool, Header, String
from std_srvs.srv import SetBool
from visualization_msgs.msg import Marker, MarkerArray

from hand_pose_ros.hand.skeleton import ANGLE_COUNT
from hand_pose_ros.msg import HandGesture, HandPose, HandPoseArray
from hand_pose_ros.nodes.conversions import hand_message

LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("hang_ups_count")]
ROOT = Path(__file__).resolve().parents[2]
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
TRACKER = """
import numpy as np
from conftest import FakeTracker, make_hand
from hand_pose_ros.hand.skeleton import ANGLE_COUNT, FINGER_ANGLE_TABLE
from hand_pose_ros.nodes import tracker_node

FIST = np.zeros(ANGLE_COUNT)
FIST[FINGER_ANGLE_TABLE[1:, 1:]] = (1.3, 1.6, 0.8)


class Moving(FakeTracker):
    def update(self, depth, camera, stamp_s):
        hand = make_hand(z=0.5 + 0.1 * np.sin(4.0 * stamp_s), angles=FIST)
        self.hands = (hand,)
        return super().update(depth, camera, stamp_s)


def main():
    tracker_node.compile_kernels = lambda log, runs: None
    return tracker_node.main(tracker_factory=lambda parameters: Moving())
"""
URDF = """<robot name="one"><link name="base"/><link name="a"/>
<joint name="curl" type="revolute"><parent link="base"/><child link="a"/><axis xyz="0 1 0"/>
<limit lower="0" upper="1.5" velocity="0.5" effort="1"/></joint></robot>"""


class Bench:
    """A node's process, and a listener to what it publishes."""

    def __init__(self, folder: Path, module: str, *parameters: str) -> None:
        self._log = folder / "log"
        path = os.pathsep.join([str(folder), str(ROOT), str(ROOT / "test/nodes"), *filter(None, sys.path)])
        given = [word for parameter in parameters for word in ("-p", parameter)]
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-m", "hand_pose_ros.nodes.process", module, "--ros-args", *given],
            stdout=self._log.open("w"),
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=os.environ | {"PYTHONPATH": path},
        )
        self.context = rclpy.Context()
        rclpy.init(context=self.context)
        self.node = rclpy.create_node("listener", context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        self.heard: dict[str, list[Any]] = {}

    def listen(self, kind: Any, topic: str, qos: QoSProfile | int = 100) -> list[Any]:
        messages = self.heard.setdefault(topic, [])
        self.node.create_subscription(kind, topic, messages.append, qos)
        return messages

    def spin_until(self, condition: Callable[[], bool], timeout_s: float = 90.0) -> None:
        deadline = time.monotonic() + timeout_s
        while not condition():
            counts = {topic: len(messages) for topic, messages in self.heard.items()}
            assert time.monotonic() < deadline, f"{counts} {self._log.read_text()}"
            assert self.process.poll() is None, self._log.read_text()
            self.executor.spin_once(timeout_sec=0.02)

    def end(self, number: signal.Signals) -> None:
        """Sends the signal, and hears what the process still says; it must end quietly."""
        self.process.send_signal(number)
        deadline = time.monotonic() + 30.0
        while self.process.poll() is None and time.monotonic() < deadline:
            self.executor.spin_once(timeout_sec=0.02)
        for _ in range(50):
            self.executor.spin_once(timeout_sec=0.01)
        output = self._log.read_text()
        assert self.process.returncode == 0, output
        assert "Traceback" not in output, output
        assert "ERROR" not in output, output

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.executor.shutdown()
        self.node.destroy_node()
        self.context.try_shutdown()


def last_lifecycle(diagnostics: list[DiagnosticArray]) -> str:
    return next(value.value for value in diagnostics[-1].status[0].values if value.key == "lifecycle")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(*arguments: str) -> Bench:
        made.append(Bench(tmp_path, *arguments))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.mark.parametrize("number", SIGNALS)
def test_an_arm_that_follows_the_palm_is_told_to_stop(bench, tmp_path, number):
    (tmp_path / "moving_node.py").write_text(TRACKER)
    tracker = bench("moving_node", "palm_clutch:=always", "max_age_s:=60.0")
    twists = tracker.listen(TwistStamped, "right_hand/palm_twist")
    markers = tracker.listen(MarkerArray, "markers")
    gestures = tracker.listen(HandGesture, "hand_gestures")
    transitions = tracker.listen(TransitionEvent, "hand_tracker/transition_event")
    diagnostics = tracker.listen(DiagnosticArray, "/diagnostics")
    engaged = tracker.listen(Bool, "right_hand/palm_engaged", LATCHED)
    images = tracker.node.create_publisher(Image, "depth/image_rect", 5)
    infos = tracker.node.create_publisher(CameraInfo, "depth/camera_info", 5)
    info = CameraInfo(width=64, height=48, k=[60.0, 0.0, 31.5, 0.0, 60.0, 23.5, 0.0, 0.0, 1.0])
    image = Image(width=64, height=48, encoding="16UC1", step=128, data=bytes(np.full(64 * 48, 500, "<u2")))

    def moves() -> bool:
        header = Header(frame_id="camera", stamp=tracker.node.get_clock().now().to_msg())
        time.sleep(0.02)
        info.header = image.header = header
        infos.publish(info)
        images.publish(image)
        held = bool(gestures) and gestures[-1].grasping
        return held and bool(markers) and len(twists) > 5 and abs(twists[-1].twist.linear.z) > 0.05

    tracker.spin_until(moves)
    tracker.end(number)
    last = twists[-1].twist
    assert (last.linear.x, last.linear.y, last.linear.z) == (0.0, 0.0, 0.0)
    assert list(gestures[-1].events) == [HandGesture.GRASP_END]
    assert {marker.action for marker in markers[-1].markers} <= {Marker.DELETE, Marker.DELETEALL}
    assert transitions[-1].start_state.label == "deactivating"
    assert not engaged[-1].data
    assert last_lifecycle(diagnostics) == "inactive"


@pytest.mark.parametrize("number", SIGNALS)
def test_fingers_that_move_come_to_a_stop(bench, tmp_path, hand, number):
    (tmp_path / "robot.yaml").write_text("direct:\n  curl: {angles: {index_mcp_flexion: 1.0}}\n")
    (tmp_path / "robot.urdf").write_text(URDF)
    parameters = ("robot", "robot.yaml"), ("urdf", "robot.urdf")
    robot = bench(
        "hand_pose_ros.nodes.retarget_node",
        *(f"{name}:={tmp_path / file}" for name, file in parameters),
        "start_from:=rest",
        "stale_s:=5.0",
    )
    commands = robot.listen(JointState, "joint_command")
    states = robot.listen(String, "hand_retarget/state", LATCHED)
    diagnostics = robot.listen(DiagnosticArray, "/diagnostics")
    hands = robot.node.create_publisher(HandPoseArray, "hands", 5)
    client = robot.node.create_client(SetBool, "hand_retarget/engage")
    robot.spin_until(client.service_is_ready)
    robot.spin_until(lambda: hands.get_subscription_count() > 0 and bool(states))
    answer = client.call_async(SetBool.Request(data=True))
    robot.spin_until(answer.done)
    assert answer.result().success, answer.result().message
    fist = np.full(ANGLE_COUNT, 1.2)

    def moves() -> bool:
        header = Header(frame_id="camera", stamp=robot.node.get_clock().now().to_msg())
        message = hand_message(hand(angles=fist), header)
        hands.publish(HandPoseArray(header=header, state=HandPose.STATE_TRACK, hands=[message]))
        return bool(commands) and commands[-1].velocity[0] > 0.4

    robot.spin_until(moves)
    moving = commands[-1].position[0]
    robot.end(number)
    assert commands[-1].velocity[0] == 0.0
    assert moving <= commands[-1].position[0] < 1.0  # it was on its way to 1.2 rad
    assert states[-1].data == "disengaged: not active"
    assert last_lifecycle(diagnostics) == "inactive"
