"""Depth image + camera info in, matching pairs out (to a callback on the executor's threads).

Pairs are made by message_filters; an image that gets no partner is served by the last camera info (``info_fallback``).
Stray stamps are left out before the matching (``stamp_guard``). When the clock was set (a bag that loops), the matching
starts afresh, because newer leftovers would win over everything that comes after. The inputs are watched too: when
nothing arrives, a warning names the reason.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from message_filters import ApproximateTimeSynchronizer, SimpleFilter, Subscriber, TimeSynchronizer
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from hand_pose_ros.nodes.conversions import image_from_compressed
from hand_pose_ros.nodes.diagnostics import FrameOutcome
from hand_pose_ros.nodes.info_fallback import InfoFallback
from hand_pose_ros.nodes.stamp_guard import StampGuard, StampVerdict
from hand_pose_ros.nodes.throttled_logger import ThrottledLogger
from hand_pose_ros.nodes.topics import DEPTH_QOS, DEPTH_TOPIC, INFO_QOS, INFO_TOPIC, LATCHED_QOS

# All of these are guessed: long against a frame's 33 ms, short against a person's patience.
_WATCH_PERIOD_S = 0.5
_REPEAT_PERIOD_S = 10.0  # a fault that lasts is logged again after this time
_INFO_PATIENCE_S = 1.0  # depth images arrive, camera infos or matches do not
_LOSS_PATIENCE_S = 3.0  # camera infos arrive, images do not
_SILENCE_PATIENCE_S = 10.0  # nothing arrives: the camera may still be starting
_QUEUE_SIZE = 5  # messages of each input that wait for their match


class DepthInputs:
    """The two subscriptions, matched by stamp.

    ``on_pair(image, info)`` gets every match. ``on_depth()`` is called for every image, and ``on_backwards(reason)``
    when the images' clock was set, with the reason in one sentence. ``slop_s`` 0 matches equal stamps only, else stamps
    nearer than that. ``is_young(stamp_ns)`` says whether an image may be used (if not, it has counted it itself), and
    ``is_near(stamp_ns)`` the same of an info without counting; ``on_drop(outcome)`` is called for each image that is
    left out here, ``on_borrow()`` for each that is served by an info of another stamp. ``transport`` is ``raw`` or
    ``compressedDepth``: such images come still compressed, see ``conversions.image_from_compressed``. Call ``close`` at
    the end.
    """

    def __init__(
        self,
        node: Node,
        throttled_logger: ThrottledLogger,
        slop_s: float,
        on_pair: Callable[[Image, CameraInfo], None],
        on_depth: Callable[[], None],
        on_backwards: Callable[[str], None],
        is_young: Callable[[int], bool] = lambda stamp_ns: True,
        is_near: Callable[[int], bool] = lambda stamp_ns: True,
        on_drop: Callable[[FrameOutcome], None] = lambda outcome: None,
        on_borrow: Callable[[], None] = lambda: None,
        transport: str = "raw",
    ) -> None:
        self._node = node
        self._throttled_logger = throttled_logger
        self._slop_s = slop_s
        self._on_pair = on_pair
        self._on_depth = on_depth
        self._on_backwards = on_backwards
        self._is_young = is_young
        self._is_near = is_near
        self._on_drop = on_drop
        self._on_borrow = on_borrow
        self._lock = threading.RLock()  # the clock's callback has a thread of its own
        self._image_guard, self._info_guard = StampGuard(), StampGuard()
        self._stray_image: Image | None = None
        self._stray_jump_s = 0.0
        self._paired = False
        self._fallback = InfoFallback()
        self._slow_infos_told = False
        self._entered = -1e9  # when an image was last given to the matching
        self._profile_suggested = False
        self._last_warning: tuple[str, float] = ("", -1e9)
        self._opened = time.monotonic()
        self._depth_seen = self._info_seen = self._pair_seen = self._borrow_seen = -1e9
        self._depth_filter = SimpleFilter()
        self._info_filter = SimpleFilter()
        self._match_afresh()
        self.depth_topic = node.resolve_topic_name(DEPTH_TOPIC)
        kind = Image
        if transport != "raw":
            # After the name that depth images have, as image_transport does it: remaps and all.
            self.depth_topic, kind = f"{self.depth_topic}/{transport}", CompressedImage
        self._depth_type = f"sensor_msgs/msg/{kind.__name__}"
        self._depth = Subscriber(node, kind, self.depth_topic, qos_profile=DEPTH_QOS)
        self._info = Subscriber(node, CameraInfo, INFO_TOPIC, qos_profile=INFO_QOS)
        self._depth.registerCallback(self._take_depth)
        self._info.registerCallback(self._take_info)
        self.info_topic = node.resolve_topic_name(INFO_TOPIC)
        self._latched_info: Subscriber | None = None
        # Steady time: a paused simulation must not silence the watch.
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = node.create_timer(_WATCH_PERIOD_S, self._watch, clock=steady)
        self._serving = node.create_timer(self._fallback.interval_s, self._serve_late, clock=steady)
        self._serving.cancel()
        self._serving_ticks = 0

    def close(self) -> None:
        """Ends both subscriptions and the watch."""
        self._node.destroy_timer(self._timer)
        self._node.destroy_timer(self._serving)
        self._node.destroy_subscription(self._depth.sub)
        self._node.destroy_subscription(self._info.sub)
        if self._latched_info is not None:
            self._node.destroy_subscription(self._latched_info.sub)

    def clear(self) -> None:
        """Starts afresh: nothing waits for its partner any more, and the next stamps are the first."""
        with self._lock:
            self._image_guard.reset()
            self._info_guard.reset()
            self._stray_image = None
            self._paired = False
            for _ in range(self._fallback.forget_images()):
                self._on_drop(FrameOutcome.BEFORE_RESET)
            self._match_afresh()

    def _match_afresh(self, info: CameraInfo | None = None) -> None:
        """Empty queues, but for the images that wait and the info, if given."""
        # message_filters cannot empty its queues: a new pair of filters takes the place of the old one.
        self._depth_filter, self._info_filter = SimpleFilter(), SimpleFilter()
        inputs = [self._depth_filter, self._info_filter]
        if self._slop_s > 0.0:
            self._synchronizer = ApproximateTimeSynchronizer(inputs, _QUEUE_SIZE, self._slop_s)
        else:
            self._synchronizer = TimeSynchronizer(inputs, _QUEUE_SIZE)
        self._synchronizer.registerCallback(self._take_pair)
        if info is not None:
            self._info_filter.signalMessage(info)
        for image in self._fallback.waiting:
            self._depth_filter.signalMessage(image)

    def _take_depth(self, message: Image | CompressedImage) -> None:
        image = message if isinstance(message, Image) else image_from_compressed(message)
        with self._lock:
            now = self._depth_seen = time.monotonic()
            self._on_depth()
            stamp_ns = _stamp_ns(image)
            if not self._is_young(stamp_ns):
                return
            jump_s = self._image_guard.jump_s(stamp_ns)
            verdict = self._image_guard.judge(stamp_ns, now, protect=self._paired)
            if verdict == StampVerdict.STRAY:
                self._leave_out(image, jump_s)
                return
            if verdict == StampVerdict.CLOCK_SET:
                self._clock_was_set(jump_s)
                self._image_guard.judge(stamp_ns, now)
            self._stray_image = None
            self._match(image, now)

    def _leave_out(self, image: Image, jump_s: float) -> None:
        self._stray_image, self._stray_jump_s = image, jump_s
        self._on_drop(FrameOutcome.STRAY_STAMP)
        direction = "behind" if jump_s < 0.0 else "ahead of"
        self._throttled_logger.warn(
            "stray stamp",
            f"image left out: its stamp on '{self.depth_topic}' is {abs(jump_s):.3g} s {direction} those before",
        )

    def _clock_was_set(self, jump_s: float) -> None:
        direction = "went backwards" if jump_s < 0.0 else "jumped ahead"
        self._on_backwards(f"the stamps on '{self.depth_topic}' {direction}")
        for _ in range(self._fallback.forget_images()):
            self._on_drop(FrameOutcome.BEFORE_RESET)
        self._match_afresh(self._fallback.last_info)  # it may have come before the image that tells

    def _match(self, image: Image, now: float) -> None:
        """Lets an image find its partner."""
        if self._fallback.knows(image):
            self._on_drop(FrameOutcome.OUT_OF_ORDER)
            self._throttled_logger.warn(
                "equal stamps",
                f"image left out: its stamp on '{self.depth_topic}' is that of one before (does the driver's clock"
                " stand still, or do two drivers publish?)",
            )
            return
        self._entered = now
        for _ in range(self._fallback.take_image(image, now)):
            self._on_drop(FrameOutcome.NO_INFO)
        self._depth_filter.signalMessage(image)
        if not self._fallback.waiting:
            return
        self._serve()
        if self._fallback.waiting and self._serving.is_canceled():
            self._serving_ticks = 0
            # Two ticks a frame: messages that came while the executor was busy are taken between them.
            self._serving.timer_period_ns = int(0.5e9 * self._fallback.interval_s)
            self._serving.reset()

    def _serve_late(self) -> None:
        with self._lock:
            self._serving_ticks += 1
            if self._serving_ticks >= 2:
                self._serve()
            if not self._fallback.waiting or self._serving_ticks > 2 * _QUEUE_SIZE:
                self._serving.cancel()

    def _serve(self) -> None:
        """Hands out the images that wait no longer, with the last camera info."""
        for image, info in self._fallback.serve(time.monotonic()):
            self._paired = True
            self._borrow_seen = time.monotonic()
            self._on_borrow()
            self._on_pair(image, info)

    def _take_info(self, info: CameraInfo) -> None:
        with self._lock:
            now = self._info_seen = time.monotonic()
            self._fallback.take_info(info)
            stamp_ns = _stamp_ns(info)
            if not self._is_near(stamp_ns):
                return
            verdict = self._info_guard.judge(stamp_ns, now, protect=self._paired)
            if verdict == StampVerdict.CLOCK_SET:
                self._match_afresh(info)
            elif verdict == StampVerdict.GOES_ON:
                self._info_filter.signalMessage(info)

    def _take_pair(self, image: Image, info: CameraInfo) -> None:
        self._pair_seen = time.monotonic()
        self._paired = True
        if self._fallback.take_pair(image):
            self._on_pair(image, info)

    def _settle(self) -> None:
        """A single stray stamp after which nothing came was that of a clock that was set."""
        with self._lock:
            now = time.monotonic()
            image = self._stray_image
            if image is not None and self._image_guard.settle(now):
                self._stray_image = None
                self._clock_was_set(self._stray_jump_s)
                self._image_guard.judge(_stamp_ns(image), now)
                self._match(image, now)
            if self._info_guard.settle(now):
                self._match_afresh(self._fallback.last_info)

    def _watch(self) -> None:
        self._settle()
        now = time.monotonic()
        depth_here = now - self._depth_seen < _INFO_PATIENCE_S
        if depth_here and self._fallback.last_info is None:
            self._hear_latched_info()
        if now - self._opened < _INFO_PATIENCE_S:
            return
        info_here = now - self._info_seen < _INFO_PATIENCE_S
        misfit = self._fallback.misfit()
        if depth_here and self._fallback.infos_are_slow and now - self._borrow_seen < _INFO_PATIENCE_S:
            if not self._slow_infos_told:
                self._slow_infos_told = True
                self._throttled_logger.warn(
                    "slow info",
                    f"camera info on '{self.info_topic}' comes less often than images: those without one of their own"
                    " get the last one (diagnostics: without_own_camera_info)",
                )
        elif depth_here and misfit is not None:
            self._warn(
                "misfit",
                f"images on '{self.depth_topic}' have no camera info of their own on '{self.info_topic}': {misfit}",
            )
        elif depth_here and not info_here:
            self._warn(
                "no info",
                f"depth images arrive on '{self.depth_topic}' but no camera info on '{self.info_topic}': publish it,"
                " or remap depth/camera_info",
            )
        elif info_here and depth_here and self._entered - self._pair_seen > _INFO_PATIENCE_S:
            self._warn(
                "no match",
                f"the stamps on '{self.depth_topic}' and '{self.info_topic}' never match within {self._slop_s:g} s:"
                " raise the parameter 'sync_slop_s' or mend the camera driver",
            )
        elif not depth_here:
            patience_s = _LOSS_PATIENCE_S if info_here else _SILENCE_PATIENCE_S
            if now - max(self._opened, self._depth_seen) > patience_s:
                self._explain_silence()

    def _hear_latched_info(self) -> None:
        """A camera info that was published once, before this node was there, comes to those who ask for it only."""
        if self._latched_info is None and any(
            publisher.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL
            for publisher in self._node.get_publishers_info_by_topic(self.info_topic)
        ):
            self._latched_info = Subscriber(self._node, CameraInfo, INFO_TOPIC, qos_profile=LATCHED_QOS)
            self._latched_info.registerCallback(self._take_info)

    def _warn(self, key: str, text: str) -> None:
        now = time.monotonic()
        if key != self._last_warning[0] or now - self._last_warning[1] > _REPEAT_PERIOD_S:
            self._last_warning = (key, now)
            self._throttled_logger.warn(key, text)

    def _explain_silence(self) -> None:
        publishers = self._node.get_publishers_info_by_topic(self.depth_topic)
        if publishers and self._depth_seen > 0.0:
            self._warn("stopped", f"no depth image for some time on '{self.depth_topic}'")
            return
        if not publishers:
            self._warn("no publisher", f"waiting for depth images: nobody publishes '{self.depth_topic}'")
            return
        foreign = {p.topic_type for p in publishers} - {self._depth_type}
        if foreign:
            self._warn(
                "wrong type", f"'{self.depth_topic}' carries {', '.join(foreign)}, want {self._depth_type}"
            )
        elif not self._profile_suggested:
            self._profile_suggested = True
            reliability = ", ".join(sorted({p.qos_profile.reliability.name.lower() for p in publishers}))
            self._warn(
                "silence",
                f"'{self.depth_topic}' has {len(publishers)} publisher(s) ({reliability}) but nothing arrives."
                " If the camera runs: large best-effort images are lost in Fast DDS's default shared memory; start"
                " the camera driver (and this node) with FASTDDS_DEFAULT_PROFILES_FILE set to this package's"
                " config/fastdds.xml, or let the driver publish with reliable QoS",
            )


def _stamp_ns(message: Image | CameraInfo) -> int:
    return int(message.header.stamp.sec * 1_000_000_000 + message.header.stamp.nanosec)
