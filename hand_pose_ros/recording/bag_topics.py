"""Which topics of a bag are the depth camera's: found by type and content, named where that is not enough.

In: an open :class:`~hand_pose_ros.recording.bag.Bag` and the names that were asked for. Out: :class:`BagTopics`;
RecordingError that lists what there is.
"""

from __future__ import annotations

from typing import NamedTuple

from hand_pose_ros.depth.camera_info import image_size, same_frame
from hand_pose_ros.depth.compressed import TRANSPORT, is_compressed
from hand_pose_ros.recording.bag import Bag
from hand_pose_ros.recording.recorded_frame import RecordingError
from hand_pose_ros.recording.ros_types import CAMERA_INFO, COMPRESSED_IMAGE, HAND_POSE_ARRAY, IMAGE
from hand_pose_ros.validation import shown

_DEPTH_ENCODINGS = ("16UC1", "32FC1")
_MAYBE_DEPTH = "mono16"  # of infrared pictures too
_TRUTH = "truth"
# Topics that a message lists, at most. Guessed.
_MOST_LISTED = 12


class BagTopics(NamedTuple):
    """The topics that are played."""

    depth: str
    """Of sensor_msgs/Image, or of CompressedImage with compressedDepth."""
    info: str | None
    """Of its sensor_msgs/CameraInfo, None where the bag has none and intrinsics are given."""
    truth: str | None
    """Of known hands, HandPoseArray; None where there is none."""


def find_topics(
    bag: Bag,
    depth: str | None = None,
    info: str | None = None,
    truth: str | None = None,
    needs_info: bool = True,
) -> BagTopics:
    """The topics to play; a name that is given is taken. ``needs_info``: no intrinsics are given instead.

    RecordingError when one is not there, is of another type, or when there are several to choose from.
    """
    kinds = bag.topics()
    if depth is None:
        depth = _only_depth(bag, kinds)
    else:
        _require(bag, kinds, depth, (IMAGE, COMPRESSED_IMAGE), "--depth-topic")
    if bag.first(depth) is None:
        raise RecordingError(f"there is no image on '{depth}' in the bag '{bag.path}'")
    if info is not None:
        _require(bag, kinds, info, (CAMERA_INFO,), "--info-topic")
    elif needs_info:
        info = _info_of(bag, kinds, depth)
    if truth is not None:
        _require(bag, kinds, truth, (HAND_POSE_ARRAY,), "--truth-topic")
    else:
        of_type = [topic for topic, kind in kinds.items() if kind == HAND_POSE_ARRAY]
        truth = next((topic for topic in of_type if topic.rpartition("/")[2] == _TRUTH), None)
    return BagTopics(depth, info, truth)


def plain_topic(topic: str) -> str:
    """The name of a depth topic without image_transport's ending."""
    return topic.removesuffix(f"/{TRANSPORT}")


def _only_depth(bag: Bag, kinds: dict[str, str]) -> str:
    """The one depth topic of a bag; raw images are taken rather than compressed ones of the same camera."""
    sure, maybe = _depth_topics(bag, kinds)
    found = sure or maybe
    found = [topic for topic in found if plain_topic(topic) == topic or plain_topic(topic) not in found]
    if not found:
        bag.require_whole("its first depth image")
        topics = "; it has " + _listed(
            [f"{topic} ({_content(bag, topic, kind)})" for topic, kind in kinds.items()]
        )
        raise RecordingError(
            f"there are no depth images (sensor_msgs/Image of {' or '.join(_DEPTH_ENCODINGS)}, or {TRANSPORT}) in the"
            f" bag '{bag.path}'{topics if kinds else ''}"
        )
    if len(found) > 1:
        raise RecordingError(
            f"the bag '{bag.path}' has {len(found)} topics with depth images: name one of {_listed(found)} with"
            " --depth-topic"
        )
    return found[0]


def _content(bag: Bag, topic: str, kind: str) -> str:
    """What a topic holds: its type, and of images what they are encoded in."""
    image = bag.first_readable(topic) if kind in (IMAGE, COMPRESSED_IMAGE) else None
    if image is None:
        return kind
    return f"{kind} of '{image.encoding if kind == IMAGE else image.format}'"


def _depth_topics(bag: Bag, kinds: dict[str, str]) -> tuple[list[str], list[str]]:
    """Topics whose first image is depth, and those of 16-bit grey pictures that may be."""
    sure: list[str] = []
    maybe: list[str] = []
    for topic, kind in kinds.items():
        if kind not in (IMAGE, COMPRESSED_IMAGE) or not bag.count(topic):
            continue
        image = bag.first_readable(topic)
        if image is None:
            continue
        if kind == COMPRESSED_IMAGE:
            if is_compressed(image.format) or topic.endswith(f"/{TRANSPORT}"):
                sure.append(topic)
        elif image.encoding in _DEPTH_ENCODINGS:
            sure.append(topic)
        elif image.encoding == _MAYBE_DEPTH:
            (sure if "depth" in topic else maybe).append(topic)
    return sure, maybe


def _info_of(bag: Bag, kinds: dict[str, str], depth: str) -> str:
    """The camera info beside a depth topic; else the only one that fits its first image."""
    infos = [topic for topic, kind in kinds.items() if kind == CAMERA_INFO and bag.count(topic)]
    beside = plain_topic(depth).rpartition("/")[0] + "/camera_info"
    if beside in infos:
        return beside
    if not infos:
        bag.require_whole("its first camera info")
        raise RecordingError(
            f"there is no camera info in the bag '{bag.path}': give --intrinsics FX,FY,CX,CY, or a file of them"
        )
    image = bag.first_readable(depth)
    fitting = []
    for topic in infos:
        info = bag.first_readable(topic)
        if image is None or info is None or not same_frame(info.header.frame_id, image.header.frame_id):
            continue
        if not hasattr(image, "width") or image_size(info) == (image.width, image.height):
            fitting.append(topic)
    if len(fitting) == 1:
        return fitting[0]
    if len(infos) == 1:
        return infos[0]
    raise RecordingError(
        f"which camera info belongs to '{depth}'? Name one of {_listed(fitting or infos)} with --info-topic"
    )


def _require(bag: Bag, kinds: dict[str, str], topic: str, wanted: tuple[str, ...], option: str) -> None:
    if topic not in kinds:
        bag.require_whole(f"the first message on '{shown(topic)}'")
        of_kind = [name for name, kind in kinds.items() if kind in wanted]
        have = f"want one of {_listed(of_kind)}" if of_kind else f"and there is none of {' or '.join(wanted)}"
        raise RecordingError(f"{option} is '{shown(topic)}', which is not in the bag: {have}")
    if kinds[topic] not in wanted:
        raise RecordingError(f"{option} is '{shown(topic)}' of {kinds[topic]}, want {' or '.join(wanted)}")


def _listed(names: list[str]) -> str:
    more = len(names) - _MOST_LISTED
    return shown(", ".join(sorted(names)[:_MOST_LISTED]), 1000) + (f" and {more} more" if more > 0 else "")
