"""Images and camera infos that belong together by their stamps, as message_filters pairs them.

In: messages in the order of arrival. Out: the pairs that each of them completes. They are handed back rather than to a
callback: message_filters holds a lock while it calls, and keeps it for ever once that raises.
"""

from __future__ import annotations

from collections.abc import Iterable

from message_filters import ApproximateTimeSynchronizer, SimpleFilter, TimeSynchronizer
from sensor_msgs.msg import CameraInfo, Image

_QUEUE_SIZE = 5  # messages of each input that wait for their match; guessed

Pairs = list[tuple[Image, CameraInfo]]


class StampMatching:
    """``slop_s`` 0 matches equal stamps only, else stamps nearer than that."""

    def __init__(self, slop_s: float) -> None:
        self._slop_s = slop_s
        self._pairs: Pairs = []
        self.begin_afresh()

    def begin_afresh(self, info: CameraInfo | None = None, images: Iterable[Image] = ()) -> Pairs:
        """Empty queues, but for these messages; their pairs."""
        # message_filters cannot empty its queues: a new pair of filters takes the place of the old one.
        self._images, self._infos = SimpleFilter(), SimpleFilter()
        inputs = [self._images, self._infos]
        if self._slop_s > 0.0:
            self._synchronizer = ApproximateTimeSynchronizer(inputs, _QUEUE_SIZE, self._slop_s)
        else:
            self._synchronizer = TimeSynchronizer(inputs, _QUEUE_SIZE)
        self._synchronizer.registerCallback(lambda image, info: self._pairs.append((image, info)))
        pairs = [] if info is None else self.take_info(info)
        return pairs + [pair for image in images for pair in self.take_image(image)]

    def take_image(self, image: Image) -> Pairs:
        """The pairs that an image completes."""
        return self._take(self._images, image)

    def take_info(self, info: CameraInfo) -> Pairs:
        """The pairs that a camera info completes."""
        return self._take(self._infos, info)

    def _take(self, where: SimpleFilter, message: Image | CameraInfo) -> Pairs:
        if message.header.stamp.sec < 0:  # no time of rclpy's: message_filters would raise, see above
            return []
        where.signalMessage(message)
        pairs, self._pairs = self._pairs, []
        return pairs
