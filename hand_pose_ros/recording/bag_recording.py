"""A bag as a recording: depth images with their camera infos, in the order and with the stamps that they have.

In: a bag, its topics. Out: frames as :class:`~hand_pose_ros.recording.recorded_frame.Recording` has them, treated as
the tracker node treats what it receives: an image gets the camera info nearest in stamp, or the last that fits; stray
and repeated stamps are left out; a clock that was set is told. Nothing is dropped, however long a frame takes.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.depth.camera_info import (
    SYNC_SLOP_S,
    camera_from_info,
    image_size,
    is_rectified,
    same_frame,
)
from hand_pose_ros.depth.compressed import TRANSPORT, compressed_size, decode_compressed_depth, is_compressed
from hand_pose_ros.depth.image import decode_depth
from hand_pose_ros.depth.stamp_guard import StampGuard, StampVerdict
from hand_pose_ros.hand.skeleton import JOINT_COUNT, SIDES
from hand_pose_ros.recording.bag import Bag, BagMessage
from hand_pose_ros.recording.bag_topics import BagTopics, find_topics, plain_topic
from hand_pose_ros.recording.message_contents import stamp_ns
from hand_pose_ros.recording.play_options import PlayOptions
from hand_pose_ros.recording.recorded_frame import (
    RecordedFrame,
    RecordingError,
    TrueHand,
    UnusableFrame,
)
from hand_pose_ros.recording.ros_types import COMPRESSED_IMAGE

_SLOP_NS = round(SYNC_SLOP_S * 1e9)
_WAIT_NS = (
    500_000_000  # an image waits for its own info so long, by the time of recording. Guessed: fifteen frames
)
# Infos among which an image looks for its own, and stamps that tell a rate. Guessed.
_INFOS_KEPT = 50
_STAMPS_OF_RATE = 30


class _Waiting(NamedTuple):
    """An image whose camera info is not known yet."""

    image: Any
    """The message; a RecordingError where it could not be read."""
    kind: str
    time_ns: int

    def is_served(self, infos: deque[Any], now_ns: int) -> bool:
        """Whether it need not wait for its info any longer, by the time of recording."""
        if isinstance(self.image, RecordingError) or now_ns - self.time_ns > _WAIT_NS:
            return True
        return _own_info(self.image, infos) is not None


class BagRecording:
    """An open bag, played from its first to its last image; use it in a ``with`` statement."""

    def __init__(self, path: Path, options: PlayOptions | None = None) -> None:
        """Opens a bag. RecordingError when it is none, is damaged, or has not what is asked for."""
        self.options = options or PlayOptions()
        self._bag = Bag(path)
        try:
            self.topics: BagTopics = find_topics(
                self._bag, self.options.depth_topic, self.options.info_topic, self.options.truth_topic,
                needs_info=self.options.intrinsics is None,
            )  # fmt: skip
            first = self._bag.first(self.topics.depth)
            self._first_ns = 0 if first is None else first.time_ns
            info = self.topics.info
            self._first_info = None if info is None else self._bag.first_readable(info)
        except BaseException:
            self._bag.__exit__()
            raise
        name = plain_topic(self.topics.depth)
        self._rectified = is_rectified(self.options.rectified, name)
        self._cameras: dict[tuple[object, ...], Camera] = {}
        self._truth: dict[int, list[TrueHand]] = {}

    def __enter__(self) -> BagRecording:
        return self

    def __exit__(self, *_: object) -> None:
        self._bag.__exit__()

    def __len__(self) -> int:
        """Images; of a part as many as its length and the rate make."""
        count, start_s, end_s = self._bag.count(self.topics.depth), self.options.start_s, self.options.end_s
        if start_s == 0.0 and end_s is None:
            return count
        rate = self.rate(30.0)
        end = count if end_s is None else min(count, math.ceil(end_s * rate))
        return max(end - math.floor(start_s * rate), 1)

    def rate(self, rate_hz: float) -> float:
        """Images a second, from the first stamps; ``rate_hz`` where there are too few."""
        stamps = []
        with suppress(RecordingError):  # damage is for those who play the frames
            for message in self._bag.messages((self.topics.depth,)):
                stamps.append(message.time_ns)
                if len(stamps) > _STAMPS_OF_RATE:
                    break
        step = float(np.median(np.diff(stamps))) * 1e-9 if len(stamps) > 2 else 0.0
        return 1.0 / step if step > 1e-4 else rate_hz

    def truth(self) -> dict[int, list[TrueHand]]:
        """Known hands by the stamp of their image, of what was played so far."""
        return self._truth

    def frames(self, depth_unit_m: float, rate_hz: float) -> Iterator[RecordedFrame | UnusableFrame]:
        """The images that were asked for, see :class:`~.recorded_frame.Recording`; ``rate_hz`` is not needed."""
        guard, last_ns, first_ns = StampGuard(), None, None
        for index, (waiting, info) in enumerate(self._pairs()):
            if isinstance(waiting.image, RecordingError):
                yield UnusableFrame(f"frame {index}: {waiting.image}")
                continue
            stamp = stamp_ns(waiting.image.header)
            first_ns = stamp if first_ns is None else first_ns
            verdict = guard.judge(stamp, waiting.time_ns * 1e-9, protect=last_ns is not None)
            name = f"{(stamp - first_ns) * 1e-9:.3f} s"
            if verdict == StampVerdict.STRAY:
                yield UnusableFrame(
                    f"frame {index}: its stamp, {stamp * 1e-9:.3f} s, is far from those before"
                )
                continue
            if verdict == StampVerdict.CLOCK_SET:
                last_ns = None
            if last_ns is not None and stamp <= last_ns:
                yield UnusableFrame(
                    f"frame {index}: its stamp, {stamp * 1e-9:.3f} s, is not after the one before"
                )
                continue
            try:
                depth = self._depth(waiting, depth_unit_m)
                camera = self._camera(info, depth.shape[1], depth.shape[0])
                camera.require_size(depth.shape[1], depth.shape[0])
            except ValueError as error:
                yield UnusableFrame(f"frame {index}: {error}")
                continue
            last_ns = stamp
            yield RecordedFrame(
                index, name, stamp, waiting.image.header.frame_id.lstrip("/"), depth, camera,
                clock_set=verdict == StampVerdict.CLOCK_SET,
            )  # fmt: skip

    def _pairs(self) -> Iterator[tuple[_Waiting, Any]]:
        """Every image with its camera info, None where there is none, in the order of recording."""
        options, topics = self.options, self.topics
        start_ns = None if options.start_s == 0.0 else self._first_ns + round(options.start_s * 1e9)
        end_ns = None if options.end_s is None else self._first_ns + round(options.end_s * 1e9)
        wanted = tuple(topic for topic in topics if topic is not None)
        waiting: deque[_Waiting] = deque()
        infos: deque[Any] = deque(maxlen=_INFOS_KEPT)
        if self._first_info is not None:
            infos.append(self._first_info)
        damage: RecordingError | None = None
        try:
            for message in self._bag.messages(wanted, start_ns, end_ns):
                if message.topic == topics.depth:
                    waiting.append(_Waiting(_readable(message), message.kind, message.time_ns))
                elif message.topic == topics.info:
                    info = _readable(message)
                    if not isinstance(info, RecordingError):
                        infos.append(info)
                else:
                    self._take_truth(message)
                while waiting and (topics.info is None or waiting[0].is_served(infos, message.time_ns)):
                    image = waiting.popleft()
                    yield image, _info_for(image.image, infos)
        except RecordingError as error:  # what was read before is played all the same
            damage = error
        for image in waiting:
            yield image, _info_for(image.image, infos)
        if damage is not None:
            raise damage

    def _depth(self, waiting: _Waiting, depth_unit_m: float) -> Any:
        image = waiting.image
        if waiting.kind == COMPRESSED_IMAGE:
            text = image.format if is_compressed(image.format) else f"{image.format}; {TRANSPORT}"
            return decode_compressed_depth(image.data, text, depth_unit_m)
        return decode_depth(
            image.data, image.encoding, image.width, image.height, image.step, bool(image.is_bigendian),
            depth_unit_m,
        )  # fmt: skip

    def _camera(self, info: Any, width: int, height: int) -> Camera:
        """Of an image of this size; made anew only when a number changed."""
        if self.options.intrinsics is not None:
            key: tuple[object, ...] = (width, height)
            if key not in self._cameras:
                self._cameras[key] = self.options.intrinsics.camera(width, height)
            return self._cameras[key]
        if info is None:
            raise RecordingError("there is no camera info that fits it, by stamp or by frame_id and size")
        roi = info.roi
        key = (
            info.width, info.height, info.binning_x, info.binning_y, info.distortion_model, bytes(np.asarray(info.d)),
            bytes(info.k), bytes(info.p), roi.x_offset, roi.y_offset, roi.width, roi.height,
        )  # fmt: skip
        if key not in self._cameras:
            self._cameras[key] = camera_from_info(info, self._rectified)
        return self._cameras[key]

    def _take_truth(self, message: BagMessage) -> None:
        array = _readable(message)
        if isinstance(array, RecordingError):
            return
        hands = [
            TrueHand(SIDES[hand.side], np.array([(p.x, p.y, p.z) for p in hand.joints]))
            for hand in array.hands
            if hand.side < len(SIDES) and len(hand.joints) == JOINT_COUNT
        ]
        hands = [hand for hand in hands if np.isfinite(hand.joints).all()]  # others are known to nobody
        self._truth.setdefault(stamp_ns(array.header), []).extend(hands)


def _readable(message: BagMessage) -> Any:
    """The message, or the RecordingError that says what is wrong with it: one costs only itself."""
    try:
        return message.read()
    except RecordingError as error:
        return error


def _own_info(image: Any, infos: deque[Any]) -> Any:
    """The info nearest in stamp, if it is near enough; None without one."""
    stamp = stamp_ns(image.header)
    nearest = min(infos, key=lambda info: abs(stamp_ns(info.header) - stamp), default=None)
    if nearest is None or abs(stamp_ns(nearest.header) - stamp) > _SLOP_NS:
        return None
    return nearest


def _info_for(image: Any, infos: deque[Any]) -> Any:
    """The image's own info, else the last one of its frame and size."""
    if isinstance(image, RecordingError):
        return None
    own = _own_info(image, infos)
    if own is not None:
        return own
    size: tuple[int, int] | None
    if hasattr(image, "width"):
        size = (int(image.width), int(image.height))
    else:
        try:
            size = compressed_size(image.data, image.format)
        except ValueError:
            size = None
    for info in reversed(infos):
        if same_frame(info.header.frame_id, image.header.frame_id) and size in (None, image_size(info)):
            return info
    return None
