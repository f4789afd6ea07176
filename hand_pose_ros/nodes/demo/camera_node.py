"""The node ``depth_camera``: a depth camera for demos and tests.

Publishes ``depth/image_rect`` (16UC1), ``depth/camera_info`` and, for a synthetic hand, its true joints on ``truth``
(HandPoseArray), all three with the time of publishing as stamp.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from typing import Any

import rclpy
from rclpy.duration import Duration
from rclpy.executors import Executor
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.msg import HandPoseArray
from hand_pose_ros.nodes import conversions
from hand_pose_ros.nodes.demo.frame_source import FrameSource, PreRenderer, RecordedSource, SyntheticSource
from hand_pose_ros.nodes.node_main import run_node
from hand_pose_ros.nodes.parameters.demo_parameters import CAMERA_PAGE, CAMERA_PARAMETERS
from hand_pose_ros.nodes.parameters.parameter_schema import DeclaredParameters, ParameterError
from hand_pose_ros.nodes.throttled_logger import ThrottledLogger
from hand_pose_ros.nodes.topics import DEPTH_TOPIC, INFO_TOPIC, RELIABLE_QOS, TRUTH_TOPIC
from hand_pose_ros.recording.frame_folder import RecordedFrames
from hand_pose_ros.validation import shown

# Guessed, but for _SETTLE_S.
_LAST_MESSAGES_S = 2.0
# This node finds its listeners before they have found it, and what is sent then is lost. The middleware repeats a lost
# packet of its discovery after 3 s.
_SETTLE_S = 3.5
_PROGRESS_PERIOD_S = 1.0


def build_source(parameters: DeclaredParameters) -> FrameSource:
    """Returns the frames that the parameters ask for. Raises ValueError with one sentence."""
    fx, fy, cx, cy = parameters["intrinsics"]
    if parameters["source"] == "frames":
        if not parameters["frames"]:
            raise ParameterError("parameter 'frames' is empty: it must name a folder when 'source' is frames")
        recording = RecordedFrames.open(parameters["frames"], (fx, fy, cx, cy))
        return RecordedSource(recording, parameters["loop"])
    if parameters["frames"]:
        raise ParameterError(
            f"parameter 'frames' is '{shown(parameters['frames'])}', which 'source' {parameters['source']} does not"
            " play: want source frames, or no folder"
        )
    from hand_pose_ros.synthetic.gesture_motion import RANDOM_S, SCRIPT_S, GestureMotion
    from hand_pose_ros.synthetic.motion import SyntheticMotion

    width, height = parameters["width"], parameters["height"]
    if not any((fx, fy, cx, cy)):
        fx, fy, cx, cy = 0.75 * width, 0.75 * width, 0.5 * (width - 1), 0.5 * (height - 1)
    camera = Camera(width, height, fx, fy, cx, cy)
    person = parameters["seed"], camera, parameters["side"]
    motion = {
        "random": lambda: SyntheticMotion(*person),
        "gestures": lambda: GestureMotion(*person),
        "random_then_gestures": lambda: GestureMotion(*person, random_s=RANDOM_S),
        "random_gestures_absence": lambda: GestureMotion(
            *person, random_s=RANDOM_S, leaves_s=RANDOM_S + SCRIPT_S
        ),
    }[parameters["motion"]]()
    return SyntheticSource(
        motion, camera, parameters["side"], parameters["rate_hz"], parameters["depth_unit"]
    )


class DepthCameraNode(Node):
    """``source_factory`` makes the frames from the parameters. ``finished`` once the last frame is out."""

    def __init__(
        self,
        source_factory: Callable[[DeclaredParameters], FrameSource] = build_source,
        node_name: str = "depth_camera",
        **node_arguments: Any,
    ) -> None:
        super().__init__(node_name, **node_arguments)
        self.parameters = DeclaredParameters(self, CAMERA_PARAMETERS)
        self.parameters.check()
        self.throttled_logger = ThrottledLogger(self.get_logger())
        self.finished = False
        self.published = 0
        self._subscribed_since: float | None = None
        self._source = source_factory(self.parameters)
        self.parameters.locked = True
        self._frame_id = self.parameters["frame_id"]
        self._image: Publisher | None = None
        self._progress_logged = time.monotonic()
        self._frames = PreRenderer(self._source, self.parameters["prerender"], self.parameters["count"])
        self._timer = self.create_timer(1.0 / self.parameters["rate_hz"], self._tick)

    def close(self) -> None:
        """Waits until every subscriber has the last small messages, then ends the rendering thread."""
        if self._image is not None and rclpy.ok(context=self.context):
            for publisher in (self._info, self._truth):
                publisher.wait_for_all_acked(Duration(seconds=_LAST_MESSAGES_S))
        self._frames.close()

    def _prepared(self) -> bool:
        if self._frames.ready:
            return True
        if time.monotonic() - self._progress_logged > _PROGRESS_PERIOD_S:
            self._progress_logged = time.monotonic()
            self.get_logger().info(f"prepared {self._frames.made} of {self.parameters['prerender']} frames")
        return False

    def _advertise(self) -> Publisher:
        """Creates the publishers, only when there is something to publish: a silent topic looks like a fault."""
        reliability = {"best_effort": ReliabilityPolicy.BEST_EFFORT, "reliable": ReliabilityPolicy.RELIABLE}
        image_qos = QoSProfile(depth=2, reliability=reliability[self.parameters["reliability"]])
        self._info = self.create_publisher(CameraInfo, INFO_TOPIC, RELIABLE_QOS)
        self._truth = self.create_publisher(HandPoseArray, TRUTH_TOPIC, RELIABLE_QOS)
        return self.create_publisher(Image, DEPTH_TOPIC, image_qos)

    def _has_subscribers(self, image: Publisher) -> bool:
        """Returns whether the wanted number of subscribers is there, and has had time to find this node in turn."""
        wanted = self.parameters["wait_for_subscribers"]
        if image.get_subscription_count() < wanted:
            return False
        self._subscribed_since = self._subscribed_since or time.monotonic()
        return wanted == 0 or time.monotonic() - self._subscribed_since > _SETTLE_S

    def _tick(self) -> None:
        if self.finished or (self.published == 0 and not self._prepared()):
            return
        if self._image is None:
            self._image = self._advertise()
        if self.published == 0 and not self._has_subscribers(self._image):
            return
        try:
            frame = self._frames.take()
        except queue.Empty:
            self.throttled_logger.warn("slow", "frames are made more slowly than they are to be published")
            return
        if frame is None:
            self.finished = True
            if self._frames.error is not None:
                self.get_logger().error(self._frames.error)
            return
        header = Header(stamp=self.get_clock().now().to_msg(), frame_id=self._frame_id)
        camera = self._source.camera
        self._info.publish(conversions.camera_to_info(camera, header))
        if frame.joints is not None and self._source.side is not None:
            self._truth.publish(conversions.truth_message(frame.joints, self._source.side, header))
        image = Image(header=header, width=camera.width, height=camera.height, encoding="16UC1")
        image.step = 2 * camera.width
        image.data = frame.data
        self._image.publish(image)
        if self.published == 0:
            topic, rate_hz = self._image.topic_name, self.parameters["rate_hz"]
            self.get_logger().info(f"publishes {topic}, {camera.width} x {camera.height} at {rate_hz:g} Hz")
        self.published += 1

    @property
    def failed(self) -> bool:
        """True when a frame could not be made."""
        return self._frames.error is not None


def main(arguments: list[str] | None = None) -> int:
    """Runs the node until its last frame or an interrupt; 2 when parameters or frames are wrong, 1 when a frame could
    not be made."""
    failed = False

    def spin(executor: Executor, node: DepthCameraNode) -> None:
        nonlocal failed
        while rclpy.ok() and not node.finished:
            executor.spin_once(timeout_sec=0.5)
        failed = node.failed

    status = run_node(CAMERA_PAGE, DepthCameraNode, arguments, spin=spin)
    return status or int(failed)
