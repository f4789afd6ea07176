"""What is wrong with the two input topics, in one sentence with its remedy.

In: a call for every image, camera info and pair as it arrives; times in seconds of a steady clock. Out: warnings,
each of them repeated while its fault lasts: nothing arrives, only part of the images arrives, infos or matches are
missing, the publisher's type or quality of service does not go with the subscription.
"""

from __future__ import annotations

from collections import deque
from itertools import pairwise
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSCompatibility, qos_check_compatible

from hand_pose_ros.nodes.info_fallback import InfoFallback
from hand_pose_ros.nodes.qos_overrides import Endpoint, override_name, qos_profile
from hand_pose_ros.nodes.throttled_logger import ThrottledLogger

# All of these are guessed: long against a frame's 33 ms, short against a person's patience.
_REPEAT_PERIOD_S = 10.0  # a fault that lasts is logged again after this time
INFO_PATIENCE_S = 1.0
"""Depth images arrive, camera infos or matches do not: what that may last, s."""

_LOSS_PATIENCE_S = 3.0  # camera infos arrive, images do not
_SILENCE_PATIENCE_S = 10.0  # nothing arrives: the camera may still be starting
# Infos and images are compared after this time, and at least so many infos: a few may be on their way.
_COUNT_PERIOD_S = 3.0
_COUNTED_INFOS = 20
_ENOUGH_IMAGES = 0.8
"""Share of the infos whose images arrive; below, images are lost. Guessed: best effort may lose one now and then."""
# Fewer images than infos whose stamps are evenly apart are throttled, more likely than lost: of the last steps so many
# are within this share of the middle one. Guessed: a lost image makes a step twice as long or longer, and where fewer
# than four of five arrive, more than one step in ten.
_STEPS_REMEMBERED = 20
_LEAST_STEPS = 4
_EVEN_SHARE = 0.9
_EVEN_WITHIN = 0.4
_RAW_TYPE, _COMPRESSED = "sensor_msgs/msg/Image", "/compressedDepth"
"""What images come as without a transport, and what image_transport puts after the topic's name with one."""


