"""The tracker node's parameters -> the tracker that they describe. No node, no topic.

In: values by name (``tracker_parameters``). Out: ``TrackerConfig``, ``HandTracker``. Only this module knows the folders
that ROS users expect.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from hand_pose_ros.nodes.file_urls import local_path
from hand_pose_ros.tracking.config import TrackerConfig, refinement
from hand_pose_ros.tracking.user_profile import load_profile

if TYPE_CHECKING:
    from hand_pose_ros.tracking.tracker import HandTracker


class Values(Protocol):
    """Parameters by name: ``DeclaredParameters``, or a dictionary."""

    def __getitem__(self, name: str, /) -> Any: ...


def build_tracker(parameters: Values) -> HandTracker:
    """Builds the tracker that the parameters describe; ValueError or OSError when that is impossible."""
    # Here and not above: torch takes seconds to import, in which the node would neither log nor answer.
    from hand_pose_ros.depth.warm_up import warm_up_depth
    from hand_pose_ros.tracking.input_hints import InputWarning
    from hand_pose_ros.tracking.tracker import HandTracker

    warnings.simplefilter("ignore", InputWarning)  # the node says the same in its log and in the diagnostics
    config = tracker_config(parameters)
    if config.user and load_profile(config.user_folder, config.user) is None:
        _make_folder(Path(config.user_folder))
    tracker = HandTracker(local_path("model", parameters["model"]) or None, config)
    warm_up_depth()
    return tracker


def tracker_config(parameters: Values) -> TrackerConfig:
    """Returns the parameters as the tracker's settings; ValueError names one that makes no sense."""
    names = (
        "side", "hands", "device", "backend", "threads", "precision", "start_odds", "min_confidence", "coast_s", "user",
    )  # fmt: skip
    return TrackerConfig(
        roi=tuple(parameters["roi"]) if any(parameters["roi"]) else None,
        user_folder=_users_folder(parameters["user_folder"], parameters["user"]),
        **refinement(parameters["refine"], parameters["smoothing_hz"]),
        **{name: parameters[name] for name in names},
    )


def user_folder(given: str) -> Path:
    """Returns the folder of the users' hands; '' is ``hand_pose_ros/users`` in $ROS_HOME, or in ~/.ros."""
    if given:
        return Path(given).expanduser()
    home = os.environ.get("ROS_HOME")
    return (Path(home) if home else Path.home() / ".ros") / "hand_pose_ros" / "users"


def _users_folder(given: str, user: str) -> str:
    """The folder; empty where there is none and no user is asked for."""
    try:
        return str(user_folder(given))
    except RuntimeError as error:  # no HOME, and no entry for this user id
        if user:
            raise ValueError(
                f"the folder of user '{user}' is not known ({error}): set the parameter 'user_folder', ROS_HOME or HOME"
            ) from error
        return ""


def _make_folder(folder: Path) -> None:
    """Makes the folder now, so that saving a learnt hand cannot fail later. OSError names the folder."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(f"the users' folder '{folder}' cannot be made: {error.strerror}") from error
    if not os.access(folder, os.W_OK):
        raise OSError(f"the users' folder '{folder}' cannot be written to")
