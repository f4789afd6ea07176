"""The worker thread: takes the newest (depth image, camera info) pair, runs the tracker on it, publishes.

It is the only thread that touches the tracker. ROS messages come in, ``HandOutputs`` publishes what goes out. A frame
with which something is wrong is left out, and the reason is logged (throttled).
"""

from __future__ import annotations

import gc
import threading
import time
import traceback
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from rclpy.lifecycle import LifecycleNode
from rclpy.publisher import Publisher
from rclpy.time import Time
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from hand_pose_ros.depth.camera_info import is_rectified
from hand_pose_ros.msg import HandPose
from hand_pose_ros.network.device_error import DeviceError
from hand_pose_ros.nodes import conversions
from hand_pose_ros.nodes.command_loop import CommandLoop
from hand_pose_ros.nodes.diagnostics import DISABLED, FrameOutcome, FrameStatistics
from hand_pose_ros.nodes.frame_age import FrameAge
from hand_pose_ros.nodes.image_silence import ImageSilence
from hand_pose_ros.nodes.input_hints import FrameHints
from hand_pose_ros.nodes.mailbox import Mailbox
from hand_pose_ros.nodes.outputs import HandOutputs
from hand_pose_ros.nodes.parameters.parameter_schema import DeclaredParameters
from hand_pose_ros.nodes.parameters.tracker_parameters import RECTIFIED
from hand_pose_ros.nodes.throttled_logger import ThrottledLogger, error_line
from hand_pose_ros.nodes.topics import DEPTH_TOPIC

if TYPE_CHECKING:
    from hand_pose_ros.tracking.hand import Hand
    from hand_pose_ros.tracking.track_result import TrackResult
    from hand_pose_ros.tracking.tracker import HandTracker

_END_PATIENCE_S = 1.0  # guessed: longer than a frame, shorter than anybody waits for the end of a process
_STOP_PATIENCE_S = 20.0  # guessed: the first frame may still be compiling kernels
_WAITING = "waiting for the first frame"
_WATCH_PERIOD_S = 0.05  # how much later than 0.3 s an arm may hear that nobody sees the hand. Guessed
_SILENT = "waiting for frames that can be used"