class InputWatch:
    """Watches the endpoint of the images, of type ``depth_type``, and that of the infos, from ``now_s`` on."""

    def __init__(
        self,
        node: Node,
        throttled_logger: ThrottledLogger,
        depth: Endpoint,
        depth_type: str,
        info_topic: str,
        slop_s: float,
        now_s: float,
    ) -> None:
        self._node = node
        self._throttled_logger = throttled_logger
        self._depth, self._depth_type = depth, depth_type
        self._depth_topic = node.resolve_topic_name(depth.topic)
        self._info_topic = info_topic
        self._slop_s = slop_s
        self._opened = now_s
        self._last_warning: tuple[str, float] = ("", -1e9)
        self._slow_infos_reported = self._silence_reported = False
        self._depth_since = now_s  # when the present run of images began
        self._depth_seen = self._info_seen = self._pair_seen = self._borrow_seen = -1e9
        self._advertised: float | None = None  # since when somebody publishes images, of which none came
        self._entered = -1e9  # when an image was last given to the matching
        self._counted_since = now_s
        self._images = self._infos = 0
        self._last_info_stamp_ns: int | None = None
        self._image_stamps_ns: deque[int] = deque(maxlen=_STEPS_REMEMBERED + 1)
        self._throttling_reported = False

    def saw_image(self, now_s: float, stamp_ns: int) -> None:
        """An image arrived."""
        if not self.depth_here(now_s):
            self._depth_since = now_s
        self._depth_seen = now_s
        self._images += 1
        self._image_stamps_ns.append(stamp_ns)

    def saw_info(self, now_s: float, stamp_ns: int) -> None:
        """A camera info arrived; one that only repeats another's stamp is no frame's."""
        self._info_seen = now_s
        # Before the first image none is missing.
        if self.depth_here(now_s) and stamp_ns != self._last_info_stamp_ns:
            if self._infos == 0:
                self._counted_since, self._images = now_s, 0
            self._infos += 1
        self._last_info_stamp_ns = stamp_ns

    def saw_entry(self, now_s: float) -> None:
        """An image was given to the matching."""
        self._entered = now_s

    def saw_pair(self, now_s: float) -> None:
        """An image and an info matched."""
        self._pair_seen = now_s

    def saw_borrow(self, now_s: float) -> None:
        """An image got the info of another stamp."""
        self._borrow_seen = now_s

    def depth_here(self, now_s: float) -> bool:
        """Whether images arrive at present."""
        return now_s - self._depth_seen < INFO_PATIENCE_S

    def look(self, now_s: float, fallback: InfoFallback) -> None:
        """Warns of what is wrong now, if anything."""
        if now_s - self._opened < INFO_PATIENCE_S:
            return
        depth_here = self.depth_here(now_s)
        info_here = now_s - self._info_seen < INFO_PATIENCE_S
        # The first image of a camera that starts comes before its info, or before the one that goes with it.
        settled = depth_here and now_s - self._depth_since > INFO_PATIENCE_S
        lost = self._lost(now_s)
        misfit = fallback.misfit()
        if lost is not None and depth_here:
            self._tell_loss(now_s, lost)
        elif depth_here and fallback.infos_are_slow and now_s - self._borrow_seen < INFO_PATIENCE_S:
            if not self._slow_infos_reported:
                self._slow_infos_reported = True
                self._throttled_logger.warn(
                    "slow info",
                    f"camera info on '{self._info_topic}' comes less often than images: those without one of their own"
                    " get the last one (diagnostics: without_own_camera_info)",
                )
        elif depth_here and misfit is not None:
            self._warn(
                now_s,
                "misfit",
                f"images on '{self._depth_topic}' have no camera info of their own on '{self._info_topic}': {misfit}",
            )
        elif settled and not info_here:
            self._warn(
                now_s,
                "no info",
                f"depth images arrive on '{self._depth_topic}' but no camera info on '{self._info_topic}': publish it,"
                " or remap depth/camera_info",
            )
        elif info_here and settled and self._entered - self._pair_seen > INFO_PATIENCE_S:
            self._warn(
                now_s,
                "no match",
                f"the stamps on '{self._depth_topic}' and '{self._info_topic}' never match within {self._slop_s:g} s:"
                " raise the parameter 'sync_slop_s' or mend the camera driver",
            )
        elif not depth_here:
            publishers = self._node.get_publishers_info_by_topic(self._depth_topic)
            if not publishers:
                self._advertised = None
            elif self._advertised is None:
                self._advertised = now_s
            patience_s = _LOSS_PATIENCE_S if info_here else _SILENCE_PATIENCE_S
            if now_s - max(self._opened, self._depth_seen) > patience_s:
                waited_s = 0.0 if self._advertised is None else now_s - self._advertised
                self._explain_silence(now_s, publishers, waited_s > patience_s)

    def _lost(self, now_s: float) -> str | None:
        """Of two counts that are complete: how many images are missing, in words; None when not too many are."""
        elapsed_s = now_s - self._counted_since
        if elapsed_s < _COUNT_PERIOD_S or (self._infos < _COUNTED_INFOS and elapsed_s < 10 * _COUNT_PERIOD_S):
            return None
        images, infos = self._images, self._infos
        self._counted_since, self._images, self._infos = now_s, 0, 0
        if infos < _COUNTED_INFOS or images >= _ENOUGH_IMAGES * infos:
            return None
        return f"images are lost: {images} of {infos} arrived on '{self._depth_topic}' in {elapsed_s:.0f} s"

    def _tell_loss(self, now_s: float, lost: str) -> None:
        """Once where images come evenly: then they are meant to be fewer, or the infos are of other cameras too."""
        even = self._images_are_even()
        if even and self._throttling_reported:
            return
        self._throttling_reported |= even
        if even:
            why = (
                f"{lost}. They come evenly, though: if they are throttled on purpose, or infos of several cameras come"
                f" on '{self._info_topic}', all is well. Else"
            )
        else:
            why = f"{lost}. Unless they are throttled"
        self._warn(now_s, "loss", f"{why}: {self._remedy()}")

    def _images_are_even(self) -> bool:
        """Whether the stamps of the last images are evenly apart."""
        steps = sorted(later - before for before, later in pairwise(self._image_stamps_ns))
        if len(steps) < _LEAST_STEPS:
            return False
        usual = steps[len(steps) // 2]
        even = sum(abs(step - usual) <= _EVEN_WITHIN * usual for step in steps)
        return usual > 0 and even >= _EVEN_SHARE * len(steps)

    def _explain_silence(self, now_s: float, publishers: list[Any], waited: bool) -> None:
        """``waited``: who publishes was there long enough to have sent something."""
        if publishers and self._depth_seen > 0.0:
            self._warn(now_s, "stopped", f"no depth image for some time on '{self._depth_topic}'")
            return
        if not publishers:
            text = (
                f"waiting for depth images: nobody publishes '{self._depth_topic}'{self._other_transport()}"
            )
            self._warn(now_s, "no publisher", text)
            return
        foreign = {p.topic_type for p in publishers} - {self._depth_type}
        if foreign:
            text = f"'{self._depth_topic}' carries {', '.join(sorted(foreign))}, want {self._depth_type}"
            bare = self._depth_topic.removesuffix(_COMPRESSED)
            if bare != self._depth_topic and self._depth_type == _RAW_TYPE:
                text += (
                    f": name the topic '{bare}' and set the parameter 'input_transport' to compressedDepth"
                )
            self._warn(now_s, "wrong type", text)
            return
        wanted = qos_profile(self._node, self._depth)
        checks = [qos_check_compatible(p.qos_profile, wanted) for p in publishers]
        reasons = {reason for verdict, reason in checks if verdict == QoSCompatibility.ERROR}
        if reasons and len(reasons) == len({reason for _, reason in checks}):
            self._warn(
                now_s,
                "incompatible",
                f"incompatible QoS on '{self._depth_topic}', so that no image arrives: {' '.join(sorted(reasons))};"
                f" change the parameters 'qos_overrides.{self._depth_topic}.{self._depth.kind}...' or the driver's QoS",
            )
        elif waited and not self._silence_reported:
            self._silence_reported = True
            reliability = ", ".join(sorted({p.qos_profile.reliability.name.lower() for p in publishers}))
            self._warn(
                now_s,
                "silence",
                f"'{self._depth_topic}' has {len(publishers)} publisher(s) ({reliability}) but nothing arrives."
                f" If the camera runs: {self._remedy()}",
            )

    def _other_transport(self) -> str:
        """Where images come all the same, by the other transport; empty where they do not."""
        topic = self._depth_topic
        raw = self._depth_type == _RAW_TYPE
        other = topic + _COMPRESSED if raw else topic.removesuffix(_COMPRESSED)
        if not self._node.get_publishers_info_by_topic(other):
            return ""
        if not raw and other.endswith(_COMPRESSED):
            return f", but '{other}' is: name the depth images' topic '{other.removesuffix(_COMPRESSED)}'"
        return f", but '{other}' is: set the parameter 'input_transport' to {'compressedDepth' if raw else 'raw'}"

    def _remedy(self) -> str:
        return (
            "large best-effort images are lost in Fast DDS's default shared memory; start the camera driver (or ros2"
            " bag play) with FASTDDS_DEFAULT_PROFILES_FILE set to this package's config/fastdds.xml (it needs 9 MB of"
            " /dev/shm a process; docker: --shm-size), or, where the driver publishes with reliable QoS, set the"
            " parameter"
            f" '{override_name(self._node, self._depth, 'reliability')}' to reliable"
        )

    def _warn(self, now_s: float, key: str, text: str) -> None:
        if key != self._last_warning[0] or now_s - self._last_warning[1] > _REPEAT_PERIOD_S:
            self._last_warning = (key, now_s)
            self._throttled_logger.warn(key, text)
