"""Depth image + camera info in, matching pairs out (to a callback on a thread of their own).

Pairs are made by stamp (``stamp_matching``); an image that gets no partner is served by the last camera info
(``info_fallback``). Stray stamps are left out before the matching (``stamp_guard``). When the clock was set (a bag that
loops), the matching starts afresh, because newer leftovers would win over everything that comes after. ``input_watch``
tells what is wrong with the two topics. Frames' names come out as tf2 knows them, so that all outputs agree.
"""

from __future__ import annotations

import math
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from message_filters import Subscriber
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from hand_pose_ros.depth.camera_info import same_frame
from hand_pose_ros.depth.stamp_guard import StampGuard, StampVerdict
from hand_pose_ros.nodes import conversions
from hand_pose_ros.nodes.conversions import image_from_compressed
from hand_pose_ros.nodes.diagnostics import FrameOutcome
from hand_pose_ros.nodes.hand_frames import tf_name
from hand_pose_ros.nodes.info_fallback import InfoFallback
from hand_pose_ros.nodes.input_watch import InputWatch
from hand_pose_ros.nodes.qos_overrides import SUBSCRIPTION, Endpoint, subscription_options
from hand_pose_ros.nodes.several_publishers import SeveralPublishers
from hand_pose_ros.nodes.stamp_matching import Pairs, StampMatching
from hand_pose_ros.nodes.subscription_thread import Reader, SubscriptionThread
from hand_pose_ros.nodes.throttled_logger import ThrottledLogger
from hand_pose_ros.nodes.topics import DEPTH_QOS, DEPTH_TOPIC, INFO_QOS, INFO_TOPIC, LATCHED_QOS
from hand_pose_ros.validation import shown

_WATCH_PERIOD_S = 0.5  # guessed: long against a frame's 33 ms, short against a person's patience
_LEAST_SERVE_S = 0.01  # images that wait are looked at no more often: they may come in bursts. Guessed
_INFO = Endpoint(INFO_TOPIC, SUBSCRIPTION, INFO_QOS)


def depth_endpoint(node: Node, transport: str) -> Endpoint:
    """Returns the subscription of the images; ``transport`` is ``raw`` or ``compressedDepth``."""
    topic = node.resolve_topic_name(DEPTH_TOPIC)
    # Compressed ones come after the name that depth images have, as image_transport does it: remaps and all.
    return Endpoint(topic if transport == "raw" else f"{topic}/{transport}", SUBSCRIPTION, DEPTH_QOS)


def input_endpoints(node: Node) -> tuple[Endpoint, ...]:
    """Returns all subscriptions that ``DepthInputs`` may make, whose quality of service parameters may override."""
    return (depth_endpoint(node, "raw"), depth_endpoint(node, "compressedDepth"), _INFO)


@dataclass(frozen=True)
class InputCallbacks:
    """What ``DepthInputs`` calls and asks."""

    on_pair: Callable[[Image, CameraInfo], None]
    """Gets every image with its info."""
    on_depth: Callable[[], None]
    """For every image."""
    on_backwards: Callable[[str], None]
    """When the images' clock was set, with the reason in one sentence."""
    is_young: Callable[[int], bool] = lambda stamp_ns: True
    """Whether an image may be used; if not, it has counted it itself."""
    is_near: Callable[[int], bool] = lambda stamp_ns: True
    """The same of an info, without counting."""
    on_drop: Callable[[FrameOutcome], None] = lambda outcome: None
    """For each image that is left out here."""
    on_borrow: Callable[[], None] = lambda: None
    """For each image that is served by an info of another stamp."""
    on_hint: Callable[[str, str | None], None] = lambda subject, text: None
    """What is wrong of a subject for as long as it is, None when it is no more."""


