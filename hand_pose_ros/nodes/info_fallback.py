"""Camera infos that come less often than images: which images are left without a partner, and which info serves them.

In: images and infos of the two topics as they arrive, pairs as the matching by stamp makes them. Out: images with the
last camera info that fits, once no partner of their own came within a frame's interval; at once, when infos are known
to come less often. Every image is handed out once, and none after a newer one. All times are steady, in seconds.
"""

from __future__ import annotations

import statistics
from collections import deque

from sensor_msgs.msg import CameraInfo, Image

from hand_pose_ros.depth.camera_info import image_size, same_frame
from hand_pose_ros.nodes.conversions import stamp_ns
from hand_pose_ros.validation import shown

# So many images wait at most: as many as the matching keeps.
_MOST_WAITING = 5
# With so many images since the last info infos are slower than images; with so many infos in a row, with one image at
# most between them, they are not. Guessed: an info may be lost now and then.
_IMAGES_OF_SLOW_INFOS = 3
_INFOS_IN_STEP = 3
# What an image waits while the interval between images is not known, and at most, s. Guessed.
_FIRST_INTERVAL_S = 0.1
_MOST_INTERVAL_S = 1.0
# An image that has waited for fewer intervals is handed out before one that would overtake it; where one waits for
# longer no infos have come yet. Guessed.
_MOST_OVERTAKEN_INTERVALS = 2.0
# An image that has waited for as long as so many take, and for this long at least (bursts), waits in vain, s. Guessed.
_LEAST_VAIN_S = 0.3
_MEMORY = 5
"""Intervals between images that are remembered."""


class InfoFallback:
    """The images without a partner so far, and the last camera info."""

    def __init__(self) -> None:
        self._intervals_s: deque[float] = deque(maxlen=_MEMORY)
        self._last_image_s: float | None = None
        self.last_info: CameraInfo | None = None
        self.infos_are_slow = False
        self._images_since_info = 0
        self._infos_in_step = 0
        self._waiting: dict[int, tuple[Image, float]] = {}
        self._served: deque[int] = deque(maxlen=2 * _MOST_WAITING)
        self._newest_served_ns: int | None = None

    @property
    def interval_s(self) -> float:
        """The usual time between two images."""
        known = statistics.median(self._intervals_s) if self._intervals_s else _FIRST_INTERVAL_S
        return min(known, _MOST_INTERVAL_S)

    @property
    def waiting(self) -> list[Image]:
        """The images without a partner so far, the oldest first."""
        return [image for image, _ in self._waiting.values()]

    def knows(self, image: Image) -> bool:
        """Whether an image of this stamp waits, or was handed out lately."""
        stamp = stamp_ns(image)
        return stamp in self._waiting or stamp in self._served

    def forget_images(self) -> int:
        """None waits any more, and none was handed out: stamps begin anew. Returns how many waited."""
        waited = len(self._waiting)
        self._waiting.clear()
        self._served.clear()
        self._newest_served_ns = None
        return waited

    def take_image(self, image: Image, now_s: float) -> int:
        """An image arrived; returns how many that waited longest are given up for it."""
        if self._last_image_s is not None:
            self._intervals_s.append(now_s - self._last_image_s)
        self._last_image_s = now_s
        self._images_since_info += 1
        if self._images_since_info >= _IMAGES_OF_SLOW_INFOS:
            self.infos_are_slow, self._infos_in_step = True, 0
        self._waiting[stamp_ns(image)] = (image, now_s)
        given_up = 0
        while len(self._waiting) > _MOST_WAITING:
            del self._waiting[next(iter(self._waiting))]
            given_up += 1
        return given_up

    def take_info(self, info: CameraInfo) -> None:
        """A camera info arrived."""
        self.last_info = info
        self._infos_in_step = self._infos_in_step + 1 if self._images_since_info <= 1 else 0
        if self._infos_in_step >= _INFOS_IN_STEP:
            self.infos_are_slow = False
        self._images_since_info = 0

    def take_pair(self, image: Image) -> bool:
        """A pair was made; returns whether it is to be used: the image was not served before."""
        stamp = stamp_ns(image)
        self._waiting.pop(stamp, None)
        if stamp in self._served:
            return False
        self._note_served(stamp)
        return True

    def give_up_overtaken(self) -> int:
        """Images that still wait for an info when a newer image was handed out are of no use any more: infos that began
        to come late had none for them. Returns how many there were."""
        newest_ns = self._newest_served_ns
        overtaken = [stamp for stamp in self._waiting if newest_ns is not None and stamp < newest_ns]
        for stamp in overtaken:
            del self._waiting[stamp]
        return len(overtaken)

    def give_up_late(self, now_s: float) -> int:
        """Images that have waited for as long as they would where others came after them are of no use any more, and
        none of them is handed out. Returns how many there were."""
        patience_s = max(_MOST_WAITING * self.interval_s, _LEAST_VAIN_S)
        late = [stamp for stamp, (_, arrival_s) in self._waiting.items() if now_s - arrival_s > patience_s]
        for stamp in late:
            del self._waiting[stamp]
            self._served.append(stamp)
        return len(late)

    def _note_served(self, stamp_ns: int) -> None:
        self._served.append(stamp_ns)
        self._newest_served_ns = max(stamp_ns, self._newest_served_ns or stamp_ns)

    def misfit(self) -> str | None:
        """In words, why the last info serves none of the images that wait; None when it does, or there is none."""
        info = self.last_info
        image = next((image for image in self.waiting if info is not None and not fits(image, info)), None)
        if info is None or image is None:
            return None
        return (
            f"the last one is of frame '{shown(info.header.frame_id)}' and {info.width}x{info.height}, the image of"
            f" '{shown(image.header.frame_id)}' and {image.width}x{image.height}: the driver must publish an info of"
            " the image's own, or depth/camera_info must be remapped to the topic that has it"
        )

    def serve(self, now_s: float, before_ns: int | None = None) -> list[tuple[Image, CameraInfo]]:
        """The images that wait no longer, with the last info; those that it does not fit go on waiting.

        ``before_ns``: instead those that an image of that stamp is about to overtake, and that do not wait for long.
        """
        info = self.last_info
        if info is None:
            return []
        wait_s = 0.0 if self.infos_are_slow else self.interval_s
        served = []
        for stamp, (image, arrival_s) in list(self._waiting.items()):
            waited_s = now_s - arrival_s
            if before_ns is None:
                due = waited_s >= wait_s
            else:
                due = stamp < before_ns and waited_s < _MOST_OVERTAKEN_INTERVALS * self.interval_s
            if due and fits(image, info):
                del self._waiting[stamp]
                self._note_served(stamp)
                served.append((image, info))
        return served


def fits(image: Image, info: CameraInfo) -> bool:
    """Whether a camera info is of the image's size, binning and region of interest counted in, and of its frame, unless
    one of the two names none."""
    return same_frame(image.header.frame_id, info.header.frame_id) and image_size(info) == (
        image.width,
        image.height,
    )
