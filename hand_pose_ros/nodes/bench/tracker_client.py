"""A camera and a listener in one node, around a tracker in a process of its own.

In: a folder for the tracker's log. Out: images and camera infos that are sent, hands that come back, the service
``~/reset``; leaving the ``with`` block ends the tracker.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.time import Time
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header
from std_srvs.srv import Trigger

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.msg import HandModelInfo, HandPoseArray
from hand_pose_ros.nodes import conversions
from hand_pose_ros.nodes.demo.demo import demo_environment
from hand_pose_ros.nodes.demo.frame_source import image_bytes
from hand_pose_ros.nodes.demo.processes import NodeProcesses
from hand_pose_ros.nodes.topics import (
    DEPTH_TOPIC,
    HANDS_TOPIC,
    INFO_TOPIC,
    LATCHED_QOS,
    MODEL_INFO_TOPIC,
    RELIABLE_QOS,
)

_TRACKER = "tracker"
# Guessed, both.
_READY_S = 300.0  # a slow machine compiles kernels first
_ANSWER_S = 30.0
_QOS = QoSProfile(depth=5, reliability=ReliabilityPolicy.RELIABLE)
_FRAME_ID = "bench_camera"


class TrackerLostError(RuntimeError):
    """The tracker ended, or does not answer."""


class TrackerClient:
    """``on_hands`` is called with every message on ``hands``."""

    def __init__(self, folder: Path, parameters: dict[str, Any]) -> None:
        self.log = folder / f"{_TRACKER}.log"
        self.answers: dict[int, HandPoseArray] = {}
        self.on_hands: Callable[[HandPoseArray], None] = lambda message: None
        environment = demo_environment()
        for name in ("ROS_DOMAIN_ID", "ROS_AUTOMATIC_DISCOVERY_RANGE", "FASTDDS_DEFAULT_PROFILES_FILE"):
            os.environ[name] = environment[name]  # of this process, for the same network
        self._processes = NodeProcesses(folder, environment)
        self._parameters = parameters

    def __enter__(self) -> TrackerClient:
        # Else the tracker would outlive this process.
        self._before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        self._context = rclpy.Context()
        rclpy.init(context=self._context)
        self._node = rclpy.create_node("bench", context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self._ready = False
        self._image = self._node.create_publisher(Image, DEPTH_TOPIC, _QOS)
        self._info = self._node.create_publisher(CameraInfo, INFO_TOPIC, _QOS)
        self._node.create_subscription(HandPoseArray, HANDS_TOPIC, self._on_hands, RELIABLE_QOS)
        self._node.create_subscription(HandModelInfo, MODEL_INFO_TOPIC, self._on_model_info, LATCHED_QOS)
        self._reset: Any = self._node.create_client(Trigger, "hand_tracker/reset")
        self._processes.start(_TRACKER, "hand_pose_ros.nodes.tracker_node", self._parameters)
        try:
            self._wait_until_ready()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._processes.end_all()
        signal.signal(signal.SIGTERM, self._before)
        self._executor.shutdown()
        self._node.destroy_node()
        self._context.try_shutdown()

    @property
    def pid(self) -> int:
        """The tracker's process."""
        return self._processes.pid(_TRACKER)

    def alive(self) -> bool:
        """Whether the tracker's process runs."""
        return self._processes.status(_TRACKER) is None

    def spin(self, seconds: float) -> None:
        """Listens for a while."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._executor.spin_once(timeout_sec=left)

    def spin_until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Listens until it is so; False when it is not by then."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                return False
            self._executor.spin_once(timeout_sec=0.05)
        return True

    def now_ns(self) -> int:
        """The clock that frames are stamped by."""
        return int(self._node.get_clock().now().nanoseconds)

    def messages(self, counts: np.ndarray, camera: Camera, stamp_ns: int) -> tuple[Image, CameraInfo]:
        """An image of counts (H, W) uint16, in the tracker's default unit, and its camera info."""
        header = Header(stamp=Time(nanoseconds=stamp_ns).to_msg(), frame_id=_FRAME_ID)
        image = Image(header=header, width=camera.width, height=camera.height, encoding="16UC1")
        image.step = 2 * camera.width
        image.data = image_bytes(counts)
        return image, conversions.camera_to_info(camera, header)

    def send(self, image: Image | None, info: CameraInfo | None) -> None:
        """Publishes both, or one of them."""
        if info is not None:
            self._info.publish(info)
        if image is not None:
            self._image.publish(image)

    def reset(self) -> None:
        """Calls ``~/reset``; TrackerLostError when it is not answered."""
        future: Any = self._reset.call_async(Trigger.Request())
        if not self.spin_until(future.done, _ANSWER_S) or not future.result().success:
            raise TrackerLostError("~/reset was not answered")

    def play(
        self, frames: list[np.ndarray], camera: Camera, interval_s: float
    ) -> list[np.ndarray | None] | None:
        """Good frames (H, W) uint16 at equal intervals of their stamps -> the joints (23, 3) m of the first hand in
        each, None where there is none; None in all when one was not answered."""
        start_ns = self.now_ns()
        hands: list[np.ndarray | None] = []
        for index, counts in enumerate(frames):
            stamp_ns = start_ns + round(index * interval_s * 1e9)
            self.spin((stamp_ns - self.now_ns()) * 1e-9)
            self.send(*self.messages(counts, camera, stamp_ns))
            if not self.spin_until(lambda stamp_ns=stamp_ns: stamp_ns in self.answers, 5.0):  # type: ignore[misc]
                return None
            answer = self.answers[stamp_ns].hands
            hands.append(conversions.joints_of(answer[0]) if answer else None)
        return hands

    def tracebacks(self) -> list[str]:
        """The last line of each traceback in the tracker's log."""
        blocks = self.log.read_text(errors="replace").split("Traceback (most recent call last)")[1:]
        ends = (
            [line for line in block.splitlines()[1:] if line and not line.startswith(" ")] for block in blocks
        )
        return [end[0] if end else "Traceback" for end in ends]

    def log_tail(self) -> str:
        """The last lines of the tracker's log."""
        return self._processes.log_tail(_TRACKER)

    def _on_hands(self, message: HandPoseArray) -> None:
        self.answers[conversions.stamp_ns(message)] = message
        while len(self.answers) > 200:
            del self.answers[next(iter(self.answers))]
        self.on_hands(message)

    def _on_model_info(self, message: HandModelInfo) -> None:
        self._ready = True

    def _wait_until_ready(self) -> None:
        def ready() -> bool:
            connected = self._image.get_subscription_count() and self._info.get_subscription_count()
            return not self.alive() or bool(self._ready and connected and self._reset.service_is_ready())

        if not self.spin_until(ready, _READY_S) or not self.alive():
            raise TrackerLostError(f"the tracker did not start:\n{self.log_tail()}")
        self.spin(0.5)  # each has found the other, not only one
