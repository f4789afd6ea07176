"""A tracker node with a tracker of the test's choice, and a camera and listener beside it, in one executor."""

from __future__ import annotations

import threading
import time
from array import array
from collections.abc import Callable, Iterator
from copy import copy
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

rclpy = pytest.importorskip("rclpy", reason="needs ROS 2: source tools/environment.sh")

import torch
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.time import Time
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image, JointState
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage

from hand_pose_ros.hand.kinematics import HandModelLayer
from hand_pose_ros.hand.skeleton import PARAMETER_COUNT
from hand_pose_ros.msg import HandModelInfo, HandPoseArray
from hand_pose_ros.nodes.tracker_node import HandTrackerNode
from hand_pose_ros.resources import resource
from hand_pose_ros.tracking.hand import Hand, TrackState
from hand_pose_ros.tracking.track_result import TrackResult

WIDTH, HEIGHT = 64, 48


def make_hand(side: str = "right", z: float = 0.5, angles: np.ndarray | None = None, **changes: Any) -> Hand:
    """A valid hand, palm at (0.01, 0.02, z) m."""
    parameters = torch.zeros(PARAMETER_COUNT, dtype=torch.float64)
    parameters[:6] = torch.tensor([0.01, 0.02, z, 0.3, -1.2, 0.4])
    if angles is not None:
        parameters[6:] = torch.as_tensor(angles)
    layer = HandModelLayer(side).double()
    joints, positions, rotations = (value.numpy() for value in layer.frames(parameters))
    fields: dict[str, Any] = {
        "side": side,
        "track_id": 7,
        "state": TrackState.TRACK,
        "confidence": 0.9,
        "joints": joints,
        "joint_confidence": np.full(len(joints), 0.8),
        "angles": parameters[6:].numpy(),
        "rotation": rotations[0],
        "translation": positions[0],
        "segment_positions": positions,
        "segment_rotations": rotations,
        "shape": np.zeros(9),
    }
    return Hand(**(fields | changes))


class FakeTracker:
    """Answers every frame with ``hands`` (and ``raw``, ``timings_ms``); remembers what it was asked. While ``go_on`` is
    cleared, the frame in work does not end."""

    model_info = SimpleNamespace(name="fake", sha256="f" * 64)

    def __init__(self, hands: tuple[Hand, ...] = (), delay_s: float = 0.0) -> None:
        self.hands = hands
        self.raw: tuple[Hand, ...] = ()
        self.timings_ms: dict[str, float] = {}
        self.delay_s = delay_s
        self.stamps: list[float] = []
        self.depths: list[np.ndarray] = []
        self.cameras: list[Any] = []
        self.resets = 0
        self.warmed_up_before_first_frame = False
        self.raises: Exception | None = None
        self.recalibrations = 0
        self.go_on = threading.Event()
        self.go_on.set()

    def warm_up(self) -> None:
        self.warmed_up_before_first_frame = not self.stamps

    def reset(self) -> None:
        self.resets += 1

    def recalibrate(self) -> None:
        self.recalibrations += 1

    def update(self, depth: np.ndarray, camera: Any, stamp_s: float) -> TrackResult:
        if self.raises is not None:
            raise self.raises
        self.stamps.append(stamp_s)
        self.depths.append(depth)
        self.cameras.append(camera)
        time.sleep(self.delay_s)
        assert self.go_on.wait(120.0)
        state = TrackState.TRACK if self.hands else TrackState.SEARCH
        return TrackResult(
            self.hands, state, self.timings_ms, tuple(partial(copy, hand) for hand in self.raw)
        )


