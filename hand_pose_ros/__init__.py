"""Articulated 3-D hand pose from a depth camera.

``from hand_pose_ros import Camera, Hand, HandTracker, TrackerConfig`` is all that tracking without ROS needs. The names
are loaded when they are first used, so that importing the package, as every consumer of its ROS messages does, loads
neither numpy nor torch.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import extend_path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hand_pose_ros.depth.camera import Camera
    from hand_pose_ros.tracking.config import TrackerConfig
    from hand_pose_ros.tracking.hand import Hand
    from hand_pose_ros.tracking.tracker import HandTracker

__all__ = ["Camera", "Hand", "HandTracker", "TrackerConfig"]

# The message generator installs a package of this name too, with `msg` inside. Extending the path lets the sources,
# first on the path, and the generated messages, further along it, be one package.
__path__ = extend_path(__path__, __name__)

_MODULE_OF_NAME = {
    "Camera": "hand_pose_ros.depth.camera",
    "Hand": "hand_pose_ros.tracking.hand",
    "HandTracker": "hand_pose_ros.tracking.tracker",
    "TrackerConfig": "hand_pose_ros.tracking.config",
}


if not TYPE_CHECKING:  # or a type checker would take every name for one of the package's

    def __getattr__(name: str) -> object:
        if name not in _MODULE_OF_NAME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(_MODULE_OF_NAME[name]), name)
        globals()[name] = value  # the next look-up finds it without this function
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
