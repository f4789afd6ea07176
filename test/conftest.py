"""Shared by every test session: a corner of ROS of its own, set before anything imports rclpy, and no stopwatch."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parents[1]

# A domain of this session's own, so that neither a robot in the house nor a second session is heard. 101 is the
# largest id whose ports stay below those that Linux hands out to others.
os.environ.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 101))
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
os.environ.setdefault("FASTDDS_DEFAULT_PROFILES_FILE", str(ROOT / "config" / "fastdds.xml"))

# A loaded machine is slow; that makes no property false.
settings.register_profile("hand_pose_ros", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("hand_pose_ros")