class Rig:
    """Camera and listener around a tracker node. Frames may be as old as a slow machine makes them, unless a test says
    otherwise."""

    def __init__(self, tracker: Any, namespace: str = "", **parameters: Any) -> None:
        self.context = rclpy.Context()
        rclpy.init(context=self.context)
        self.tracker = tracker
        given = {"max_age_s": 60.0} | parameters
        overrides = [Parameter(name, value=value) for name, value in given.items()]
        factory = tracker if callable(tracker) else lambda _: tracker
        self.node = HandTrackerNode(
            factory, namespace=namespace, context=self.context, parameter_overrides=overrides
        )
        self.helper = rclpy.create_node("helper", namespace=namespace, context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        self.executor.add_node(self.helper)
        self.received: dict[str, list[Any]] = {}
        self.clock: Any = None
        reliable = QoSProfile(depth=100, reliability=ReliabilityPolicy.RELIABLE)
        self.image = self.helper.create_publisher(Image, "depth/image_rect", reliable)
        self.info = self.helper.create_publisher(CameraInfo, "depth/camera_info", reliable)
        self.listen(HandPoseArray, "hands")
        self.listen(JointState, "hand_joint_states")
        self.listen(TFMessage, "/tf")
        self.listen(DiagnosticArray, "/diagnostics")
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self.listen(HandModelInfo, "hand_model_info", latched)
        self.node.autostart()

    def listen(self, kind: Any, topic: str, qos: QoSProfile | int = 100) -> None:
        messages = self.received.setdefault(topic, [])
        self.helper.create_subscription(kind, topic, messages.append, qos)

    def spin_until(self, condition: Callable[[], bool], timeout_s: float = 60.0) -> bool:
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline:
                return False
            self.executor.spin_once(timeout_sec=0.05)
        return True

    def spin_for(self, seconds: float) -> None:
        self.spin_until(lambda: False, seconds)

    def connect(self) -> None:
        """Waits until images reach the node and its outputs the listener."""
        hands = self.node.resolve_topic_name("hands")
        assert self.spin_until(
            lambda: (
                self.image.get_subscription_count() > 0
                and self.info.get_subscription_count() > 0
                and self.helper.count_publishers(hands) > 0
                and len(self.received["hand_model_info"]) > 0
            )
        )

    def set_clock(self, stamp_s: float) -> None:
        """``/clock`` says so; returns when the node has heard it."""
        if self.clock is None:
            self.clock = self.helper.create_publisher(Clock, "/clock", 10)
        message = Clock(clock=self.header(stamp_s).stamp)
        wanted_ns = Time.from_msg(message.clock).nanoseconds

        def heard() -> bool:
            self.clock.publish(message)
            self.spin_for(0.02)
            return bool(self.node.get_clock().now().nanoseconds == wanted_ns)

        assert self.spin_until(heard)

    def header(self, stamp_s: float | None = None) -> Header:
        header = Header(frame_id="camera", stamp=self.helper.get_clock().now().to_msg())
        if stamp_s is not None:
            header.stamp.sec, header.stamp.nanosec = int(stamp_s), round((stamp_s % 1) * 1e9)
        return header

    def image_message(self, header: Header, depth_m: float = 0.5, **changes: Any) -> Image:
        counts = np.full((HEIGHT, WIDTH), round(depth_m * 1000), dtype="<u2")
        message = Image(header=header, width=WIDTH, height=HEIGHT, encoding="16UC1", step=2 * WIDTH)
        message.data = array("B", counts.tobytes())
        for name, value in changes.items():
            setattr(message, name, value)
        return message

    def info_message(self, header: Header, **changes: Any) -> CameraInfo:
        message = CameraInfo(header=header, width=WIDTH, height=HEIGHT)
        message.k = [60.0, 0.0, 31.5, 0.0, 60.0, 23.5, 0.0, 0.0, 1.0]
        for name, value in changes.items():
            setattr(message, name, value)
        return message

    def send(self, stamp_s: float | None = None, info: dict | None = None, **image: Any) -> Header:
        """One frame; returns its header."""
        header = self.header(stamp_s)
        self.info.publish(self.info_message(header, **(info or {})))
        self.image.publish(self.image_message(header, **image))
        return header

    def newest_answer_s(self) -> float | None:
        """The stamp of the last frame that was answered, s; None before the first."""
        stamps = [answer.header.stamp for answer in self.answers()]
        return stamps[-1].sec + stamps[-1].nanosec * 1e-9 if stamps else None

    def answers(self) -> list[HandPoseArray]:
        return self.received["hands"]

    def new_status(self) -> DiagnosticStatus:
        """What the diagnostics say of now: of those that come next, one may have been on its way."""
        since_ns = self.helper.get_clock().now().nanoseconds

        def came() -> bool:
            latest = self.received["/diagnostics"][-1:]
            return any(Time.from_msg(array.header.stamp).nanoseconds >= since_ns for array in latest)

        assert self.spin_until(came)
        return self.received["/diagnostics"][-1].status[0]

    def wait_for_figure(self, name: str, value: float) -> bool:
        """Of the node's statistics: of what is not waited for, the next message may take the place."""
        return self.spin_until(lambda: self.node.statistics.figures()[name] == value)

    def wait_for_answers(self, count: int) -> bool:
        return self.spin_until(lambda: len(self.answers()) >= count)

    def last_error(self) -> str:
        last = self.node.throttled_logger.last_error()
        return last[0] if last else ""

    def wait_for_error(self, text: str) -> bool:
        return self.spin_until(lambda: text in self.last_error())

    def close(self) -> None:
        self.node.close()
        self.executor.shutdown()
        self.node.destroy_node()
        self.helper.destroy_node()
        self.context.try_shutdown()


@pytest.fixture
def hand() -> Callable[..., Hand]:
    return make_hand


@pytest.fixture
def fake_tracker() -> type[FakeTracker]:
    return FakeTracker


@pytest.fixture
def shipped_model() -> Path:
    """The weights of the package; skips where there are none."""
    try:
        return resource("models/default.safetensors")
    except FileNotFoundError as error:
        pytest.skip(str(error))


@pytest.fixture
def rig() -> Iterator[Callable[..., Rig]]:
    rigs: list[Rig] = []

    def make(tracker: Any, namespace: str = "", **parameters: Any) -> Rig:
        rigs.append(Rig(tracker, namespace, **parameters))
        return rigs[-1]

    yield make
    for made in rigs:
        made.close()
