"""What is installed with the tracker node is what it uses: nothing of training, figures and demo is on its path."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not here: source a distribution, or run make build")

NEEDED = {"cv2", "numba", "numpy", "scipy"}
"""Third-party modules, beside those of ROS, that the tracker node imports."""
LOADED = {"torch": {"safetensors", "torch"}, "onnxruntime": {"onnxruntime"}}
"""The same of what it imports when it loads the model, by backend: it takes time, and the node is to speak before."""

NOT_NEEDED = {"PIL", "matplotlib", "rich", "rosbags", "sklearn", "tqdm", "yaml"}
"""Dependencies of the package that the node does without. rclpy itself needs yaml."""

ROS = {
    "builtin_interfaces", "cv_bridge", "diagnostic_msgs", "geometry_msgs", "message_filters", "rcl_interfaces", "rclpy",
    "sensor_msgs", "std_msgs", "std_srvs", "tf2_ros", "visualization_msgs",
}  # fmt: skip

# Notes the top-level modules that files of the package import, wherever in the file, and lets nobody import what the
# node is said not to need (torch takes tqdm where it is).
PROGRAM = """
import builtins, importlib.abc, sys

class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {absent!r}:
            raise ModuleNotFoundError(f"No module named '{{name}}'", name=name)

sys.meta_path.insert(0, Absent())
imported, original = set(), builtins.__import__

def noting(name, globals=None, locals=None, fromlist=(), level=0):
    if globals and str(globals.get("__name__", "")).split(".")[0] == "hand_pose_ros":
        if not str(globals.get("__file__", "")).partition("hand_pose_ros/msg/")[1]:
            imported.add(name.split(".")[0])
    return original(name, globals, locals, fromlist, level)

builtins.__import__ = noting
import hand_pose_ros.nodes.tracker_node
{then}
print(*sorted(imported - set(sys.stdlib_module_names) - {{"hand_pose_ros"}}))
"""

TRACK_ONE_FRAME = """
import numpy
from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.nodes.parameters.tracker_parameters import TRACKER_PARAMETERS
from hand_pose_ros.nodes.tracker_factory import build_tracker
parameters = {parameter.name: parameter.default for parameter in TRACKER_PARAMETERS}
tracker = build_tracker({**parameters, "device": "cpu", "backend": "BACKEND"})
tracker.warm_up()
tracker.update(numpy.full((120, 160), 0.6, numpy.float32), Camera(160, 120, 120.0, 120.0, 79.5, 59.5), 0.0)
"""


def imported_modules(then: str = "") -> set[str]:
    program = PROGRAM.format(absent=NOT_NEEDED - {"yaml"}, then=then)
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    return set(answer.stdout.split())


@pytest.mark.slow
def test_nothing_of_training_and_figures_is_loaded_with_the_tracker_node() -> None:
    """Whoever imports it, a dependency's dependency too. torch loads tqdm where it is, and rclpy loads yaml."""
    program = f"import sys, hand_pose_ros.nodes.tracker_node; print(*{NOT_NEEDED!r} & set(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    assert set(answer.stdout.split()) <= {"tqdm", "yaml"}


@pytest.mark.slow
def test_tracker_node_imports_exactly_what_it_needs() -> None:
    assert imported_modules() == NEEDED | ROS


@pytest.mark.slow
@pytest.mark.parametrize("backend", LOADED)
def test_frame_is_tracked_without_anything_more(shipped_model, backend: str) -> None:
    pytest.importorskip(backend)
    assert imported_modules(TRACK_ONE_FRAME.replace("BACKEND", backend)) == NEEDED | LOADED[backend] | ROS