class FrameWorker:
    """Owns the tracker while the node is active. ``offer`` and ``request_reset`` may be called from any thread."""

    def __init__(
        self,
        node: LifecycleNode,
        tracker: HandTracker,
        parameters: DeclaredParameters,
        outputs: HandOutputs,
        statistics: FrameStatistics,
        throttled_logger: ThrottledLogger,
    ) -> None:
        self._clock = node.get_clock()
        self._context = node.context
        self._tracker = tracker
        self._parameters = parameters
        self._depth_unit_m = parameters["depth_unit"]
        self._outputs = outputs
        self._statistics = statistics
        self._throttled_logger = throttled_logger
        rectified = str(RECTIFIED.from_ros(parameters["rectified"]))
        self._camera = conversions.KeptCamera(is_rectified(rectified, node.resolve_topic_name(DEPTH_TOPIC)))
        self._mailbox: Mailbox[tuple[Image, CameraInfo, int]] = Mailbox()
        self._resets = self._resets_done = 0
        self._age = FrameAge(node.get_clock(), lambda: parameters["max_age_s"], statistics, throttled_logger)
        self.young_enough, self.near_the_clock = self._age.young_enough, self._age.near_the_clock
        self._publishing = threading.Lock()
        self.on_reset: Callable[[], None] = lambda: None
        self._recalibration = threading.Event()
        self._enabled = threading.Event()
        self._enabled.set()
        # The tracker counts time from its first frame: seconds since 1970 in floating point are a quarter of a
        # microsecond apart, and the same frames would not give the same hands at another time.
        self._first_stamp_ns: int | None = None
        self._last_stamp_ns: int | None = None
        self._frame_id: str | None = None
        self._reported_faults: dict[str, str] = {}
        self._hints = FrameHints(parameters, statistics, throttled_logger)
        self.tracking = _WAITING
        self._silence = ImageSilence()
        # What is loaded by now stays until the node ends. Python's full collections would walk over all of it again and
        # again (torch and numba alone are hundreds of thousands of objects), for 0.15 s each, in the middle of a frame.
        gc.collect()
        gc.freeze()
        # A thread of its own: a frame that hangs must not hold it up, and rclpy's timers wake its executor.
        self._watch = CommandLoop(_WATCH_PERIOD_S, self._look_for_silence, self._on_failure, name="silence")
        self._thread = threading.Thread(target=self._run, name="hand tracker", daemon=True)
        self._thread.start()

    def offer(self, image: Image, info: CameraInfo) -> None:
        """Leaves a frame for the worker; one that it has not taken yet is thrown away and counted."""
        if self._mailbox.put((image, info, self._resets)):
            self._statistics.drop(FrameOutcome.REPLACED)

    def request_reset(self, clock_was_ns: int | None = None) -> None:
        """The tracker forgets everything before it looks at the next frame; no frame offered before is published, and
        ``on_reset`` is called. ``clock_was_ns``: what the clock showed before it was set back, if it was."""
        with self._publishing:
            if clock_was_ns is not None:
                self._age.clock_was_set_back(clock_was_ns)
            self._resets += 1
        self.on_reset()

    def request_recalibration(self) -> tuple[bool, str]:
        """The tracker learns the hands' sizes anew from the next frame on; whether it learns any, in words too."""
        if not self._parameters["refine"]:
            return False, "no size is learnt with the parameter 'refine' false"
        self._recalibration.set()
        user = self._parameters["user"]
        kept = f"; it takes the place of that of user '{user}' once it is known" if user else ""
        return True, f"the size of the hand is learnt anew{kept}"

    def engage_palm(self, wanted: bool) -> tuple[bool, str]:
        """Engages or lets go the clutch by which an arm follows the palm; whether, in words too."""
        return self._outputs.interactions.engage_palm(wanted)

    def set_enabled(self, enabled: bool) -> None:
        """While not enabled frames are left alone; the tracker forgets its tracks, and consumers get an empty array."""
        if enabled:
            self._enabled.set()
            with self._publishing:
                if self.tracking == DISABLED:  # no frame may come that says so
                    self.tracking = _WAITING
        else:
            self._enabled.clear()

    def _look_for_silence(self) -> None:
        """When no image's hands were published for a while, what they held ends."""
        with self._publishing:
            silent_s = self._silence.begun_s()
            if silent_s is None:
                return
            self._outputs.interactions.stop(silent_s)
            if self.tracking != DISABLED:
                self.tracking = _SILENT

    def _on_failure(self, error: Exception) -> None:
        if self._context.ok():  # else the middleware has ended meanwhile
            self._throttled_logger.error("silence", f"an arm may not have heard to stop: {error_line(error)}")

    def stop(self) -> bool:
        """Ends the thread after the frame in work. Returns whether it has ended; if it has not, it goes on as before,
        so that nobody else may use the tracker."""
        self._mailbox.close()
        ending = not self._context.ok()  # the process ends, with this thread, a frame in work or not
        self._thread.join(_END_PATIENCE_S if ending else _STOP_PATIENCE_S)
        if ending or not self._thread.is_alive() or not self._mailbox.reopen():
            self._end_watch()
            gc.unfreeze()
            return True
        self._throttled_logger.error(
            "stuck", f"the tracker did not finish its frame within {_STOP_PATIENCE_S:g} s: it goes on"
        )
        return False

    def abandon(self) -> None:
        """Lets the thread end when it can, publishing nothing any more, where ``stop`` has given up on it."""
        with self._publishing:
            self._resets += 1
        self._end_watch()
        self._mailbox.close()

    def _end_watch(self) -> None:
        """Nothing is published any more by the thread that looks for silence: the publishers may be destroyed."""
        with self._publishing:
            self._silence.end()
        self._watch.close()

    def _run(self) -> None:
        while (frame := self._mailbox.take()) is not None:
            try:
                self._process(*frame)
            except ValueError as error:
                self._statistics.drop(FrameOutcome.REJECTED)
                self._throttled_logger.warn(
                    f"frame {type(error).__name__}", f"frame left out: {error_line(error)}"
                )
            except DeviceError as error:
                self._statistics.drop(FrameOutcome.REJECTED)
                self._throttled_logger.error("device", f"frame left out: {error_line(error)}")
            except Exception as error:  # noqa: BLE001  whatever happens, the node must go on and say so
                if not self._context.ok():  # the process is being ended while a frame was in work
                    return
                self._statistics.drop(FrameOutcome.REJECTED)
                where = "".join(traceback.format_exception(error)).rstrip()
                self._throttled_logger.error(
                    f"crash {type(error).__name__}", f"frame left out: {error!r}\n{where}"
                )

    def _process(self, image: Image, info: CameraInfo, resets: int) -> None:
        if not self._takes(image, resets):
            return
        started = time.monotonic()
        stamp_ns = Time.from_msg(image.header.stamp).nanoseconds
        depth = conversions.depth_from_image(image, self._depth_unit_m)
        camera = self._camera.of(info)
        camera.require_size(image.width, image.height)
        self._follow_frame_id(image.header.frame_id)  # not before: a damaged frame ends no track
        self._hints.look(image, depth, camera, info)
        if self._first_stamp_ns is None:
            self._first_stamp_ns = stamp_ns
        result = self._tracker.update(depth, camera, (stamp_ns - self._first_stamp_ns) * 1e-9)
        self._last_stamp_ns = stamp_ns
        self._tell_faults()
        hands = tuple(hand for hand in result.hands if self._possible(hand))
        if not self._publish(hands, result, image.header, resets):
            return
        age_ms = (self._clock.now().nanoseconds - stamp_ns) * 1e-6
        self._statistics.publish(age_ms, (time.monotonic() - started) * 1e3, len(hands), result.timings_ms)
        self._hints.saw(depth, len(hands))
        if not hands and not np.isfinite(depth).any():
            self._throttled_logger.warn("no reading", "the depth image has no valid pixel at all")
        if resets == self._resets:
            self._outputs.publish_pictures(
                hands, image.header, depth, camera, partial(self._publish_unless_reset, resets)
            )

    def _takes(self, image: Image, resets: int) -> bool:
        """Whether a frame is to be tracked; one that is not is counted. What the tracker should forget before the frame
        is forgotten then."""
        if resets != self._resets:
            self._statistics.drop(FrameOutcome.BEFORE_RESET)
            return False
        # By the frame's own count: an older frame cannot take a newer reset for done.
        if resets != self._resets_done:
            self._resets_done = resets
            self._start_afresh()
        if not self._enabled.is_set():
            self._leave_alone(image, resets)
            return False
        if self.tracking == DISABLED:
            self.tracking = _WAITING
        if self._recalibration.is_set():
            self._recalibration.clear()
            self._tracker.recalibrate()
        stamp_ns = Time.from_msg(image.header.stamp).nanoseconds
        return self._in_order(stamp_ns) and self.young_enough(stamp_ns)

    def _follow_frame_id(self, frame_id: str) -> None:
        """What was seen in another frame is forgotten: a place there is none here."""
        frame_id = frame_id or self._frame_id or ""  # one that names none is of the frame before
        if self._frame_id not in (None, "", frame_id):
            text = f"tracking begins anew: images are in '{frame_id}' now"
            self._throttled_logger.warn("other frame", text)
            self._start_afresh()
            with self._publishing:
                self._outputs.hide()
        self._frame_id = frame_id

    def _publish(self, hands: tuple[Hand, ...], result: TrackResult, header: Header, resets: int) -> bool:
        """Whether the hands of a frame were published; if not, it is counted."""
        shown = {hand.track_id for hand in hands}
        wanted = result.raw if self._parameters["publish_raw"] else ()  # they are made only when asked for
        raw = tuple(
            hand for hand in wanted if hand.track_id in shown and conversions.hand_error(hand) is None
        )
        with self._publishing:
            if resets != self._resets:
                self._statistics.drop(FrameOutcome.BEFORE_RESET)
                return False
            lost = self._outputs.publish(hands, raw, result.state, header)
            if lost is None:
                self._silence.hear()
                self.tracking = result.state.name.lower()
        if lost is not None:
            self._statistics.drop(lost)
        return lost is None

    def _publish_unless_reset(self, resets: int, publisher: Publisher, message: object) -> None:
        """For what takes time to draw: nothing of a frame from before a reset is published after it."""
        with self._publishing:
            if resets == self._resets:
                publisher.publish(message)

    def _tell_faults(self) -> None:
        """Each once: the diagnostics show what is wrong for as long as it is."""
        faults = dict(getattr(self._tracker, "faults", {}))
        for subject, text in faults.items():
            if self._reported_faults.get(subject) != text:
                self._throttled_logger.error(f"fault {subject}", text)
        self._reported_faults = faults

    def _leave_alone(self, image: Image, resets: int) -> None:
        """A frame that comes while the tracker is not enabled."""
        self._statistics.drop(FrameOutcome.DISABLED)
        if self.tracking == DISABLED:
            return
        self._start_afresh()
        with self._publishing:
            if resets != self._resets or self._enabled.is_set():  # the next frame says so
                return
            self.tracking = DISABLED
            self._outputs.publish((), (), HandPose.STATE_SEARCH, image.header)
            self._outputs.hide()

    def _start_afresh(self) -> None:
        self._tracker.reset()
        self._first_stamp_ns = self._last_stamp_ns = None

    def _in_order(self, stamp_ns: int) -> bool:
        last_ns = self._last_stamp_ns
        if last_ns is None or stamp_ns > last_ns:
            return True
        self._statistics.drop(FrameOutcome.OUT_OF_ORDER)
        same = stamp_ns == last_ns
        where = "that" if same else f"{(last_ns - stamp_ns) * 1e-9:.3f} s before that"
        clock = "does the camera driver's clock stand still, or " if same else ""
        self._throttled_logger.warn(
            "equal stamps" if same else "out of order",
            f"frame dropped: its stamp, {stamp_ns * 1e-9:.3f} s, is {where} of the frame before ({clock}do two"
            " drivers publish?)",
        )
        return False

    def _possible(self, hand: conversions.Hand) -> bool:
        why = conversions.hand_error(hand)
        if why is not None:
            self._throttled_logger.error("impossible", f"a tracked hand was not published: {why}")
        return why is None
