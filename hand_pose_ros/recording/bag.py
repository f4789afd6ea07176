"""A rosbag2 recording: which topics it has, and their messages. Read with ``rosbags``; no ROS is needed.

In: a bag's folder, or one storage file of it (.mcap, .db3); whole or by messages compressed ones too. Out:
:class:`Bag`, whose messages come in order of the time at which they were recorded. Whatever is wrong with the files
ends in a RecordingError that names them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from rosbags.rosbag2 import Reader
from rosbags.serde import SerdeError

from hand_pose_ros.recording.bag_files import storage_path
from hand_pose_ros.recording.cut_mcap import BagPath, cut_files
from hand_pose_ros.recording.recorded_frame import RecordingError
from hand_pose_ros.recording.ros_types import (
    CAMERA_INFO,
    COMPRESSED_IMAGE,
    HAND_POSE_ARRAY,
    IMAGE,
    type_store,
)
from hand_pose_ros.validation import shown

PLAYED = (IMAGE, COMPRESSED_IMAGE, CAMERA_INFO, HAND_POSE_ARRAY)
"""Types of messages that a recording is made of."""
_MOST_TRIED = 100
"""So many messages are tried to learn what a topic holds. Guessed: three seconds of a camera."""


class BagMessage(NamedTuple):
    """One message as it was recorded."""

    topic: str
    kind: str
    """Its type, such as sensor_msgs/msg/Image."""
    time_ns: int
    """When it was recorded."""
    data: bytes
    """CDR."""

    def read(self) -> Any:
        """The message. RecordingError when its bytes are not of its type."""
        try:
            return type_store().deserialize_cdr(self.data, self.kind)
        except (SerdeError, KeyError, IndexError, TypeError, OverflowError, MemoryError) as error:
            raise RecordingError(
                f"a message on '{self.topic}' is no {self.kind}: {shown(error) or type(error).__name__}"
            ) from error


class Bag:
    """An open bag; use it in a ``with`` statement."""

    def __init__(self, path: Path) -> None:
        """Opens a bag, even one whose end is missing. RecordingError when it is none, or damaged."""
        self.path = path
        with self._named_faults("cannot be opened"):
            storage = storage_path(path)
            self._cut = {file: _end_ns(file) for file in cut_files(storage)}
            self._reader = Reader(BagPath(storage))
            self._reader.open()
        # A recorder takes two types of one name as two topics; here a name stands for one: for the type that is played.
        self._kinds: dict[str, str] = {}
        for connection in self._reader.connections:
            if self._kinds.get(connection.topic) not in PLAYED:
                self._kinds[connection.topic] = connection.msgtype

    def __enter__(self) -> Bag:
        return self

    def __exit__(self, *_: object) -> None:
        with self._named_faults("cannot be closed"):
            self._reader.close()

    def topics(self) -> dict[str, str]:
        """Type of each topic by its name; of several types under one name one that is played, if there is one."""
        return dict(self._kinds)

    def count(self, topic: str) -> int:
        """Messages of a topic."""
        return sum(c.msgcount for c in self._connections((topic,)))

    def messages(
        self, topics: tuple[str, ...], start_ns: int | None = None, end_ns: int | None = None
    ) -> Iterator[BagMessage]:
        """Messages of some topics from ``start_ns`` on and before ``end_ns``, by the time of recording.

        RecordingError where the files are damaged from here on, or where they break off.
        """
        wanted = self._connections(topics)
        if not wanted:
            return
        with self._named_faults("is damaged"):
            for connection, time_ns, data in self._reader.messages(wanted, start=start_ns, stop=end_ns):
                yield BagMessage(connection.topic, connection.msgtype, time_ns, data)
        for file, cut_ns in self._cut.items():
            if end_ns is None or end_ns > cut_ns:
                raise RecordingError(self._breaks_off(f"at the end of {file.name}"))

    def require_whole(self, before: str) -> None:
        """RecordingError where a file breaks off, which says that it does so before what is looked for."""
        if self._cut:
            raise RecordingError(self._breaks_off(f"before {before}"))

    def _breaks_off(self, where: str) -> str:
        return (
            f"the bag '{self.path}' breaks off {where}: its recorder was killed, or a copy was not finished"
        )

    def first(self, topic: str) -> BagMessage | None:
        """The first message of a topic, None when it has none."""
        return next(iter(self.messages((topic,))), None)

    def first_readable(self, topic: str) -> Any | None:
        """The first message of a topic that can be read, among its first ones; None when there is none such."""
        for message in islice(self.messages((topic,)), _MOST_TRIED):
            with suppress(RecordingError):
                return message.read()
        return None

    def _connections(self, topics: tuple[str, ...]) -> list[Any]:
        """Of these topics, of the one type that each name stands for."""
        return [
            c for c in self._reader.connections if c.topic in topics and c.msgtype == self._kinds[c.topic]
        ]

    @contextmanager
    def _named_faults(self, what: str) -> Iterator[None]:
        try:
            yield
        except (RecordingError, GeneratorExit):
            raise
        except Exception as error:
            # A damaged file fails in rosbags, in its decompressors and in SQLite, each in ways of its own.
            text = shown(error) or type(error).__name__
            if isinstance(error, OSError) and error.strerror:
                text = error.strerror
            raise RecordingError(f"the bag '{self.path}' {what}: {text}") from error


def _end_ns(file: Path) -> int:
    """When the last message of a storage file was recorded, and a nanosecond."""
    with Reader(BagPath(file)) as reader:
        return int(reader.end_time)
