"""Environment that gives a process room for depth images in Fast DDS's shared memory (config/fastdds.xml)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

# Fast DDS of these distributions reads the profile by its former name.
_FORMER_NAME_DISTRIBUTIONS = ("humble", "jazzy")


def profile_environment(profile: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Returns what is to be added to ``environment``; a profile that is set there already stays."""
    names = ["FASTDDS_DEFAULT_PROFILES_FILE"]
    if environment.get("ROS_DISTRO") in _FORMER_NAME_DISTRIBUTIONS:
        names.append("FASTRTPS_DEFAULT_PROFILES_FILE")
    return {name: str(profile) for name in names if name not in environment}
