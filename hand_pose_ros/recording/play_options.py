"""What is played of a recording, and how it is read.

In: names, seconds. Out: :class:`PlayOptions`, checked. No ROS.
"""

from __future__ import annotations

from dataclasses import dataclass

from hand_pose_ros.recording.intrinsics import Intrinsics
from hand_pose_ros.recording.recorded_frame import RecordingError
from hand_pose_ros.validation import numbers, one_of, require

_LONGEST_S = 1e9
"""No recording is longer, seconds. Guessed: thirty years."""


@dataclass(frozen=True)
class PlayOptions:
    """ValueError on what makes no sense."""

    depth_topic: str | None = None
    """The depth images' topic in a bag; None: the only one that there is."""
    info_topic: str | None = None
    """The camera infos' topic; None: the one beside the images."""
    truth_topic: str | None = None
    """Known hands' topic; None: the one called truth, if there is one."""
    intrinsics: Intrinsics | None = None
    """Take the place of the camera infos."""
    rectified: str = "auto"
    """true: distortion is ignored and P taken for K; auto: where a bag's topic starts with image_rect."""
    start_s: float = 0.0
    """What was recorded before this is left out, seconds after the first image."""
    end_s: float | None = None
    """What was recorded from this on is left out, seconds after the first image; None: nothing."""

    def __post_init__(self) -> None:
        one_of(self, ("auto", "true", "false"), "rectified")
        numbers(self, "start_s")
        require(0.0 <= self.start_s < _LONGEST_S, "", "start", self.start_s, "seconds, at least 0")
        if self.end_s is not None:
            numbers(self, "end_s")
            require(self.start_s < self.end_s < _LONGEST_S, "", "end", self.end_s, "seconds, more than start")

    def require_folder(self) -> None:
        """RecordingError when something is asked for that a folder of frames does not have."""
        for name in ("depth_topic", "info_topic", "truth_topic"):
            if getattr(self, name) is not None:
                raise RecordingError(
                    f"--{name.replace('_', '-')} is for bags: a folder of frames has no topics"
                )
