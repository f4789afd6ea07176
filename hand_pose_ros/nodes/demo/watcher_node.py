"""The node ``watcher``: listens to camera and tracker, and writes what it saw as JSON and pictures.

In: ``hands``, ``hand_gestures``, ``truth``, ``depth/camera_info``, ``hand_model_info``, ``/diagnostics`` and (for
pictures) some of ``depth/image_rect``. Out: the figures of ``run_record`` plus ``tracker_ready`` and
``tracker_problem``, at the end also ``complete``. With the parameter ``robot`` also what ``robot_watch`` does, and
``robot_problem``.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.clock import Clock, ClockType
from rclpy.executors import Executor, ExternalShutdownException
from rclpy.node import Node
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import CameraInfo, Image

from hand_pose_ros.depth.camera_info import camera_from_info
from hand_pose_ros.files import require_replaceable, require_writable, write_json
from hand_pose_ros.msg import HandGesture, HandModelInfo, HandPoseArray
from hand_pose_ros.nodes import conversions
from hand_pose_ros.nodes.conversions import stamp_ns
from hand_pose_ros.nodes.demo.heard import gesture_names, passing_over, seen_hand, with_sent_time
from hand_pose_ros.nodes.demo.robot_frames import robot_frames
from hand_pose_ros.nodes.demo.robot_watch import RobotWatch
from hand_pose_ros.nodes.demo.run_record import RunRecord
from hand_pose_ros.nodes.node_main import run_node
from hand_pose_ros.nodes.parameters.demo_parameters import WATCHER_PAGE, WATCHER_PARAMETERS
from hand_pose_ros.nodes.parameters.parameter_schema import DeclaredParameters
from hand_pose_ros.nodes.throttled_logger import ThrottledLogger, error_line
from hand_pose_ros.nodes.topics import (
    DEPTH_QOS,
    DEPTH_TOPIC,
    DIAGNOSTICS_TOPIC,
    GESTURES_TOPIC,
    HANDS_TOPIC,
    INFO_TOPIC,
    LATCHED_QOS,
    MODEL_INFO_TOPIC,
    RELIABLE_QOS,
    TRUTH_TOPIC,
)
from hand_pose_ros.visualization.image_files import GIF_WIDTH, write_overlays
from hand_pose_ros.visualization.overlay import OverlayFrame

_WRITE_PERIOD_S = 0.5  # guessed
_ROBOT_COLOURS = 192  # of the animation: lit surfaces in the fingers' colours; guessed


class WatcherNode(Node):
    """Call ``finish`` at the end of the run. OSError where what the parameters name cannot be written."""

    def __init__(self, node_name: str = "watcher", **node_arguments: Any) -> None:
        super().__init__(node_name, **node_arguments)
        self.parameters = DeclaredParameters(self, WATCHER_PARAMETERS)
        self.parameters.check()
        self._require_places()
        self._throttled_logger = ThrottledLogger(self.get_logger())
        self.record = RunRecord()
        self.tracker_ready = False
        self.tracker_problem: str | None = None
        self._info: CameraInfo | None = None
        self._robot: RobotWatch | None = None
        if self.parameters["robot"]:
            self._robot = RobotWatch(
                self, self.parameters["robot"], self.parameters["side"], self._throttled_logger
            )
        self._images: list[bytes] = []
        self._images_seen = 0
        self._keep_every = self.parameters["keep_every"]
        self._keep_at_most = self.parameters["keep_at_most"]
        self.create_subscription(CameraInfo, INFO_TOPIC, self._on_info, 50)
        on_hands = with_sent_time(self, self._careful(HANDS_TOPIC, self._on_hands))
        self.create_subscription(HandPoseArray, HANDS_TOPIC, on_hands, RELIABLE_QOS)
        on_gesture = self._careful(GESTURES_TOPIC, self._on_gesture)
        self.create_subscription(HandGesture, GESTURES_TOPIC, on_gesture, 50)
        on_truth = self._careful(TRUTH_TOPIC, self._on_truth)
        self.create_subscription(HandPoseArray, TRUTH_TOPIC, on_truth, 50)
        self.create_subscription(HandModelInfo, MODEL_INFO_TOPIC, self._on_model_info, LATCHED_QOS)
        self.create_subscription(DiagnosticArray, DIAGNOSTICS_TOPIC, self._on_diagnostics, 10)
        if self.parameters["pictures"]:
            # Kept as it came and looked at when the run is over: watching must not disturb what is watched.
            self.create_subscription(Image, DEPTH_TOPIC, self._on_image, DEPTH_QOS, raw=True)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(_WRITE_PERIOD_S, self._keep, clock=steady)

    def close(self) -> None:
        """Nothing to end."""

    def finish(self) -> str:
        """Writes the final figures and the pictures; returns in words what was to be written, empty for nothing."""
        if self.parameters["pictures"]:
            self._draw(Path(self.parameters["pictures"]))
        robot = {} if self._robot is None else {"robot": self._robot.record.summary(self.record)}
        self._write({"complete": True} | robot)
        wanted = {"figures": self.parameters["output"], "pictures": self.parameters["pictures"]}
        return " and ".join(name for name, place in wanted.items() if place)

    def figures(self) -> dict[str, Any]:
        """Returns all figures so far, but those of the robot."""
        ready = {"tracker_ready": self.tracker_ready, "tracker_problem": self.tracker_problem}
        if self._robot is not None:
            ready["robot_problem"] = self._robot.problem
        return ready | self.record.summary()

    def _require_places(self) -> None:
        """Before the run, not after it."""
        if self.parameters["output"]:
            output = Path(self.parameters["output"])
            require_replaceable(output)
            require_writable(output.parent)
        if self.parameters["pictures"]:
            require_writable(Path(self.parameters["pictures"]))

    def _careful(self, topic: str, callback: Callable[..., None]) -> Callable[..., None]:
        return passing_over(callback, self, topic, self._throttled_logger)

    def _keep(self) -> None:
        """Writes the figures so far; a disk that is full for a while ends no run."""
        try:
            self._write()
        except OSError as error:
            self._throttled_logger.error("output", error_line(error))

    def _write(self, further: dict[str, Any] | None = None) -> None:
        if self.parameters["output"]:
            write_json(Path(self.parameters["output"]), self.figures() | (further or {}))

    def _draw(self, folder: Path) -> None:
        overlays = self._overlay_frames()
        if self._robot is None or not overlays:
            write_overlays(folder, list(overlays.values()))
            return
        frames = robot_frames(overlays, self._robot.record, self.record)
        height, width = frames[0].overlay.depth.shape
        gif_width = round(GIF_WIDTH * (1.0 + height / width))
        write_overlays(folder, frames, gif_width, _ROBOT_COLOURS, columns=2)

    def _on_info(self, info: CameraInfo) -> None:
        self._info = info
        self.record.add_frame(stamp_ns(info))

    def _on_hands(self, message: HandPoseArray, sent_ns: int) -> None:
        received_ns = self.get_clock().now().nanoseconds
        self.record.add_output(stamp_ns(message), received_ns, [seen_hand(hand) for hand in message.hands])
        if self._robot is not None:
            self._robot.on_hands(message, sent_ns)

    def _on_gesture(self, message: HandGesture) -> None:
        begun, held = gesture_names(message)
        self.record.add_gestures(stamp_ns(message), begun, held)

    def _on_truth(self, message: HandPoseArray) -> None:
        for hand in message.hands:
            self.record.add_truth(stamp_ns(message), seen_hand(hand))

    def _on_model_info(self, message: HandModelInfo) -> None:
        self.tracker_ready = True
        self.tracker_problem = None

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        if self._robot is not None:
            self._robot.on_diagnostics(message)
        own = self.get_namespace().rstrip("/")
        for status in message.status:
            beside = status.name.rpartition("/")[0] == own  # /diagnostics is everybody's
            if beside and status.name.endswith(": tracking") and not self.tracker_ready:
                failed = status.level == DiagnosticStatus.ERROR
                self.tracker_problem = status.message if failed else None

    def _on_image(self, serialized: bytes) -> None:
        if self._images_seen % self._keep_every == 0:
            self._images.append(bytes(serialized))
            if len(self._images) > self._keep_at_most:  # thin out: the pictures still show the whole run
                self._images = self._images[::2]
                self._keep_every *= 2
        self._images_seen += 1

    def _overlay_frames(self) -> dict[int, OverlayFrame]:
        """By stamp (ns) the kept images that were answered."""
        if self._info is None:
            return {}
        camera = camera_from_info(self._info, rectified=True)
        errors = self.record.errors_mm()
        frames = {}
        for serialized in self._images:
            image = deserialize_message(serialized, Image)
            stamp = stamp_ns(image)
            if stamp not in self.record.outputs:  # a dropped frame has nothing to show
                continue
            hands = self.record.outputs[stamp][1]
            caption = f"frame {self.record.frames.get(stamp, 0)}: "
            caption += ", ".join(f"{hand.side} {hand.confidence:.2f}" for hand in hands) or "no hand"
            if stamp in self.record.held:
                caption += f", {' and '.join(self.record.held[stamp])}"
            if stamp in errors:
                caption += f", error {errors[stamp].mean():.0f} mm"
            try:
                depth = conversions.depth_from_image(image, self.parameters["depth_unit"])
            except ValueError as error:  # the tracker has told it, too
                self._throttled_logger.warn(DEPTH_TOPIC, f"an image is not drawn: {error_line(error)}")
                continue
            frames[stamp] = OverlayFrame(depth, camera, hands, caption, stamp * 1e-9)
        return frames


def main(arguments: list[str] | None = None) -> int:
    """Watches until it is interrupted, then writes everything; 2 when parameters are wrong, 1 when nothing can be
    written."""
    failed = False

    def watch(executor: Executor, node: WatcherNode) -> None:
        nonlocal failed
        try:
            executor.spin()
        except (KeyboardInterrupt, ExternalShutdownException):
            pass
        except Exception:
            if node.context.ok():  # else the middleware ended in the middle of a wait
                raise
        started = time.monotonic()
        try:
            written = node.finish()
        except Exception as error:  # noqa: BLE001  whatever it is, a process that was asked to end would not tell it
            print(f"watcher: {error_line(error)}", file=sys.stderr)
            failed = True
        else:
            if written:
                print(f"watcher: {written} written in {time.monotonic() - started:.1f} s")

    # Drawing the pictures takes as long as it takes.
    status = run_node(WATCHER_PAGE, WatcherNode, arguments, spin=watch, limit_s=None)
    return status or int(failed)
