"""The parameter ``target_frame``: where a depth image's frame is in another frame, by the transforms on /tf.

In: headers of depth images. Out: rotation (3, 3) and translation (3,) m that lead from the image's frame to the target.
"""

from __future__ import annotations

import time
from typing import NamedTuple

import numpy as np
import tf2_ros
from geometry_msgs.msg import TransformStamped
from rclpy.node import Node
from rclpy.time import Time
from std_msgs.msg import Header

from hand_pose_ros.nodes.conversions import rotation_matrix
from hand_pose_ros.nodes.throttled_logger import ThrottledLogger

_PATIENCE_S = 0.05
"""How long the worker waits for a transform that is still on its way. Guessed: one to two periods of a robot's joint
states, short against what a person notices."""
_ASK_S = 0.002
"""How long it waits before it asks again. Guessed. tf2's own wait asks every 20 ms: a transform that is a little late
would cost the frame all of them."""


class Placement(NamedTuple):
    """Where the camera is in the target frame."""

    rotation: np.ndarray
    """(3, 3): the columns are the image frame's axes in the target frame."""
    translation: np.ndarray
    """(3,) m."""


class TargetFrame:
    """Listens to /tf and /tf_static. ValueError where tf2's Python module cannot listen."""

    def __init__(self, node: Node, name: str, throttled_logger: ThrottledLogger) -> None:
        if not (hasattr(tf2_ros, "Buffer") and hasattr(tf2_ros, "TransformListener")):
            raise ValueError(
                f"parameter 'target_frame' is '{name}', but the tf2_ros of this installation cannot listen to"
                " transforms (it has no Buffer): install ROS's own tf2_ros, or leave target_frame empty"
            )
        self.name = name
        self._throttled_logger = throttled_logger
        self._last_stamp_ns = 0
        self._buffer = tf2_ros.Buffer()  # with the node it would offer a service that cannot be taken back
        self._listener = tf2_ros.TransformListener(self._buffer, node)

    def see(self, header: Header) -> None:
        """The header of every image, with hands or without."""
        stamp_ns = Time.from_msg(header.stamp).nanoseconds
        if stamp_ns < self._last_stamp_ns:
            # A bag that loops: tf2 would take no transform until its clock has caught up.
            self._buffer.clear()
        self._last_stamp_ns = stamp_ns

    def placement(self, header: Header) -> Placement | None:
        """Returns where the frame of ``header`` is in the target frame at its stamp.

        None, and a warning, when tf2 does not know; it is waited for a little. From another thread than the executor's.
        """
        source, stamp = header.frame_id, Time.from_msg(header.stamp)
        try:
            stamped = self._awaited(source, stamp)
        except (tf2_ros.TransformException, ValueError, TypeError) as error:
            self._throttled_logger.warn(
                "target frame", f"nothing published: no transform from '{source}' to '{self.name}': {error}"
            )
            return None
        t, q = stamped.transform.translation, stamped.transform.rotation
        return Placement(rotation_matrix(q.x, q.y, q.z, q.w), np.array([t.x, t.y, t.z]))

    def _awaited(self, source: str, stamp: Time) -> TransformStamped:
        """tf2's transform; its exception when ``_PATIENCE_S`` later there is still none."""
        end_s = time.monotonic() + _PATIENCE_S
        while True:
            try:
                return self._buffer.lookup_transform(self.name, source, stamp)
            except tf2_ros.TransformException:
                if time.monotonic() >= end_s:
                    raise
            time.sleep(_ASK_S)

    def close(self) -> None:
        """Ends the subscriptions."""
        self._listener.unregister()
