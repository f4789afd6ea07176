"""The package's public face: four names, loaded when they are used, beside the messages of ROS."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import hand_pose_ros

ROOT = Path(__file__).resolve().parents[1]


def run(program: str) -> str:
    """What a fresh Python prints that has only the sources on its path before what it has anyway."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": path}
    answer = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def test_importing_the_package_loads_neither_numpy_nor_torch() -> None:
    program = "import sys, hand_pose_ros; dir(hand_pose_ros); print(*sorted(sys.modules))"
    assert not set(run(program).split()) & {"numpy", "torch", "scipy", "numba", "cv2"}


@pytest.mark.parametrize("name", hand_pose_ros.__all__)
def test_every_public_name_is_there_and_named_after_the_module_that_defines_it(name: str) -> None:
    value = getattr(hand_pose_ros, name)
    assert value.__module__ == hand_pose_ros._MODULE_OF_NAME[name]
    assert value is getattr(import_module(value.__module__), name)
    assert name in dir(hand_pose_ros)


def test_four_names_are_public() -> None:
    assert set(hand_pose_ros.__all__) == {"Camera", "Hand", "HandTracker", "TrackerConfig"}
    assert set(hand_pose_ros._MODULE_OF_NAME) == set(hand_pose_ros.__all__)


def test_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'HandTraker'"):
        _ = hand_pose_ros.HandTraker
    with pytest.raises(ImportError):
        exec("from hand_pose_ros import HandTraker")


def test_modules_of_the_package_still_resolve() -> None:
    assert "resources" in run("from hand_pose_ros import resources; print(resources.__name__)")


@pytest.mark.slow
def test_messages_still_resolve() -> None:
    pytest.importorskip("rclpy", reason="ROS 2 is not here: source a distribution, or run make build")
    program = "from hand_pose_ros import msg; from hand_pose_ros.msg import HandPose; print(msg.HandPose is HandPose)"
    assert run(program).strip() == "True"


def test_package_is_marked_as_typed() -> None:
    assert (ROOT / "hand_pose_ros" / "py.typed").is_file()


@pytest.mark.slow
@pytest.mark.parametrize(
    "module",
    [
        "hand_pose_ros.tracking.config",
        "hand_pose_ros.nodes.parameters.tracker_parameters",
        "hand_pose_ros.commands.replay",
        "hand_pose_ros.recording.replay_output",
        "hand_pose_ros.recording.hands_bag",
    ],
)
def test_settings_and_parameters_are_read_without_torch(module: str) -> None:
    if ".nodes." in module:
        pytest.importorskip("rclpy", reason="ROS 2 is not here: source a distribution, or run make build")
    assert run(f"import sys, {module}; print('torch' in sys.modules)").strip() == "False"


def test_py_typed_is_installed_by_pip_and_by_colcon() -> None:
    installed = re.search(
        r"^hand_pose_ros = \[(.*)\]$", (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert installed is not None
    assert '"py.typed"' in installed[1]
    rule = re.search(
        r"install\(DIRECTORY hand_pose_ros/ DESTINATION \$\{python_dir\}/hand_pose_ros ([^)]*)\)",
        (ROOT / "CMakeLists.txt").read_text(encoding="utf-8"),
    )
    assert rule is not None  # all of it, but for what Python and numba have compiled
    left_out = re.findall(r'PATTERN "([^"]*)" EXCLUDE', rule[1])
    assert left_out == ["__pycache__", "*.pyc", "*.nbi", "*.nbc", "hand_pose_ros-kernels.json"]
    assert "MATCHING" not in rule[1]
