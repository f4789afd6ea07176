"""What ROS 2 this Python has, and the topics that a tracker could use, for who reads a report of another's computer.

In: the environment, some seconds of listening. Out: plain lines on stdout. To be run in a process of its own: a
middleware that is asked for and not installed ends the whole process (``rcl`` does, with 102).
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from importlib import metadata

from hand_pose_ros.texts import shown


def main() -> None:
    """Prints the lines; what keeps ROS 2 from being asked is one of them."""
    try:
        import rclpy  # noqa: F401
    except ImportError as error:
        print(f"ROS 2: none in this shell ({shown(error)})")
        return
    print(ros_line(os.environ), flush=True)
    from hand_pose_ros.nodes.depth_topics import depth_topic_lines

    lines = depth_topic_lines()
    print("topics that a tracker could use:" if lines else "topics: nobody publishes images or camera infos")
    for line in lines:
        print(f"  {line}")


def ros_line(environment: Mapping[str, str]) -> str:
    """``ROS 2: rclpy 9.1.2, jazzy, rmw_fastrtps_cpp, this package's messages are built``.

    Raises RuntimeError or ends the process where the middleware that is asked for is not installed.
    """
    from rclpy.utilities import get_rmw_implementation_identifier

    try:
        version = f" {metadata.version('rclpy')}"
    except metadata.PackageNotFoundError:
        version = ""
    distribution = environment.get("ROS_DISTRO") or "from wheels (no distribution is sourced)"
    built = (
        "built" if importlib.util.find_spec("hand_pose_ros.msg") else "not built: make build, or colcon build"
    )
    middleware = get_rmw_implementation_identifier()
    return f"ROS 2: rclpy{version}, {distribution}, {middleware}, this package's messages are {built}"