class DepthInputs:
    """The two subscriptions, matched by stamp: ``slop_s`` 0 matches equal stamps only, else stamps nearer than that.
    ``transport`` is ``raw`` or ``compressedDepth``: such images come still compressed, see
    ``conversions.image_from_compressed``. Call ``close`` at the end.
    """

    def __init__(
        self,
        node: Node,
        throttled_logger: ThrottledLogger,
        slop_s: float,
        callbacks: InputCallbacks,
        transport: str = "raw",
    ) -> None:
        self._node = node
        self._throttled_logger = throttled_logger
        self._callbacks = callbacks
        self._lock = threading.RLock()  # the clock's callback has a thread of its own
        self._image_guard, self._info_guard = StampGuard(), StampGuard()
        self._stray_image: Image | None = None
        self._stray_jump_s = 0.0
        self._paired = False
        self._frames_compared = False
        self._fallback = InfoFallback()
        self._matching = StampMatching(slop_s)
        depth, kind = depth_endpoint(node, transport), Image if transport == "raw" else CompressedImage
        self.depth_topic, self.info_topic = (node.resolve_topic_name(end.topic) for end in (depth, _INFO))
        self._publishers = SeveralPublishers(node, self.depth_topic)
        message_type = f"sensor_msgs/msg/{kind.__name__}"
        self._input_watch = InputWatch(
            node, throttled_logger, depth, message_type, self.info_topic, slop_s, time.monotonic()
        )
        self._serve_at_s: float | None = None  # the next look at images that wait, steady time
        self._latched_info: Subscriber | None = None
        readers = [
            self._reader(kind, depth, self._take_depth_of),
            self._reader(CameraInfo, _INFO, lambda info, sender: self._take_info(info)),
        ]
        self._thread = SubscriptionThread(node, readers, self._on_failure, self._serve_late)
        # Steady time: a paused simulation must not silence the watch.
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = node.create_timer(_WATCH_PERIOD_S, self._watch, clock=steady)

    def _reader(self, kind: type, endpoint: Endpoint, take: Callable[[Any, bytes], None]) -> Reader:
        options = subscription_options(self._node, endpoint, self._throttled_logger)
        return Reader(kind, options, lambda message, sent, received, sender: take(message, sender))

    def _on_failure(self, error: Exception) -> None:
        where = "".join(traceback.format_exception(error)).rstrip()
        self._throttled_logger.error(f"input {type(error).__name__}", f"input left out: {error!r}\n{where}")

    def close(self) -> None:
        """Ends both subscriptions and the watch."""
        self._node.destroy_timer(self._timer)
        self._thread.close()
        if self._latched_info is not None:
            self._node.destroy_subscription(self._latched_info.sub)
        self._callbacks.on_hint("publishers", None)

    def clear(self) -> None:
        """Starts afresh: nothing waits for its partner any more, and the next stamps are the first."""
        with self._lock:
            self._image_guard.reset()
            self._info_guard.reset()
            self._stray_image = None
            self._paired = False
            for _ in range(self._fallback.forget_images()):
                self._callbacks.on_drop(FrameOutcome.BEFORE_RESET)
            self._match_afresh()

    def _match_afresh(self, info: CameraInfo | None = None) -> None:
        """Nothing waits for its partner any more, but the images that wait and the info, if given."""
        self._take_pairs(self._matching.begin_afresh(info, self._fallback.waiting))

    def _take_depth_of(self, message: Image | CompressedImage, sender: bytes) -> None:
        with self._lock:
            self._publishers.saw(sender, time.monotonic())
        self._take_depth(message)

    def _take_depth(self, message: Image | CompressedImage) -> None:
        image = message if isinstance(message, Image) else image_from_compressed(message)
        image.header.frame_id = tf_name(image.header.frame_id)
        with self._lock:
            now = time.monotonic()
            stamp_ns = conversions.stamp_ns(image)
            self._input_watch.saw_image(now, stamp_ns)
            self._callbacks.on_depth()
            if not self._callbacks.is_young(stamp_ns):
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
        self._callbacks.on_drop(FrameOutcome.STRAY_STAMP)
        direction = "behind" if jump_s < 0.0 else "ahead of"
        self._throttled_logger.warn(
            "stray stamp",
            f"image left out: its stamp on '{self.depth_topic}' is {abs(jump_s):.3g} s {direction} those before",
        )

    def _clock_was_set(self, jump_s: float) -> None:
        direction = "went backwards" if jump_s < 0.0 else "jumped ahead"
        self._callbacks.on_backwards(f"the stamps on '{self.depth_topic}' {direction}")
        for _ in range(self._fallback.forget_images()):
            self._callbacks.on_drop(FrameOutcome.BEFORE_RESET)
        self._match_afresh(self._fallback.last_info)  # it may have come before the image that tells

    def _match(self, image: Image, now: float) -> None:
        """Lets an image find its partner."""
        if self._fallback.knows(image):
            self._callbacks.on_drop(FrameOutcome.OUT_OF_ORDER)
            self._throttled_logger.warn(
                "equal stamps",
                f"image left out: its stamp on '{self.depth_topic}' is that of one before (does the driver's clock"
                " stand still, or do two drivers publish?)",
            )
            return
        self._input_watch.saw_entry(now)
        self._drop_without_info(self._fallback.take_image(image, now))
        self._take_pairs(self._matching.take_image(image))
        if not self._fallback.waiting:
            return
        self._serve()
        if self._fallback.waiting and self._serve_at_s is None:
            self._serve_at_s = now + self._fallback.interval_s

    def _serve_late(self) -> float:
        """Serves the images that have waited long enough; returns in how many seconds it is to be asked again."""
        with self._lock:
            now = time.monotonic()
            if self._serve_at_s is not None and now >= self._serve_at_s:
                self._serve()
                self._drop_without_info(self._fallback.give_up_late(now))
                self._serve_at_s = now + max(0.5 * self._fallback.interval_s, _LEAST_SERVE_S)
            if not self._fallback.waiting:
                self._serve_at_s = None
            return math.inf if self._serve_at_s is None else self._serve_at_s - now

    def _serve(self) -> None:
        """Hands out the images that wait no longer, with the last camera info."""
        self._hand_out(self._fallback.serve(time.monotonic()))
        self._drop_without_info(self._fallback.give_up_overtaken())

    def _hand_out(self, served: list[tuple[Image, CameraInfo]]) -> None:
        for image, info in served:
            self._paired = True
            self._input_watch.saw_borrow(time.monotonic())
            self._callbacks.on_borrow()
            self._callbacks.on_pair(image, info)

    def _drop_without_info(self, count: int) -> None:
        for _ in range(count):
            self._callbacks.on_drop(FrameOutcome.NO_INFO)

    def _take_info(self, info: CameraInfo) -> None:
        info.header.frame_id = tf_name(info.header.frame_id)
        with self._lock:
            now, stamp_ns = time.monotonic(), conversions.stamp_ns(info)
            self._input_watch.saw_info(now, stamp_ns)
            self._fallback.take_info(info)
            if not self._callbacks.is_near(stamp_ns):
                return
            verdict = self._info_guard.judge(stamp_ns, now, protect=self._paired)
            if verdict == StampVerdict.CLOCK_SET:
                self._match_afresh(info)
            elif verdict == StampVerdict.GOES_ON:
                self._take_pairs(self._matching.take_info(info))

    def _take_pairs(self, pairs: Pairs) -> None:
        for image, info in pairs:
            self._input_watch.saw_pair(time.monotonic())
            self._paired = True
            if self._fallback.take_pair(image):
                self._hand_out(self._fallback.serve(time.monotonic(), before_ns=conversions.stamp_ns(image)))
                self._drop_without_info(self._fallback.give_up_overtaken())
                self._compare_frames(image, info)
                self._callbacks.on_pair(image, info)

    def _compare_frames(self, image: Image, info: CameraInfo) -> None:
        """Says once that an image's own info, by stamp, is of another frame: it is taken nevertheless."""
        if self._frames_compared or same_frame(image.header.frame_id, info.header.frame_id):
            return
        self._frames_compared = True
        self._throttled_logger.warn(
            "frames",
            f"images on '{self.depth_topic}' are in '{shown(image.header.frame_id)}', their camera info is of"
            f" '{shown(info.header.frame_id)}': it is used all the same. Hands are wrong where it is another camera's",
        )

    def _settle(self) -> None:
        """A single stray stamp after which nothing came was that of a clock that was set."""
        with self._lock:
            now = time.monotonic()
            image = self._stray_image
            if image is not None and self._image_guard.settle(now):
                self._stray_image = None
                self._clock_was_set(self._stray_jump_s)
                self._image_guard.judge(conversions.stamp_ns(image), now)
                self._match(image, now)
            if self._info_guard.settle(now):
                self._match_afresh(self._fallback.last_info)

    def _watch(self) -> None:
        with self._lock:
            self._settle()
            now = time.monotonic()
            # Where infos are slow, too: of a driver that is started again the new one may come once, and not to us.
            if self._input_watch.depth_here(now) and (
                self._fallback.last_info is None or self._fallback.infos_are_slow
            ):
                self._hear_latched_info()
            self._input_watch.look(now, self._fallback)
            several = self._publishers.report(now)
        if several is not None:
            several += ": hands of two cameras' images in turn are no motion: end all but one, or remap"
            self._throttled_logger.warn("publishers", several)
        self._callbacks.on_hint("publishers", several)

    def _hear_latched_info(self) -> None:
        """A camera info that was published once, before this node was there, comes to those who ask for it only."""
        if self._latched_info is None and any(
            publisher.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL
            for publisher in self._node.get_publishers_info_by_topic(self.info_topic)
        ):
            self._latched_info = Subscriber(self._node, CameraInfo, INFO_TOPIC, qos_profile=LATCHED_QOS)
            self._latched_info.registerCallback(self._take_info)
