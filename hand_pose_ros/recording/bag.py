"""A rosbag2 recording: which topics it has, and their messages. Read with ``rosbags``; no ROS is needed.

In: a bag's folder, or one storage file of it (.mcap, .db3); whole or by messages compressed ones too. Out:
:class:`Bag`, whose messages come in order of the time at which they were recorded. Whatever is wrong with the files
ends in a RecordingError that names them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from rosbags.rosbag2 import Reader
from rosbags.serde import SerdeError

from hand_pose_ros.recording.bag_files import storage_path
from hand_pose_ros.recording.recorded_frame import RecordingError
from hand_pose_ros.recording.ros_types import type_store
from hand_pose_ros.validation import shown


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
        """Opens a bag. RecordingError when it is none, or damaged."""
        self.path = path
        with self._named_faults("cannot be opened"):
            self._reader = Reader(storage_path(path))
            self._reader.open()

    def __enter__(self) -> Bag:
        return self

    def __exit__(self, *_: object) -> None:
        with self._named_faults("cannot be closed"):
            self._reader.close()

    def topics(self) -> dict[str, str]:
        """Type of each topic by its name."""
        return {connection.topic: connection.msgtype for connection in self._reader.connections}

    def count(self, topic: str) -> int:
        """Messages of a topic."""
        return sum(c.msgcount for c in self._reader.connections if c.topic == topic)

    def messages(
        self, topics: tuple[str, ...], start_ns: int | None = None, end_ns: int | None = None
    ) -> Iterator[BagMessage]:
        """Messages of some topics from ``start_ns`` on and before ``end_ns``, by the time of recording.

        RecordingError where the files are damaged from here on.
        """
        wanted = [c for c in self._reader.connections if c.topic in topics]
        if not wanted:
            return
        with self._named_faults("is damaged"):
            for connection, time_ns, data in self._reader.messages(wanted, start=start_ns, stop=end_ns):
                yield BagMessage(connection.topic, connection.msgtype, time_ns, data)

    def first(self, topic: str) -> BagMessage | None:
        """The first message of a topic, None when it has none."""
        return next(iter(self.messages((topic,))), None)

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
