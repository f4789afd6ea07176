"""Depth image + camera info in, matching pairs out (to a callback on the executor's thread).

The inputs are watched too: when nothing arrives, a warning names the reason. When the stamps go backwards (a bag that
loops), the matching starts afresh, because the newer leftovers would win over everything that comes after.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from message_filters import ApproximateTimeSynchronizer, SimpleFilter, Subscriber, TimeSynchronizer
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, Image

from hand_pose_ros.nodes.throttled_logger import ThrottledLogger
from hand_pose_ros.nodes.topics import DEPTH_QOS, DEPTH_TOPIC, INFO_QOS, INFO_TOPIC

# All of these are guessed: long against a frame's 33 ms, short against a person's patience.
_WATCH_PERIOD_S = 0.5
_REPEAT_PERIOD_S = 10.0  # a fault that lasts is logged again after this time
_INFO_PATIENCE_S = 1.0  # depth images arrive, camera infos or matches do not
_LOSS_PATIENCE_S = 3.0  # camera infos arrive, images do not
_SILENCE_PATIENCE_S = 10.0  # nothing arrives: the camera may still be starting
_BACKWARDS_NS = 500_000_000  # less than this is a frame out of order, not a clock that was set back
_QUEUE_SIZE = 5  # messages of each input that wait for their match


class DepthInputs:
    """The two subscriptions, matched by stamp.

    ``on_pair(image, info)`` gets every match. ``on_depth()`` is called for every image, and ``on_backwards(reason)``
    when the stamps go backwards, with the reason in one sentence. ``slop_s`` 0 matches equal stamps only, else stamps
    nearer than that. Call ``close`` at the end.
    """

    def __init__(
        self,
        node: Node,
        throttled_logger: ThrottledLogger,
        slop_s: float,
        on_pair: Callable[[Image, CameraInfo], None],
        on_depth: Callable[[], None],
        on_backwards: Callable[[str], None],
    ) -> None:
        self._node = node
        self._throttled_logger = throttled_logger
        self._slop_s = slop_s
        self._on_pair = on_pair
        self._on_depth = on_depth
        self._on_backwards = on_backwards
        self._last_stamp_ns: int | None = None
        self._profile_suggested = False
        self._last_warning: tuple[str, float] = ("", -1e9)
        self._opened = time.monotonic()
        self._depth_seen = self._info_seen = self._pair_seen = -1e9
        self._depth_filter = SimpleFilter()
        self._info_filter = SimpleFilter()
        self._match_afresh()
        self._depth = Subscriber(node, Image, DEPTH_TOPIC, qos_profile=DEPTH_QOS)
        self._info = Subscriber(node, CameraInfo, INFO_TOPIC, qos_profile=INFO_QOS)
        self._depth.registerCallback(self._take_depth)
        self._info.registerCallback(self._take_info)
        self.depth_topic = node.resolve_topic_name(DEPTH_TOPIC)
        self.info_topic = node.resolve_topic_name(INFO_TOPIC)
        # Steady time: a paused simulation must not silence the watch.
        self._timer = node.create_timer(
            _WATCH_PERIOD_S, self._watch, clock=Clock(clock_type=ClockType.STEADY_TIME)
        )

    def close(self) -> None:
        """Ends both subscriptions and the watch."""
        self._node.destroy_timer(self._timer)
        self._node.destroy_subscription(self._depth.sub)
        self._node.destroy_subscription(self._info.sub)

    def _match_afresh(self) -> None:
        # message_filters cannot empty its queues: a new pair of filters takes the place of the old one.
        self._depth_filter, self._info_filter = SimpleFilter(), SimpleFilter()
        inputs = [self._depth_filter, self._info_filter]
        if self._slop_s > 0.0:
            self._synchronizer = ApproximateTimeSynchronizer(inputs, _QUEUE_SIZE, self._slop_s)
        else:
            self._synchronizer = TimeSynchronizer(inputs, _QUEUE_SIZE)
        self._synchronizer.registerCallback(self._take_pair)

    def _take_depth(self, image: Image) -> None:
        self._depth_seen = time.monotonic()
        self._on_depth()
        stamp_ns = image.header.stamp.sec * 1_000_000_000 + image.header.stamp.nanosec
        if self._last_stamp_ns is not None and stamp_ns < self._last_stamp_ns - _BACKWARDS_NS:
            self._match_afresh()
            self._on_backwards(f"the stamps on '{self.depth_topic}' went backwards")
        self._last_stamp_ns = stamp_ns
        self._depth_filter.signalMessage(image)

    def _take_info(self, info: CameraInfo) -> None:
        self._info_seen = time.monotonic()
        self._info_filter.signalMessage(info)

    def _take_pair(self, image: Image, info: CameraInfo) -> None:
        self._pair_seen = time.monotonic()
        self._on_pair(image, info)

    def _watch(self) -> None:
        now = time.monotonic()
        if now - self._opened < _INFO_PATIENCE_S:
            return
        depth_here = now - self._depth_seen < _INFO_PATIENCE_S
        info_here = now - self._info_seen < _INFO_PATIENCE_S
        if depth_here and not info_here:
            self._warn(
                "no info",
                f"depth images arrive on '{self.depth_topic}' but no camera info on '{self.info_topic}': publish it,"
                " or remap depth/camera_info",
            )
        elif info_here and depth_here and now - self._pair_seen > _INFO_PATIENCE_S:
            self._warn(
                "no match",
                f"the stamps on '{self.depth_topic}' and '{self.info_topic}' never match within {self._slop_s:g} s:"
                " raise the parameter 'sync_slop_s' or mend the camera driver",
            )
        elif not depth_here:
            patience_s = _LOSS_PATIENCE_S if info_here else _SILENCE_PATIENCE_S
            if now - max(self._opened, self._depth_seen) > patience_s:
                self._explain_silence()

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
        foreign = {p.topic_type for p in publishers} - {"sensor_msgs/msg/Image"}
        if foreign:
            self._warn(
                "wrong type", f"'{self.depth_topic}' carries {', '.join(foreign)}, want sensor_msgs/msg/Image"
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
