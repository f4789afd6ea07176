"""The packages of others that are used here, and how one gets what is not there.

In: the name of a Python module, as an import names it, or the error of an import. Out: what to do, in words. Needs
nothing but Python. ``pyproject.toml`` declares the same packages; a test holds the two equal.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
from typing import NamedTuple

from hand_pose_ros.texts import shown


class Package(NamedTuple):
    """One package of the Python package index."""

    module: str
    """As an import names it."""
    distribution: str
    """Its name for pip."""
    use: str = ""
    """What it is for, where tracking does without it; empty: nothing does."""
    install: str = ""
    """What pip is to be given, where that is not the name alone."""

    @property
    def how(self) -> str:
        """How one gets it."""
        return f"pip install {self.install or self.distribution}"

    @property
    def there(self) -> bool:
        """Whether it can be found; it is not imported."""
        try:
            return importlib.util.find_spec(self.module) is not None
        except (ImportError, ValueError):
            return False

    @property
    def version(self) -> str:
        """Its version; empty where it says none, as what a distribution of Linux brings may not."""
        try:
            return importlib.metadata.version(self.distribution)
        except importlib.metadata.PackageNotFoundError:
            return ""


PACKAGES: tuple[Package, ...] = (
    Package("torch", "torch"),
    Package("numpy", "numpy"),
    Package("scipy", "scipy"),
    Package("sklearn", "scikit-learn"),
    Package("numba", "numba"),
    Package("cv2", "opencv-python-headless"),
    Package("safetensors", "safetensors"),
    Package("rich", "rich"),
    Package("tqdm", "tqdm"),
    Package("PIL", "pillow"),
    Package("yaml", "pyyaml"),
    Package("rosbags", "rosbags"),
    Package("onnxruntime", "onnxruntime", "the networks in less time on a CPU"),
    Package("openvino", "openvino", "the networks in bfloat16 on a CPU"),
    Package("matplotlib", "matplotlib", "figures"),
    Package("onnx", "onnx", "hand-pose export --onnx", "onnx onnxscript"),
    Package("onnxscript", "onnxscript", "hand-pose export --onnx", "onnx onnxscript"),
    Package("dexi_rs", "dexi-rs", "an engine of robots' hands", "dexi-rs==0.4.1"),
)
"""Those that the package needs, then those that are for something more."""

_ROS = "source a ROS 2 distribution, or without one: make build, then source tools/environment.sh"
_MESSAGES = (
    "make build, then source tools/environment.sh; in a workspace colcon build, then source its setup.bash"
)
_OF_ROS = (
    "ament_",
    "cv_bridge",
    "launch",
    "message_filters",
    "rcl",
    "ros2",
    "rosbag2",
    "rosgraph",
    "rosidl",
    "tf2_",
)
_ENDS_OF_ROS = ("_interfaces", "_msgs", "_srvs")
"""How the names of ROS's modules begin and end."""


def how_to_get(module: str) -> str:
    """What brings a module, such as ``pip install torch``; empty where that is not known."""
    top = module.partition(".")[0]
    for package in PACKAGES:
        if package.module == top:
            return package.how
    if module.startswith("hand_pose_ros.msg"):
        return _MESSAGES
    return _ROS if top.startswith(_OF_ROS) or top.endswith(_ENDS_OF_ROS) else ""


def needs(error: ModuleNotFoundError) -> str:
    """What is missing and what brings it, such as "needs onnx: pip install onnx onnxscript".

    An own module that is missing is a defect, and raised again.
    """
    module = error.name or ""
    top, how = module.partition(".")[0], how_to_get(module)
    if top in ("", "hand_pose_ros", "research") and not how:
        raise error
    name = "the messages of hand_pose_ros" if top == "hand_pose_ros" else shown(top)
    return f"needs {name}: {how}" if how else f"needs {name}, which is not installed"
